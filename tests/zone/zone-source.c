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

/* Of many frames, half a word or more, whole words are the first; of fewer the last. */
Test(zone, few_frames_leave_whole_words_whole)
{
	for (uint32_t n = 1; n <= 64; n++) {
		struct model m;
		struct balloon_page pages[64];
		model_open(&m, 64 * 64);
		CHECK_EQ(balloon_zone_take_frames(m.zone, page_of(0), 24), 0);
		model_take(&m, 0, 24);
		m.n_allocations++;
		CHECK_EQ(both_allocate_bulk(&m, pages, n), n);
		CHECK_EQ(frame_of(pages[0]), n < 32 ? 24 : 64);
		model_close(&m);
	}
}

Test(zone, the_lowest_frames_come_ascending)
{
	struct model m;
	struct balloon_page pages[BULK];
	model_open(&m, 9000);
	CHECK_EQ(both_take_lowest(&m, 0, 9000, pages, BULK), BULK);
	CHECK_EQ(both_take_lowest(&m, 0, NOWHERE - FIRST, pages, BULK), BULK);
	CHECK_EQ(both_take_lowest(&m, 8900, 9000, pages, BULK), 100);
	CHECK_EQ(both_take_lowest(&m, 8900, 9000, pages, BULK), 0);
	CHECK_EQ(both_take_lowest(&m, 0, 0, pages, BULK), 0);
	CHECK_EQ(both_take_lowest(&m, 4095, 4097, pages, BULK), 2);
	CHECK_EQ(both_take_lowest(&m, 6195, 6197, pages, 1), 1);
	CHECK_EQ(both_take_lowest(&m, 4000, 3000, pages, BULK), 0);
	CHECK_EQ(both_take_lowest(&m, 9000, 9001, pages, BULK), 0);
	/* In the map's numbers, the part may begin before the zone. */
	CHECK_EQ(m.frames->ops->take_lowest(m.frames, 0, FIRST, pages, BULK), 0);
	CHECK_EQ(m.frames->ops->take_lowest(m.frames, 0, FIRST - 1, pages, BULK), 0);
	m.n_failures += 2;
	CHECK_EQ(m.frames->ops->take_lowest(m.frames, 0, FIRST + 600, pages, BULK), 88);
	m.n_allocations++;
	for (uint32_t i = 0; i < 88; i++)
		model_take(&m, frame_of(pages[i]), 1);
	model_close(&m);
}

/* The map's pages from `first` on: before the zone and past its end there is no frame that is free. */
static void hold_which_are_free(struct model *m, uint32_t first, uint32_t n_pages)
{
	uint64_t words[8] = {0};
	m->frames->ops->which_free(m->frames, first, n_pages, words);
	for (uint32_t i = 0; i < n_pages; i++) {
		uint32_t page = first + i;
		bool is_free = page >= FIRST && page - FIRST < m->n && m->is_free[page - FIRST];
		CHECK_EQ(words[i / 64] >> i % 64 & 1, is_free);
	}
}

Test(zone, says_which_frames_are_free)
{
	const uint32_t sizes[] = {1, 63, 64, 65, 700, 1000};
	struct model m;
	uint32_t frame;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		model_open(&m, sizes[i]);
		CHECK_EQ(both_allocate_range(&m, sizes[i], 1, &frame), 0);
		for (uint32_t at = 0; at < sizes[i]; at += 1 + at % 5)
			both_free_range(&m, at, 1);
		for (uint32_t first = 0; first < FIRST + 1100; first += 1 + first % 7)
			hold_which_are_free(&m, first, 1 + first % 512);
		hold_which_are_free(&m, UINT32_MAX - 600, 512);
		model_close(&m);
	}
}
