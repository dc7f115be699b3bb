/* SPDX-License-Identifier: MIT */
/* Random calls, held against the model. BALLOON_SEED repeats a run. */

#define _POSIX_C_SOURCE 200809L /* clock_gettime() */

#include "model.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { BULK_MAX = 300 };

struct random {
	uint64_t state;
};

static uint32_t below(struct random *random, uint32_t n)
{
	random->state = random->state * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (uint32_t)((random->state >> 32) * n >> 32);
}

/* Lengths of all scales: small ones as often as large ones. */
static uint32_t some_length(struct random *random, uint32_t max)
{
	uint32_t length = 1 + below(random, UINT32_C(1) << below(random, 16));
	return length < max ? length : max;
}

/* Blocks from here and there, most of them beside the last one: in use or not, aligned or not. */
static void free_blocks(struct model *m, struct random *random)
{
	struct balloon_page firsts[BULK_MAX];
	uint32_t order = below(random, BALLOON_ZONE_ORDER_MAX + 1);
	uint32_t size = UINT32_C(1) << order;
	uint32_t n = 1 + below(random, BULK_MAX);
	uint32_t at = 0;
	for (uint32_t i = 0; i < n; i++) {
		if (i == 0 || below(random, 8) == 0)
			at = (uint32_t)model_align(m, below(random, m->n), size);
		else
			at = below(random, 16) ? at + size : at - 2 * size;
		firsts[i] = page_of(at + (below(random, 64) == 0));
	}
	both_free_blocks(m, order, firsts, n);
}

static void free_something(struct model *m, struct random *random)
{
	if (below(random, 3) == 0) {
		free_blocks(m, random);
		return;
	}
	uint32_t frame = below(random, m->n);
	uint32_t n = some_length(random, m->n - frame);
	if (model_all(m, frame, n, false)) {
		both_free_range(m, frame, n);
		return;
	}
	CHECK_EQ(balloon_zone_free_range(m->zone, page_of(frame), n), -ESTALE);
	for (uint32_t i = frame; i < frame + n; i++)
		if (!m->is_free[i])
			both_free_range(m, i, 1);
}

static void claim_something(struct model *m, struct random *random)
{
	uint32_t frame = below(random, m->n);
	uint32_t n = some_length(random, m->n - frame);
	bool is_free = model_all(m, frame, n, true);
	CHECK_EQ(balloon_zone_take_frames(m->zone, page_of(frame), n), is_free ? 0 : -EBUSY);
	if (is_free)
		model_take(m, frame, n);
	m->n_allocations += is_free;
	m->n_failures += !is_free;
}

static void take_something(struct model *m, struct random *random)
{
	struct balloon_page pages[BULK_MAX];
	uint32_t first = below(random, m->n);
	uint32_t frame, n;
	switch (below(random, 6)) {
	case 0:
		both_allocate(m, below(random, BALLOON_ZONE_ORDER_MAX + 1), &frame);
		break;
	case 1:
		n = some_length(random, m->n + 1);
		both_allocate_range(m, n, UINT32_C(1) << below(random, 16), &frame);
		break;
	case 2:
		both_allocate_bulk(m, pages, 1 + below(random, BULK_MAX));
		break;
	case 3:
		both_allocate_blocks(m, below(random, BALLOON_ZONE_ORDER_MAX + 1), pages,
			1 + below(random, BULK_MAX));
		break;
	case 4:
		frame = first + below(random, m->n);
		both_take_lowest(m, first, frame, pages, 1 + below(random, BULK_MAX));
		break;
	default:
		claim_something(m, random);
	}
}

/* Any length and alignment: the lowest place, or none. All is as it was then. */
static void hold_ranges(struct model *m)
{
	for (uint32_t align = 1; align <= 2 * m->n; align *= 2) {
		for (uint32_t n = 1; n <= m->n + 1; n++) {
			uint32_t frame;
			if (both_allocate_range(m, n, align, &frame) == 0)
				both_free_range(m, frame, n);
		}
	}
}

/* The zone may start anywhere in a block: mostly near the end of a large one. */
static uint64_t some_pfn(struct random *random)
{
	uint64_t end =
		(UINT64_C(1) << 13) + ((uint64_t)below(random, 1 << 20) << below(random, 12));
	return end - below(random, UINT32_C(1) << below(random, 13));
}

static void hold_random_calls(uint32_t n_frames, uint32_t n_steps, uint64_t seed)
{
	struct random random = {seed};
	struct model m;
	uint32_t per_mille_taken = 500;
	fprintf(stderr, "%u frames, seed %" PRIu64 "\n", n_frames, seed);
	model_open_at(&m, some_pfn(&random), n_frames);
	for (uint32_t step = 0; step < n_steps; step++) {
		if (step % 64 == 0) /* mostly taking for a while, then mostly giving */
			per_mille_taken = 200 + below(&random, 700);
		if (below(&random, 1000) < per_mille_taken)
			take_something(&m, &random);
		else
			free_something(&m, &random);
		if (step % 64 == 63) {
			model_check(&m);
			if (n_frames <= 200)
				hold_ranges(&m);
		}
	}
	model_close(&m);
}

static uint64_t chosen_seed(void)
{
	const char *seed = getenv("BALLOON_SEED");
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	return seed ? strtoull(seed, NULL, 10) : (uint64_t)now.tv_nsec;
}

Test(zone, does_what_its_model_does)
{
	static const uint32_t sizes[] = {1, 63, 64, 65, 191, 4096 + 5, 20000};
	uint64_t seed = chosen_seed();
	for (uint32_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		hold_random_calls(sizes[i], scaled(3000), i);
		hold_random_calls(sizes[i], scaled(3000), seed + i);
	}
	hold_random_calls(300000, scaled(600), 7);
}
