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
