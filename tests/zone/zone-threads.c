/* SPDX-License-Identifier: MIT */
/* Several threads on one zone: what one holds, no other one is given. */

#include <errno.h>
#include <string.h>

#include <balloon/frames-ops.h>
#include <balloon/zone.h>

#include "check.h"
#include "runtime.h"
#include "scale.h"

enum {
	N_THREADS = 4,
	FIRST = 1000, /* index of the zone's first page */
	N_FRAMES = 8192 + 77,
	N_HELD = 64,
	BULK = 24,
	STRETCH = 100,
	UNIT_ORDER = 3,
};

struct shared {
	struct balloon_zone *zone;
	uint32_t n_rounds;
	/* One for each frame, its holder's alone: two holders are a race, and leave a wrong mark. */
	unsigned char *marks;
};

struct held {
	struct balloon_page first;
	uint32_t n;
	uint32_t order; /* of a block of 2^order frames */
	bool is_block;  /* else a range */
};

static void mark(struct shared *s, size_t thread, struct held *held, unsigned char before)
{
	for (uint32_t i = 0; i < held->n; i++) {
		unsigned char *m = &s->marks[held->first.index - FIRST + i];
		CHECK_EQ(*m, before);
		*m = before ? 0 : (unsigned char)(thread + 1);
	}
}

static void give(struct shared *s, size_t thread, struct held *held)
{
	mark(s, thread, held, (unsigned char)(thread + 1));
	CHECK_EQ(held->is_block ? balloon_zone_free(s->zone, held->first, held->order)
				: balloon_zone_free_range(s->zone, held->first, held->n),
		0);
	held->n = 0;
}

static void take(struct shared *s, size_t thread, struct held *held, uint32_t round)
{
	int result;
	held->order = round % 8;
	held->is_block = round % 3 > 0;
	held->n = held->is_block ? UINT32_C(1) << held->order : 1 + round % 200;
	if (held->is_block)
		result = balloon_zone_allocate(s->zone, held->order, &held->first);
	else
		result = balloon_zone_allocate_range(s->zone, held->n, 8, &held->first);
	CHECK(result == 0 || result == -ENOMEM);
	if (result < 0)
		held->n = 0;
	else
		mark(s, thread, held, 0);
}

static void bulk(struct shared *s, size_t thread, uint32_t round)
{
	struct balloon_frames *frames = balloon_zone_frames(s->zone);
	struct balloon_page pages[BULK];
	int n;
	if (round % 2)
		n = frames->ops->allocate(frames, pages, BULK, 0);
	else
		n = frames->ops->take_lowest(frames, 0, UINT32_MAX, pages, BULK);
	for (int i = 0; i < n; i++)
		mark(s, thread, &(struct held){.first = pages[i], .n = 1}, 0);
	for (int i = 0; i < n; i++)
		mark(s, thread, &(struct held){.first = pages[i], .n = 1},
			(unsigned char)(thread + 1));
	if (n > 0)
		frames->ops->free(frames, pages, (size_t)n);
}

/* The same of blocks. */
static void several(struct shared *s, size_t thread, uint32_t round)
{
	struct balloon_page firsts[BULK];
	uint32_t order = round % 8;
	int n = balloon_zone_allocate_blocks(s->zone, order, firsts, BULK);
	CHECK(n > 0 || n == -ENOMEM);
	for (int i = 0; i < n; i++)
		mark(s, thread, &(struct held){.first = firsts[i], .n = UINT32_C(1) << order}, 0);
	for (int i = 0; i < n; i++)
		mark(s, thread, &(struct held){.first = firsts[i], .n = UINT32_C(1) << order},
			(unsigned char)(thread + 1));
	if (n > 0)
		CHECK_EQ(balloon_zone_free_blocks(s->zone, order, firsts, (size_t)n), n);
}

/* And of units, by their source. */
static void units(struct shared *s, size_t thread)
{
	struct balloon_frames *units = balloon_zone_units(s->zone);
	struct balloon_page pages[BULK];
	struct held held = {.n = 1u << UNIT_ORDER};
	CHECK(units->ops->n_free(units) <= N_FRAMES >> UNIT_ORDER);
	int n = units->ops->allocate(units, pages, BULK, 0);
	for (int i = 0; i < n; i++) {
		held.first = balloon_page(pages[i].index << UNIT_ORDER);
		mark(s, thread, &held, 0);
		mark(s, thread, &held, (unsigned char)(thread + 1));
	}
	if (n > 0)
		units->ops->free(units, pages, (size_t)n);
}

