/* SPDX-License-Identifier: MIT */
/* Ranges: allocated, claimed, freed. */

#include "model.h"

/* A hole that is too short, or not aligned, before one that fits. */
static void hold_lowest(uint32_t n, uint32_t align)
{
	struct model m;
	uint32_t frame;
	model_open(&m, 24000);
	CHECK_EQ(both_allocate_range(&m, 24000, 1, &frame), 0);
	both_free_range(&m, 130, n > 1 ? n - 1 : 1);
	both_free_range(&m, 8192 - 3, n);
	both_free_range(&m, 16000, n + (align < 5000 ? align : 1));
	model_check(&m);
	while (both_allocate_range(&m, n, align, &frame) == 0)
		;
	model_close(&m);
}

static void hold_all_of_a_zone(void)
{
	struct model m;
	uint32_t frame;
	model_open(&m, 300000);
	CHECK_EQ(both_allocate_range(&m, 300000, UINT32_C(1) << 31, &frame), 0);
	CHECK_EQ(both_allocate_range(&m, 1, 1, &frame), -ENOMEM);
	both_free_range(&m, 5, 299990);
	CHECK_EQ(both_allocate_range(&m, 299991, 1, &frame), -ENOMEM);
	CHECK_EQ(both_allocate_range(&m, 262144, 262144, &frame), -ENOMEM);
	CHECK_EQ(both_allocate_range(&m, 131072, 131072, &frame), 0);
	CHECK_EQ(frame, 131072);
	CHECK_EQ(both_allocate_range(&m, 131067, 1, &frame), 0);
	model_close(&m);
}

Test(zone, a_range_is_the_lowest_that_fits)
{
	static const uint32_t lengths[] = {1, 2, 3, 7, 63, 64, 65, 127, 128, 200, 1025, 5000};
	static const uint32_t aligns[] = {1, 4, 64, 1024, 8192};
	for (uint32_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++)
		for (uint32_t j = 0; j < sizeof(aligns) / sizeof(aligns[0]); j++)
			if ((i + j) % 3 == 0)
				hold_lowest(lengths[i], aligns[j]);
	hold_all_of_a_zone();
}

/*
 * Alignments past what summaries know of: frames that are in use are few and anywhere, in the middle of a place, at its
 * ends, and the zone may begin between two places.
 */
static void hold_far(uint32_t seed)
{
	enum { N = 60000 };
	struct model m;
	uint32_t random = seed, frame;
	model_open_at(&m, (UINT64_C(1) << 20) + seed % 5 * 4096 + seed % 3 * 77, N);
	for (uint32_t i = 0; i < 10 + seed; i++) {
		random = random * 1664525 + 1013904223;
		frame = (random >> 8) % N;
		if (i % 3 == 0)
			frame = (uint32_t)(model_align(&m, frame, 8192) - random % 2) % N;
		if (balloon_zone_take_frames(m.zone, page_of(frame), 1) == 0) {
			m.n_allocations++;
			model_take(&m, frame, 1);
		} else {
			m.n_failures++;
		}
		for (uint32_t n = 1; n < N / 2; n += 1 + n / 2)
			for (uint32_t align = 8192; align <= 32768; align *= 2)
				if (both_allocate_range(&m, n, align, &frame) == 0)
					both_free_range(&m, frame, n);
	}
	model_close(&m);
}

Test(zone, a_range_of_any_alignment_is_the_lowest_that_fits)
{
	for (uint32_t seed = 0; seed < scaled(12); seed++)
		hold_far(seed);
}

Test(zone, claimed_frames_are_those_that_were_named)
{
	struct model m;
	uint32_t frame;
	model_open(&m, 5000);
	CHECK_EQ(balloon_zone_take_frames(m.zone, page_of(60), 200), 0);
	model_take(&m, 60, 200);
	m.n_allocations++;
	CHECK_EQ(balloon_zone_take_frames(m.zone, page_of(0), 61), -EBUSY);
	CHECK_EQ(balloon_zone_take_frames(m.zone, page_of(259), 4000), -EBUSY);
	m.n_failures += 2;
	model_check(&m);
	CHECK_EQ(both_allocate_range(&m, 61, 1, &frame), 0);
	CHECK_EQ(frame, 260);
	CHECK_EQ(both_allocate_range(&m, 60, 1, &frame), 0);
	CHECK_EQ(frame, 0);
	model_close(&m);
}
