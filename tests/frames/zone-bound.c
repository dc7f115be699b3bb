/* SPDX-License-Identifier: MIT */
/* What the calls look at, in words, however the zone is fragmented: of a zone of 64 GiB. */

#include "model.h"

#include "books.h"

enum { N_FRAMES = 1 << 24, BOUND = 2000, BULK = 256 };

static struct balloon_zone *make_zone(uint32_t n_frames)
{
	const struct balloon_zone_config config = {.n_frames = n_frames};
	struct balloon_zone *zone;
	CHECK_EQ(balloon_zone_create(&config, &zone), 0);
	return zone;
}

/* All frames go back, whatever is free already. */
static void end_zone(struct balloon_zone *zone)
{
	struct balloon_frames *frames = balloon_zone_frames(zone);
	struct balloon_page pages[BULK];
	while (frames->ops->take_highest(frames, 0, UINT32_MAX, pages, BULK) == BULK)
		;
	CHECK_EQ(balloon_zone_claim_range(zone, balloon_page(0), 1), -EBUSY);
	CHECK_EQ(balloon_zone_free_range(zone, balloon_page(0), zone->n_frames), 0);
	CHECK_EQ(balloon_zone_validate(zone), 0);
	CHECK_EQ(balloon_zone_destroy(zone), 0);
}

/* Allocate, and say what was looked at; all is as before. */
static void hold_range(
	struct balloon_zone *zone, uint32_t n, uint32_t align, bool is_there, uint32_t place)
{
	struct balloon_page page = {0};
	uint64_t before = zone->n_looked;
	int result = balloon_zone_allocate_range(zone, n, align, &page);
	CHECK(zone->n_looked - before <= BOUND);
	CHECK_EQ(result, is_there ? 0 : -ENOMEM);
	if (result == 0) {
		CHECK_EQ(page.index, place);
		CHECK_EQ(balloon_zone_free_range(zone, page, n), 0);
	}
}

/*
 * Nearly everywhere are free runs that are one frame too short, or that are long enough but for their
 * alignment; at the end is one that fits.
 */
static void hold_worst(uint32_t n, uint32_t align)
{
	struct balloon_zone *zone = make_zone(N_FRAMES);
	const uint32_t n_run = n + align - 2; /* from the frame after an aligned one on */
	const uint32_t period = (n_run + align) / align * align;
	const uint32_t last = (N_FRAMES - n) / align * align;
	for (uint32_t at = 0; at < N_FRAMES; at += period) {
		uint32_t n_used = period - n_run;
		/* The first frame of a period, and those that the period has too many. */
		CHECK_EQ(balloon_zone_claim_range(zone, balloon_page(at), 1), 0);
		at += n_run + 1;
		n_used--;
		if (n_used && at + n_used <= N_FRAMES)
			CHECK_EQ(balloon_zone_claim_range(zone, balloon_page(at), n_used), 0);
		at -= n_run + 1;
	}
	(void)last;
	hold_range(zone, n, align, false, 0);
	for (uint32_t i = 0; i < 1000; i++) /* break some of them here and there */
		balloon_zone_claim_range(
			zone, balloon_page(i * UINT32_C(2654435761) % N_FRAMES), 1);
	hold_range(zone, n, align, false, 0);
	CHECK_EQ(balloon_zone_validate(zone), 0);
	end_zone(zone);
}

Test(zone, a_range_search_looks_at_few_words)
{
	static const uint32_t cases[][2] = {{2, 1}, {3, 1}, {17, 1}, {33, 1}, {64, 1}, {65, 1},
		{4097, 1}, {2, 2}, {3, 4}, {33, 8}, {5, 64}, {100, 64}, {512, 512}, {1024, 1024}};
	for (uint32_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		hold_worst(cases[i][0], cases[i][1]);
}
