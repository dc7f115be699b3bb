/* SPDX-License-Identifier: MIT */
/* Blocks of orders 0 to 10. */

#include "model.h"

static const uint32_t sizes[] = {1, 63, 64, 65, 1023, 1024, 4096 + 5};
enum { N_SIZES = sizeof(sizes) / sizeof(sizes[0]) };

static void take_all_blocks_of(uint32_t n_frames, uint32_t order)
{
	struct model m;
	uint32_t frame;
	uint32_t n = 0;
	model_open(&m, n_frames);
	while (both_allocate(&m, order, &frame) == 0)
		n++;
	CHECK_EQ(n, n_frames >> order);
	model_check(&m);
	while (n-- > 0) {
		CHECK_EQ(balloon_zone_free(m.zone, page_of(n << order), order), 0);
		model_give(&m, n << order, UINT32_C(1) << order);
	}
	model_close(&m);
}

Test(zone, hands_out_every_block_of_an_order_once)
{
	for (uint32_t i = 0; i < N_SIZES; i++)
		for (uint32_t order = 0; order <= BALLOON_ZONE_ORDER_MAX; order++)
			if (sizes[i] < 4096 || order % 2 == 0)
				take_all_blocks_of(sizes[i], order);
}

/* The largest free block around one frame that is in use. */
Test(zone, one_frame_in_use_breaks_one_block_of_each_order)
{
	for (uint32_t used = 0; used < 2048; used += 341) {
		struct model m;
		struct balloon_zone_stats stats;
		model_open(&m, 2048);
		CHECK_EQ(balloon_zone_take_frames(m.zone, page_of(used), 1), 0);
		m.n_allocations++;
		model_take(&m, used, 1);
		CHECK_EQ(balloon_zone_stats(m.zone, &stats), 0);
		for (uint32_t order = 0; order <= BALLOON_ZONE_ORDER_MAX; order++)
			CHECK_EQ(stats.n_blocks[order], (2048 >> order) - 1);
		model_close(&m);
	}
}

/* A block of each order from 64 frames on, and then single frames up to the last one: they use up the
 * broken ones first. */
Test(zone, small_blocks_leave_whole_words_whole)
{
	struct model m;
	uint32_t frame;
	model_open(&m, 4096);
	for (uint32_t i = 0; i < 4096; i++) {
		uint32_t n_whole = model_n_whole(&m);
		uint32_t n_broken_free = m.n_free - 64 * n_whole;
		CHECK_EQ(both_allocate(&m, 0, &frame), 0);
		CHECK_EQ(model_n_whole(&m), n_broken_free ? n_whole : n_whole - 1);
	}
	model_close(&m);
}

/* No word is broken: one is of the 4096 frames that are in use in part, so that the others stay a whole. */
Test(zone, small_blocks_leave_whole_stretches_whole)
{
	for (uint32_t order = 0; order < 6; order++) {
		struct model m;
		uint32_t frame;
		model_open(&m, 3 * 4096);
		CHECK_EQ(balloon_zone_take_frames(m.zone, page_of(4096), 60 * 64), 0);
		m.n_allocations++;
		model_take(&m, 4096, 60 * 64);
		for (uint32_t n = 0; n < 256u >> order; n++) {
			CHECK_EQ(both_allocate(&m, order, &frame), 0);
			CHECK(frame >= 4096 && frame < 2 * 4096);
		}
		model_close(&m);
	}
}

/* Of two holes that are large enough, the smaller one; of two words, the one with less to break. */
static void hold_small_holes(void)
{
	struct model m;
	uint32_t frame;
	model_open(&m, 3 * 64);
	CHECK_EQ(both_allocate_range(&m, 3 * 64, 1, &frame), 0);
	both_free_range(&m, 0, 32);      /* word 0: an order 5 */
	both_free_range(&m, 64, 16);     /* word 1: an order 4 */
	both_free_range(&m, 128 + 8, 8); /* word 2: orders 3 and 2, the larger one in front */
	both_free_range(&m, 128 + 16, 4);
	CHECK_EQ(both_allocate(&m, 2, &frame), 0);
	CHECK_EQ(frame, 128 + 16);
	CHECK_EQ(both_allocate(&m, 4, &frame), 0);
	CHECK_EQ(frame, 64);
	CHECK_EQ(both_allocate(&m, 3, &frame), 0);
	CHECK_EQ(frame, 128 + 8);
	CHECK_EQ(both_allocate(&m, 3, &frame), 0);
	CHECK_EQ(frame, 0);
	model_close(&m);
}

