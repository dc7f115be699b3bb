/* SPDX-License-Identifier: MIT */
/* The zone as a frame source. */

#include "model.h"

enum { BULK = 256 };

static void hold_end_of_supply(void)
{
	struct model m;
	struct balloon_page pages[BULK];
	uint32_t frame;
	model_open(&m, 200);
	CHECK_EQ(both_allocate_range(&m, 200, 1, &frame), 0);
	for (uint32_t i = 0; i < 200; i += 3)
		both_free_range(&m, i, 1);
	CHECK_EQ(both_allocate_bulk(&m, pages, BULK), 67);
	CHECK_EQ(both_allocate_bulk(&m, pages, BULK), -ENOMEM);
	/* Back in the order that they came in, and in the reverse one. */
	m.frames->ops->free(m.frames, pages, 40);
	for (uint32_t i = 0; i < 40; i++)
		model_give(&m, frame_of(pages[i]), 1);
	model_check(&m);
	struct balloon_page reversed[27];
	for (uint32_t i = 40; i < 67; i++) {
		reversed[66 - i] = pages[i];
		model_give(&m, frame_of(pages[i]), 1);
	}
	m.frames->ops->free(m.frames, reversed, 27);
	model_close(&m);
}

Test(zone, bulk_frames_are_adjacent_and_ascend)
{
	struct model m;
	struct balloon_page pages[BULK];
	uint32_t frame = 0;
	model_open(&m, 156 * 64);
	for (uint32_t base = 0; base < 10 * BULK; base += BULK) {
		CHECK_EQ(both_allocate_bulk(&m, pages, BULK), BULK);
		for (uint32_t i = 0; i < BULK; i++)
			CHECK_EQ(frame_of(pages[i]), base + i);
	}
	/* Broken words stay for small blocks as long as there are whole ones. */
	both_free_range(&m, 70, 10);
	CHECK_EQ(both_allocate_bulk(&m, pages, 64), 64);
	CHECK_EQ(frame_of(pages[0]), 10 * BULK);
	/* A few frames come from broken words, the least broken first, and go on where the last few were. */
	both_free_range(&m, 192, 32);
	for (uint32_t i = 0; i < 16; i++) {
		CHECK_EQ(both_allocate_bulk(&m, pages, 1), 1);
		CHECK_EQ(frame_of(pages[0]), 192 + i);
	}
	CHECK_EQ(both_allocate_bulk(&m, pages, 16), 16);
	for (uint32_t i = 0; i < 10; i++) {
		CHECK_EQ(both_allocate_bulk(&m, pages, 1), 1);
		CHECK(frame_of(pages[0]) >= 70 && frame_of(pages[0]) < 80);
	}
	for (uint32_t i = 0; i < 100; i++) {
		CHECK_EQ(both_allocate_bulk(&m, pages, 1), 1);
		CHECK(i % 64 == 0 || frame_of(pages[0]) == frame + 1);
		frame = frame_of(pages[0]);
	}
	model_close(&m);
	hold_end_of_supply();
}

Test(zone, the_highest_frames_come_descending)
{
	struct model m;
	struct balloon_page pages[BULK];
	model_open(&m, 9000);
	CHECK_EQ(both_take_highest(&m, 0, 9000, pages, BULK), BULK);
	CHECK_EQ(both_take_highest(&m, 0, NOWHERE - FIRST, pages, BULK), BULK);
	CHECK_EQ(both_take_highest(&m, 0, 100, pages, BULK), 100);
	CHECK_EQ(both_take_highest(&m, 0, 100, pages, BULK), 0);
	CHECK_EQ(both_take_highest(&m, 0, 0, pages, BULK), 0);
	CHECK_EQ(both_take_highest(&m, 4095, 4097, pages, BULK), 2);
	CHECK_EQ(both_take_highest(&m, 195, 197, pages, 1), 1);
	CHECK_EQ(both_take_highest(&m, 4000, 3000, pages, BULK), 0);
	CHECK_EQ(both_take_highest(&m, 9000, 9001, pages, BULK), 0);
	/* In the map's numbers, the part may begin before the zone. */
	CHECK_EQ(m.frames->ops->take_highest(m.frames, 0, FIRST, pages, BULK), 0);
	CHECK_EQ(m.frames->ops->take_highest(m.frames, 0, FIRST - 1, pages, BULK), 0);
	m.n_failures += 2;
	CHECK_EQ(m.frames->ops->take_highest(m.frames, 0, FIRST + 200, pages, BULK), 99);
	m.n_allocations++;
	for (uint32_t i = 0; i < 99; i++)
		model_take(&m, frame_of(pages[i]), 1);
	model_close(&m);
}
