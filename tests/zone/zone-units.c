/* SPDX-License-Identifier: MIT */
/* Units: whole blocks or nothing, held against a model that knows of each frame who has it. */

#include "suite.h"

#include <balloon/frames-ops.h>
#include <balloon/zone.h>

#include <stdlib.h>

/* A zone that neither begins nor ends with a unit. */
enum {
	FIRST = 1003,
	N = 1500,
	ORDER = 4,
	UNIT = 1 << ORDER,
	N_UNITS = (FIRST + N) / UNIT,
	MANY = 6
};

enum holder { FREE, OTHERS, IN_UNIT };

struct units {
	struct balloon_zone *zone;
	struct balloon_frames *source;
	enum holder frames[FIRST + N]; /* by page */
	bool has[N_UNITS];
	uint64_t random;
};

static uint32_t below(struct units *u, uint32_t n)
{
	u->random = u->random * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (uint32_t)((u->random >> 32) * n >> 32);
}

static void set(struct units *u, uint32_t first, uint32_t n, enum holder from, enum holder to)
{
	for (uint32_t i = first; i < first + n; i++) {
		CHECK_EQ(u->frames[i], from);
		u->frames[i] = to;
	}
}

static bool all_are(const struct units *u, uint32_t first, uint32_t n, enum holder holder)
{
	for (uint32_t i = first; i < first + n; i++)
		if (u->frames[i] != holder)
			return false;
	return true;
}

static uint32_t n_whole(const struct units *u)
{
	uint32_t n = 0;
	for (uint32_t unit = FIRST / UNIT + 1; unit < N_UNITS; unit++)
		n += all_are(u, unit * UNIT, UNIT, FREE);
	return n;
}

/* As many as are whole. */
static void take_units(struct units *u)
{
	struct balloon_page pages[MANY];
	uint32_t n = 1 + below(u, MANY);
	uint32_t n_there = n_whole(u);
	int got = u->source->ops->allocate(u->source, pages, n, 0);
	CHECK_EQ(got, n_there == 0 ? -ENOMEM : (int)(n < n_there ? n : n_there));
	for (int i = 0; i < got; i++) {
		set(u, pages[i].index * UNIT, UNIT, FREE, IN_UNIT);
		u->has[pages[i].index] = true;
	}
}

static void give_unit(struct units *u, uint32_t unit)
{
	struct balloon_page page = balloon_page(unit);
	set(u, unit * UNIT, UNIT, IN_UNIT, FREE);
	u->has[unit] = false;
	u->source->ops->free(u->source, &page, 1);
}

static void take_others(struct units *u)
{
	struct balloon_page first;
	uint32_t n = 1 + below(u, UNIT);
	if (balloon_zone_allocate_range(u->zone, n, 1, &first) == 0)
		set(u, first.index, n, FREE, OTHERS);
}

static void give_others(struct units *u, uint32_t at)
{
	if (u->frames[at] != OTHERS)
		return;
	CHECK_EQ(balloon_zone_free(u->zone, balloon_page(at), 0), 0);
	u->frames[at] = FREE;
}

static void open_units(struct units *u, uint64_t seed)
{
	const struct balloon_zone_config config = {
		.first = FIRST, .n_frames = N, .unit_order = ORDER, .first_pfn = 64 * UNIT};
	memset(u, 0, sizeof(*u));
	u->random = seed;
	CHECK_EQ(balloon_zone_create(&config, &u->zone), 0);
	u->source = balloon_zone_units(u->zone);
}

static void close_units(struct units *u)
{
	for (uint32_t unit = 0; unit < N_UNITS; unit++)
		if (u->has[unit])
			give_unit(u, unit);
	for (uint32_t at = FIRST; at < FIRST + N; at++)
		give_others(u, at);
	CHECK_EQ(balloon_zone_validate(u->zone), 0);
	CHECK_EQ(balloon_zone_destroy(u->zone), 0);
}

static void step(struct units *u)
{
	uint32_t unit = below(u, N_UNITS);
	switch (below(u, 4)) {
	case 0:
		take_units(u);
		break;
	case 1:
		take_others(u);
		break;
	case 2:
		if (u->has[unit])
			give_unit(u, unit);
		break;
	default:
		for (uint32_t i = 0; i < UNIT; i++)
			give_others(u, FIRST + below(u, N));
	}
}