/* The same a tier higher: whole words come from where the fewest are. */
static void hold_rows_of_words(void)
{
	struct model m;
	uint32_t frame;
	model_open(&m, 2 * 4096);
	both_allocate_range(&m, 64, 1, &frame);
	CHECK_EQ(balloon_zone_take_frames(m.zone, page_of(4096), 4096 - 256), 0);
	m.n_allocations++;
	model_take(&m, 4096, 4096 - 256);
	CHECK_EQ(both_allocate(&m, 6, &frame), 0);
	CHECK_EQ(frame, 4096 + 4096 - 256);
	CHECK_EQ(both_allocate(&m, 7, &frame), 0);
	CHECK_EQ(frame, 4096 + 4096 - 128);
	CHECK_EQ(both_allocate(&m, 10, &frame), 0);
	CHECK_EQ(frame, 1024);
	model_close(&m);
}

Test(zone, a_block_comes_from_the_smallest_hole)
{
	hold_small_holes();
	hold_rows_of_words();
}

Test(zone, a_part_of_a_block_can_be_freed)
{
	struct model m;
	uint32_t frame;
	model_open(&m, 2048);
	CHECK_EQ(both_allocate(&m, 10, &frame), 0);
	CHECK_EQ(balloon_zone_free(m.zone, page_of(frame + 512), 9), 0);
	model_give(&m, frame + 512, 512);
	CHECK_EQ(balloon_zone_free(m.zone, page_of(frame), 0), 0);
	model_give(&m, frame, 1);
	model_close(&m);
}

/* Every block of the zone is one of the map's, whatever page the zone begins with. */
static void hold_alignment(uint32_t first, uint64_t first_pfn)
{
	const struct balloon_zone_config config = {
		.first = first, .n_frames = 3000, .first_pfn = first_pfn};
	struct balloon_zone *zone;
	struct balloon_page page;
	for (uint32_t order = 0; order <= BALLOON_ZONE_ORDER_MAX; order++) {
		const uint64_t size = UINT64_C(1) << order;
		const uint64_t n_before = (size - (first_pfn + first) % size) % size;
		uint64_t n = 0;
		CHECK_EQ(balloon_zone_create(&config, &zone), 0);
		for (; balloon_zone_allocate(zone, order, &page) == 0; n++)
			CHECK_EQ((first_pfn + page.index) % size, 0);
		CHECK_EQ(n, (3000 - n_before) / size);
		CHECK(order == 0 ||
			balloon_zone_free(zone, balloon_page(page.index + 1), order) == -EINVAL);
		CHECK_EQ(balloon_zone_free_range(zone, balloon_page(first + (uint32_t)n_before),
				 (uint32_t)(n * size)),
			0);
		CHECK_EQ(balloon_zone_allocate_range(zone, 1, 2 * (uint32_t)size, &page), 0);
		CHECK_EQ((first_pfn + page.index) % (2 * size), 0);
		CHECK_EQ(balloon_zone_free(zone, page, 0), 0);
		CHECK_EQ(balloon_zone_destroy(zone), 0);
	}
}

Test(zone, blocks_are_aligned_to_page_frame_numbers)
{
	hold_alignment(0, 0);
	hold_alignment(3, 0);
	hold_alignment(1000, 0);
	hold_alignment(4096, 77);
	hold_alignment(0, (UINT64_C(1) << 51) + 1023);
	hold_alignment(BALLOON_PAGES_MAX - 3000, 5);
}

/* ---- Several under one hold of the lock ------------------------------------------------------ */

enum { MANY = 200 };

static uint32_t below(uint32_t *random, uint32_t n)
{
	*random = *random * 1664525 + 1013904223;
	return (uint32_t)((uint64_t)*random * n >> 32);
}

/* The same holes in both, of all lengths. */
static void break_up(struct model *m, uint32_t seed)
{
	for (uint32_t frame = 0; frame < m->n;) {
		uint32_t n = 1 + below(&seed, UINT32_C(1) << below(&seed, 12));
		n = n < m->n - frame ? n : m->n - frame;
		if (below(&seed, 3) == 0) {
			CHECK_EQ(balloon_zone_take_frames(m->zone, page_of(frame), n), 0);
			model_take(m, frame, n);
			m->n_allocations++;
		}
		frame += n;
	}
}