/* Frames of others are missing, and become fewer: none that is free in a stretch is given to anybody else. */
static void reserve(struct shared *s, size_t thread, uint32_t round)
{
	struct balloon_zone_reservation reservation;
	struct held held = {
		.first = balloon_page(FIRST + round * 611 % (N_FRAMES - STRETCH)), .n = STRETCH};
	int result = balloon_zone_reserve(s->zone, &reservation, held.first, STRETCH);
	CHECK(result == 0 || result == -EBUSY);
	if (result < 0)
		return;
	int n_missing = balloon_zone_missing(s->zone, &reservation);
	CHECK(n_missing >= 0 && n_missing <= STRETCH);
	int n_left = balloon_zone_missing(s->zone, &reservation);
	CHECK(n_left >= 0 && n_left <= n_missing);
	result = balloon_zone_take_reserved(s->zone, &reservation);
	CHECK(result == 0 || (result == -EAGAIN && n_left > 0));
	if (result < 0) {
		CHECK_EQ(balloon_zone_unreserve(s->zone, &reservation), 0);
		return;
	}
	mark(s, thread, &held, 0);
	give(s, thread, &held);
}

static void work(void *shared, size_t thread)
{
	struct shared *s = shared;
	struct held held[N_HELD];
	struct balloon_zone_stats stats;
	struct balloon_frames *frames = balloon_zone_frames(s->zone);
	memset(held, 0, sizeof(held));
	for (uint32_t round = 0; round < s->n_rounds; round++) {
		struct held *one = &held[round * 7 % N_HELD];
		if (one->n)
			give(s, thread, one);
		else
			take(s, thread, one, round);
		if (round % 16 == 0)
			bulk(s, thread, round / 16);
		if (round % 16 == 8)
			several(s, thread, round / 16);
		if (round % 16 == 12)
			reserve(s, thread, round / 16 + (uint32_t)thread);
		if (round % 16 == 4)
			units(s, thread);
		if (round % 16 == 6)
			CHECK(frames->ops->n_free(frames) <= N_FRAMES);
		if (round % 256 == 0)
			CHECK_EQ(balloon_zone_stats(s->zone, &stats), 0);
	}
	for (uint32_t i = 0; i < N_HELD; i++)
		if (held[i].n)
			give(s, thread, &held[i]);
}

static void no_frame_has_two_holders(void)
{
	const struct balloon_zone_config config = {
		.first = FIRST, .n_frames = N_FRAMES, .unit_order = UNIT_ORDER};
	struct shared s = {.n_rounds = scaled(60000), .marks = calloc(1, N_FRAMES)};
	struct balloon_zone_stats stats;
	CHECK(s.marks);
	CHECK_EQ(balloon_zone_create(&config, &s.zone), 0);
	run_together(N_THREADS, work, &s);
	CHECK_EQ(balloon_zone_validate(s.zone), 0);
	CHECK_EQ(balloon_zone_stats(s.zone, &stats), 0);
	CHECK_EQ(stats.n_free, N_FRAMES);
	CHECK_EQ(stats.n_strays, 0);
	CHECK_EQ(balloon_zone_destroy(s.zone), 0);
	free(s.marks);
}

/* Counting changes what the zone remembers of its counts, so whoever looks may spoil them for the others. */
static void look(void *shared, size_t thread)
{
	struct shared *s = shared;
	struct balloon_zone_stats stats;
	for (uint32_t round = 0; round < s->n_rounds; round++) {
		struct held held = {.n = 0};
		take(s, thread, &held, round);
		CHECK_EQ(balloon_zone_stats(s->zone, &stats), 0);
		if (held.n)
			give(s, thread, &held);
		CHECK_EQ(balloon_zone_stats(s->zone, &stats), 0);
	}
}

static void counts_are_right_whoever_looks(void)
{
	const struct balloon_zone_config config = {
		.first = FIRST, .n_frames = N_FRAMES, .unit_order = UNIT_ORDER};
	struct shared s = {.n_rounds = scaled(20000), .marks = calloc(1, N_FRAMES)};
	struct balloon_zone_stats before, after;
	CHECK(s.marks);
	CHECK_EQ(balloon_zone_create(&config, &s.zone), 0);
	CHECK_EQ(balloon_zone_stats(s.zone, &before), 0);
	run_together(N_THREADS, look, &s);
	CHECK_EQ(balloon_zone_stats(s.zone, &after), 0);
	CHECK_EQ(after.n_free, N_FRAMES);
	for (uint32_t order = 0; order <= BALLOON_ZONE_ORDER_MAX; order++)
		CHECK_EQ(after.n_blocks[order], before.n_blocks[order]);
	CHECK_EQ(balloon_zone_validate(s.zone), 0);
	CHECK_EQ(balloon_zone_destroy(s.zone), 0);
	free(s.marks);
}

int main(void)
{
	no_frame_has_two_holders();
	counts_are_right_whoever_looks();
	return 0;
}