Test(zone, units_are_whole_or_there_are_none)
{
	for (uint32_t seed = 0; seed < scaled(20); seed++) {
		struct units u;
		open_units(&u, seed);
		for (uint32_t n = 0; n < 1000; n++)
			step(&u);
		CHECK_EQ(balloon_zone_validate(u.zone), 0);
		close_units(&u);
	}
}

Test(zone, what_is_no_unit_in_use_is_left_alone)
{
	struct units u;
	struct balloon_page page;
	struct balloon_zone_stats stats;
	open_units(&u, 0);
	CHECK_EQ(u.source->ops->allocate(u.source, &page, 1, 0), 1);
	/* Partly before the zone, partly past it, far away, and past all numbers, where those of frames begin again;
	 * free; with a free frame. */
	const uint32_t strays[] = {FIRST / UNIT, N_UNITS, 0, UINT32_MAX,
		page.index + UINT32_MAX / UNIT + 1, page.index + 1};
	for (uint32_t i = 0; i < sizeof(strays) / sizeof(*strays); i++)
		u.source->ops->free(u.source, &(struct balloon_page){strays[i]}, 1);
	CHECK_EQ(balloon_zone_free(u.zone, balloon_page(page.index * UNIT + 1), 0), 0);
	u.source->ops->free(u.source, &page, 1);
	CHECK_EQ(balloon_zone_stats(u.zone, &stats), 0);
	CHECK_EQ(stats.n_strays, 7);
	CHECK_EQ(stats.n_free, N - UNIT + 1);
	CHECK_EQ(u.source->ops->n_free(u.source), (N - UNIT + 1) / UNIT);
	CHECK_EQ(balloon_zone_take_frames(u.zone, balloon_page(page.index * UNIT + 1), 1), 0);
	u.source->ops->free(u.source, &page, 1);
	/* Among others that go back; twice. */
	struct balloon_page pages[8];
	CHECK_EQ(u.source->ops->allocate(u.source, pages, 6, 0), 6);
	const struct balloon_page left = pages[3];
	pages[6] = pages[2];
	pages[3] = balloon_page(0);
	pages[7] = balloon_page(UINT32_MAX);
	u.source->ops->free(u.source, pages, 8);
	CHECK_EQ(balloon_zone_stats(u.zone, &stats), 0);
	CHECK_EQ(stats.n_strays, 10);
	CHECK_EQ(stats.n_free, N - UNIT);
	u.source->ops->free(u.source, &left, 1);
	CHECK_EQ(balloon_zone_destroy(u.zone), 0);
}

/* What somebody else waits for is his, whichever unit it came back with. */
Test(zone, a_unit_that_lies_in_a_stretch_goes_to_it)
{
	struct units u;
	struct balloon_page page;
	struct balloon_zone_reservation stretch;
	open_units(&u, 0);
	CHECK_EQ(u.source->ops->allocate(u.source, &page, 1, 0), 1);
	struct balloon_page middle = balloon_page(page.index * UNIT + UNIT / 2);
	CHECK_EQ(balloon_zone_reserve(u.zone, &stretch, middle, UNIT), 0);
	CHECK_EQ(balloon_zone_missing(u.zone, &stretch), UNIT / 2);
	u.source->ops->free(u.source, &page, 1);
	CHECK_EQ(balloon_zone_take_reserved(u.zone, &stretch), 0);
	CHECK_EQ(u.source->ops->n_free(u.source), (N - UNIT) / UNIT);
	CHECK_EQ(balloon_zone_free_range(u.zone, middle, UNIT), 0);
	CHECK_EQ(balloon_zone_destroy(u.zone), 0);
}

Test(zone, units_of_one_frame_are_the_frames)
{
	struct balloon_zone_config config = {.n_frames = N};
	struct balloon_zone *zone = NULL;
	CHECK_EQ(balloon_zone_create(&config, &zone), 0);
	CHECK(balloon_zone_units(zone) == balloon_zone_frames(zone));
	CHECK_EQ(balloon_zone_destroy(zone), 0);
	CHECK(!balloon_zone_units(NULL));
	config.unit_order = BALLOON_ZONE_ORDER_MAX + 1;
	CHECK_EQ(balloon_zone_create(&config, &zone), -EINVAL);
	config.unit_order = 4;
	config.first_pfn = 8;
	CHECK_EQ(balloon_zone_create(&config, &zone), -EINVAL);
}