Test(zone, several_blocks_are_those_of_as_many_calls)
{
	for (uint32_t seed = 0; seed < scaled(66); seed++) {
		const uint32_t order = seed % (BALLOON_ZONE_ORDER_MAX + 1);
		struct balloon_page firsts[MANY];
		struct model several, single;
		uint32_t random = seed, frame;
		model_open(&several, 5 * 4096 + 77);
		model_open(&single, 5 * 4096 + 77);
		break_up(&several, seed);
		break_up(&single, seed);
		for (int n = 1; n > 0;) {
			n = both_allocate_blocks(&several, order, firsts, 1 + below(&random, MANY));
			for (int i = 0; i < n; i++) {
				CHECK_EQ(both_allocate(&single, order, &frame), 0);
				CHECK_EQ(frame, frame_of(firsts[i]));
			}
		}
		model_close(&several);
		model_close(&single);
	}
}

static void hold_order_of_freeing(uint32_t order, uint32_t step)
{
	struct balloon_page firsts[MANY], shuffled[MANY];
	struct model m;
	model_open(&m, ((uint32_t)MANY << order) + 5);
	CHECK_EQ(both_allocate_blocks(&m, order, firsts, MANY), MANY);
	for (uint32_t i = 0; i < MANY; i++)
		shuffled[i] = firsts[i * step % MANY];
	CHECK_EQ(both_free_blocks(&m, order, shuffled, MANY / 2), MANY / 2);
	model_check(&m);
	CHECK_EQ(both_free_blocks(&m, order, shuffled + MANY / 2, MANY / 2), MANY / 2);
	CHECK_EQ(m.n_free, m.n);
	model_close(&m);
}

Test(zone, several_blocks_go_back_in_any_order)
{
	const uint32_t steps[] = {
		1, MANY - 1, 3, 101}; /* without a common factor: each block once */
	for (uint32_t order = 0; order <= BALLOON_ZONE_ORDER_MAX; order++)
		for (uint32_t i = 0; i < sizeof(steps) / sizeof(*steps); i++)
			hold_order_of_freeing(order, steps[i]);
}

enum wrong { IS_FREE, IS_PAST, IS_FAR, IS_BEFORE, IS_TWICE, IS_UNALIGNED, N_WRONG };

/* One that cannot be freed, among others that can: those before it go back, no other. */
static void hold_stop(uint32_t order, enum wrong wrong, uint32_t at)
{
	enum { N = 8 };
	const uint32_t size = UINT32_C(1) << order;
	struct balloon_page firsts[N];
	struct model m;
	model_open(&m, (N + 1) * size);
	CHECK_EQ(both_allocate_blocks(&m, order, firsts, N), N);
	both_free_range(&m, frame_of(firsts[at]), size);
	const struct balloon_page pages[N_WRONG] = {firsts[at], page_of(m.n),
		balloon_page(UINT32_MAX - 5), balloon_page(FIRST - 1), firsts[at ? at - 1 : 0],
		balloon_page(firsts[at].index + size / 2)};
	firsts[at] = pages[wrong];
	int n = both_free_blocks(&m, order, firsts, N);
	CHECK(at ? n == (int)at : n < 0);
	model_close(&m);
}

Test(zone, freeing_stops_at_the_first_block_that_cannot_be_freed)
{
	for (uint32_t order = 0; order <= BALLOON_ZONE_ORDER_MAX; order++)
		for (uint32_t at = 0; at < 8; at++)
			for (enum wrong wrong = 0; wrong < N_WRONG; wrong++)
				if (order > 0 || wrong != IS_UNALIGNED)
					hold_stop(order, wrong, at);
}

/* A frame in use that was allocated alone, a part of a block, blocks of another order: all the same. */
Test(zone, several_parts_of_blocks_can_be_freed)
{
	struct balloon_page firsts[2], parts[MANY];
	struct model m;
	model_open(&m, 4096);
	CHECK_EQ(both_allocate_blocks(&m, 10, firsts, 2), 2);
	for (uint32_t i = 0; i < 16; i++)
		parts[i] = page_of(frame_of(firsts[0]) + 64 * i);
	CHECK_EQ(both_free_blocks(&m, 5, parts, 16), 16);
	CHECK_EQ(both_free_blocks(&m, 6, parts, 16), -ESTALE);
	CHECK_EQ(both_free_blocks(&m, 8, firsts + 1, 1), 1);
	model_close(&m);
}
