/* SPDX-License-Identifier: MIT */
/* Stretches that are reserved, held against a model that knows of each frame whose it is. */

#include "suite.h"

#include <balloon/frames-ops.h>
#include <balloon/zone.h>

#include <stdlib.h>

enum { FIRST = 1000, N = 1000, N_RESERVATIONS = 3, BULK = 40 };

enum { FREE = 0, USED = 1, KEPT = 2 }; /* KEPT + i: for reservation i */

struct reserved {
	struct balloon_zone *zone;
	struct balloon_frames *frames;
	uint32_t state[N];
	struct balloon_zone_reservation reservations[N_RESERVATIONS];
	uint32_t begin[N_RESERVATIONS];
	uint32_t n[N_RESERVATIONS]; /* 0: not reserved */
	uint64_t n_strays;
	uint64_t random;
};

static uint32_t below(struct reserved *r, uint32_t n)
{
	r->random = r->random * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (uint32_t)((r->random >> 32) * n >> 32);
}

static struct balloon_page page_of(uint32_t frame)
{
	return balloon_page(FIRST + frame);
}

static void open_zone(struct reserved *r, uint64_t seed)
{
	const struct balloon_zone_config config = {.first = FIRST, .n_frames = N};
	memset(r, 0, sizeof(*r));
	r->random = seed;
	CHECK_EQ(balloon_zone_create(&config, &r->zone), 0);
	r->frames = balloon_zone_frames(r->zone);
}

/* What becomes of a frame that nobody has any more. */
static uint32_t home_of(const struct reserved *r, uint32_t frame)
{
	for (uint32_t i = 0; i < N_RESERVATIONS; i++)
		if (frame - r->begin[i] < r->n[i])
			return KEPT + i;
	return FREE;
}

static uint32_t n_missing(const struct reserved *r, uint32_t i)
{
	uint32_t n = 0;
	for (uint32_t frame = r->begin[i]; frame < r->begin[i] + r->n[i]; frame++)
		n += r->state[frame] != KEPT + i;
	return n;
}

/* Every frame is where the model has it. */
static void hold_all(struct reserved *r)
{
	uint64_t bits[(N + 63) / 64];
	struct balloon_zone_stats stats;
	uint32_t n_free = 0;
	uint32_t shift = below(r, 100);
	CHECK_EQ(balloon_zone_validate(r->zone), 0);
	r->frames->ops->which_free(r->frames, FIRST + shift, N - shift, bits);
	for (uint32_t frame = 0; frame < N; frame++) {
		n_free += r->state[frame] == FREE;
		if (frame >= shift)
			CHECK_EQ(bits[(frame - shift) / 64] >> (frame - shift) % 64 & 1,
				r->state[frame] == FREE);
	}
	CHECK_EQ(r->frames->ops->n_free(r->frames), n_free);
	CHECK_EQ(balloon_zone_stats(r->zone, &stats), 0);
	CHECK_EQ(stats.n_strays, r->n_strays);
	for (uint32_t i = 0; i < N_RESERVATIONS; i++)
		if (r->n[i])
			CHECK_EQ(balloon_zone_missing(r->zone, &r->reservations[i]),
				n_missing(r, i));
}

static bool all_are(const struct reserved *r, uint32_t frame, uint32_t n, uint32_t state)
{
	for (uint32_t i = frame; i < frame + n; i++)
		if (r->state[i] != state)
			return false;
	return true;
}

static void have_taken(struct reserved *r, struct balloon_page first, uint32_t n)
{
	CHECK(all_are(r, first.index - FIRST, n, FREE));
	for (uint32_t i = 0; i < n; i++)
		r->state[first.index - FIRST + i] = USED;
}

/* One by one, in bulk or the lowest; a block; a range, of any place or this one. What is kept never comes. */
static void take(struct reserved *r)
{
	struct balloon_page pages[BULK] = {{0}};
	const uint32_t kind = below(r, 5), n = 1 + below(r, BULK), order = below(r, 8);
	const uint32_t frame = below(r, N - n);
	int n_got = 0;
	if (kind == 0)
		n_got = r->frames->ops->allocate(r->frames, pages, n, 0);
	else if (kind == 1)
		n_got = r->frames->ops->take_lowest(r->frames, 0, UINT32_MAX, pages, n);
	else if (kind == 2 && balloon_zone_allocate(r->zone, order, pages) == 0)
		have_taken(r, pages[0], UINT32_C(1) << order);
	else if (kind == 3 && balloon_zone_allocate_range(r->zone, n, 1, pages) == 0)
		have_taken(r, pages[0], n);
	else if (kind == 4 && balloon_zone_take_frames(r->zone, page_of(frame), n) == 0)
		have_taken(r, page_of(frame), n);
	else if (kind == 4)
		CHECK(!all_are(r, frame, n, FREE));
	for (int i = 0; i < n_got; i++)
		have_taken(r, pages[i], 1);
}

static void have_given(struct reserved *r, uint32_t frame, uint32_t n)
{
	CHECK(all_are(r, frame, n, USED));
	for (uint32_t i = frame; i < frame + n; i++)
		r->state[i] = home_of(r, i);
}

/* A block, if all of it is in use. */
static void give_block(struct reserved *r)
{
	const uint32_t order = below(r, 8), size = UINT32_C(1) << order;
	const uint32_t index = (FIRST + below(r, N)) / size * size;
	int expected = 0;
	if (index < FIRST || index - FIRST + size > N)
		expected = -ERANGE;
	else if (!all_are(r, index - FIRST, size, USED))
		expected = -ESTALE;
	CHECK_EQ(balloon_zone_free(r->zone, balloon_page(index), order), expected);
	if (expected == 0)
		have_given(r, index - FIRST, size);
}

/* As a range, or those of it that are in use: one by one, or in bulk among others, which are left alone. */
static void give(struct reserved *r)
{
	struct balloon_page pages[BULK], used[BULK];
	const uint32_t n = 1 + below(r, BULK), frame = below(r, N - n), how = below(r, 3);
	uint32_t n_used = 0;
	for (uint32_t i = 0; i < n; i++) {
		pages[i] = page_of(frame + i);
		if (r->state[frame + i] == USED)
			used[n_used++] = pages[i];
	}
	if (how == 0) {
		CHECK_EQ(balloon_zone_free_range(r->zone, page_of(frame), n),
			n_used == n ? 0 : -ESTALE);
		n_used = n_used == n ? n : 0;
	} else if (how == 1 && n_used > 0) {
		CHECK_EQ(balloon_zone_free_blocks(r->zone, 0, used, n_used), n_used);
	} else if (how == 2) {
		r->frames->ops->free(r->frames, pages, n);
		r->n_strays += n - n_used;
	}
	for (uint32_t i = 0; i < n_used; i++)
		have_given(r, used[i].index - FIRST, 1);
}

static void reserve(struct reserved *r, uint32_t i)
{
	uint32_t frame = below(r, N);
	uint32_t n = 1 + below(r, N - frame < 200 ? N - frame : 200);
	bool is_busy = false;
	for (uint32_t j = 0; j < N_RESERVATIONS; j++)
		is_busy |= r->n[j] && frame < r->begin[j] + r->n[j] && r->begin[j] < frame + n;
	CHECK_EQ(balloon_zone_reserve(r->zone, &r->reservations[i], page_of(frame), n),
		is_busy ? -EBUSY : 0);
	if (is_busy)
		return;
	r->begin[i] = frame;
	r->n[i] = n;
	for (uint32_t at = frame; at < frame + n; at++)
		if (r->state[at] == FREE)
			r->state[at] = KEPT + i;
}

/* Taken, if nothing is missing, or given up. */
static void end(struct reserved *r, uint32_t i)
{
	bool is_whole = n_missing(r, i) == 0;
	uint32_t to = is_whole ? USED : FREE;
	CHECK_EQ(balloon_zone_take_reserved(r->zone, &r->reservations[i]), is_whole ? 0 : -EAGAIN);
	if (!is_whole)
		CHECK_EQ(balloon_zone_unreserve(r->zone, &r->reservations[i]), 0);
	for (uint32_t at = r->begin[i]; at < r->begin[i] + r->n[i]; at++)
		if (r->state[at] == KEPT + i)
			r->state[at] = to;
	r->n[i] = 0;
	CHECK_EQ(balloon_zone_unreserve(r->zone, &r->reservations[i]), -EINVAL);
}

static void close_zone(struct reserved *r)
{
	for (uint32_t i = 0; i < N_RESERVATIONS; i++)
		if (r->n[i])
			end(r, i);
	for (uint32_t frame = 0; frame < N; frame++)
		if (r->state[frame] == USED)
			CHECK_EQ(balloon_zone_free(r->zone, page_of(frame), 0), 0);
	CHECK_EQ(balloon_zone_validate(r->zone), 0);
	CHECK_EQ(balloon_zone_destroy(r->zone), 0);
}

static void step(struct reserved *r)
{
	uint32_t i = below(r, N_RESERVATIONS);
	switch (below(r, 8)) {
	case 0:
	case 1:
	case 2:
		take(r);
		break;
	case 3:
	case 4:
		give(r);
		break;
	case 5:
		give_block(r);
		break;
	default:
		if (r->n[i] == 0)
			reserve(r, i);
		else if (below(r, 4) == 0 || n_missing(r, i) == 0)
			end(r, i);
	}
}

Test(zone, what_becomes_free_in_a_reserved_stretch_is_kept_for_it)
{
	for (uint32_t seed = 0; seed < scaled(20); seed++) {
		struct reserved r;
		open_zone(&r, seed);
		for (uint32_t n = 0; n < 500; n++) {
			step(&r);
			if (n % 8 == 0)
				hold_all(&r);
		}
		close_zone(&r);
	}
}

/* Blocks of whole words, one by one and several at once, of which a reserved stretch has a part. */
Test(zone, blocks_that_lie_in_a_stretch_go_to_it)
{
	enum { N_BLOCKS = 8, BLOCK = 64 };
	const struct balloon_zone_config config = {.n_frames = N_BLOCKS * BLOCK};
	struct balloon_zone_reservation stretch;
	struct balloon_page firsts[N_BLOCKS], page;
	struct balloon_zone *zone;
	CHECK_EQ(balloon_zone_create(&config, &zone), 0);
	CHECK_EQ(balloon_zone_allocate_blocks(zone, 6, firsts, N_BLOCKS), N_BLOCKS);
	CHECK_EQ(balloon_zone_reserve(zone, &stretch, balloon_page(100), 200), 0);
	CHECK_EQ(balloon_zone_free(zone, firsts[1], 6), 0);
	CHECK_EQ(balloon_zone_missing(zone, &stretch), 200 - 28);
	CHECK_EQ(balloon_zone_free_blocks(zone, 6, firsts + 2, 3), 3);
	CHECK_EQ(balloon_zone_missing(zone, &stretch), 0);
	CHECK_EQ(balloon_zone_free(zone, firsts[2], 6), -ESTALE);
	CHECK_EQ(balloon_zone_allocate_blocks(zone, 6, &page, 1), -ENOMEM);
	CHECK_EQ(balloon_zone_frames(zone)->ops->n_free(balloon_zone_frames(zone)), 4 * 64 - 200);
	CHECK_EQ(balloon_zone_validate(zone), 0);
	CHECK_EQ(balloon_zone_unreserve(zone, &stretch), 0);
	CHECK_EQ(balloon_zone_free(zone, firsts[0], 6), 0);
	CHECK_EQ(balloon_zone_free_blocks(zone, 6, firsts + 5, 3), 3);
	CHECK_EQ(balloon_zone_destroy(zone), 0);
}

/* What a fork calls: in the parent all is as it was, in the child nothing is reserved any more. */
Test(zone, a_child_finds_free_what_was_kept_for_others)
{
	for (uint32_t is_child = 0; is_child < 2; is_child++) {
		struct reserved r;
		open_zone(&r, is_child);
		CHECK_EQ(balloon_zone_take_frames(r.zone, page_of(100), 300), 0);
		for (uint32_t frame = 100; frame < 400; frame++)
			r.state[frame] = USED;
		for (uint32_t i = 0; i < N_RESERVATIONS; i++) {
			r.begin[i] = 90 + i * 150;
			r.n[i] = 20;
			CHECK_EQ(balloon_zone_reserve(
					 r.zone, &r.reservations[i], page_of(r.begin[i]), r.n[i]),
				0);
			for (uint32_t at = r.begin[i]; at < r.begin[i] + r.n[i]; at++)
				if (r.state[at] == FREE)
					r.state[at] = KEPT + i;
		}
		hold_all(&r);
		balloon_zone_before_fork(r.zone);
		balloon_zone_after_fork(r.zone, is_child);
		for (uint32_t i = 0; is_child && i < N_RESERVATIONS; i++)
			r.n[i] = 0;
		for (uint32_t frame = 0; frame < N; frame++)
			if (r.state[frame] >= KEPT && is_child)
				r.state[frame] = FREE;
		hold_all(&r);
		for (uint32_t i = 0; is_child && i < N_RESERVATIONS; i++)
			CHECK_EQ(balloon_zone_unreserve(r.zone, &r.reservations[i]), -EINVAL);
		close_zone(&r);
	}
	balloon_zone_before_fork(NULL);
	balloon_zone_after_fork(NULL, true);
}

Test(zone, misuse_of_reservations_changes_nothing)
{
	struct reserved r;
	struct balloon_zone_reservation *one = &r.reservations[0];
	open_zone(&r, 1);
	CHECK_EQ(balloon_zone_reserve(NULL, one, page_of(0), 1), -EINVAL);
	CHECK_EQ(balloon_zone_reserve(r.zone, NULL, page_of(0), 1), -EINVAL);
	CHECK_EQ(balloon_zone_reserve(r.zone, one, page_of(0), 0), -EINVAL);
	CHECK_EQ(balloon_zone_reserve(r.zone, one, page_of(N), 1), -ERANGE);
	CHECK_EQ(balloon_zone_reserve(r.zone, one, page_of(1), N), -ERANGE);
	CHECK_EQ(balloon_zone_reserve(r.zone, one, balloon_page(FIRST - 1), 2), -ERANGE);
	CHECK_EQ(balloon_zone_unreserve(r.zone, one), -EINVAL);
	CHECK_EQ(balloon_zone_unreserve(NULL, one), -EINVAL);
	CHECK_EQ(balloon_zone_take_reserved(r.zone, one), -EINVAL);
	CHECK_EQ(balloon_zone_take_reserved(r.zone, NULL), -EINVAL);
	CHECK_EQ(balloon_zone_missing(r.zone, NULL), -EINVAL);
	CHECK_EQ(balloon_zone_reserve(r.zone, one, page_of(0), N), 0);
	/* What is kept is nobody's to free, and nobody else's to have. */
	CHECK_EQ(balloon_zone_free(r.zone, page_of(5), 0), -ESTALE);
	CHECK_EQ(balloon_zone_take_frames(r.zone, page_of(5), 1), -EBUSY);
	struct balloon_page page = page_of(5);
	CHECK_EQ(balloon_zone_free_blocks(r.zone, 0, &page, 1), -ESTALE);
	CHECK_EQ(balloon_zone_allocate_blocks(r.zone, 0, &page, 1), -ENOMEM);
	page = page_of(5);
	r.frames->ops->free(r.frames, &page, 1);
	struct balloon_zone_stats stats;
	CHECK_EQ(balloon_zone_stats(r.zone, &stats), 0);
	CHECK_EQ(stats.n_strays, 1);
	CHECK_EQ(balloon_zone_destroy(r.zone), -EBUSY);
	CHECK_EQ(balloon_zone_unreserve(r.zone, one), 0);
	close_zone(&r);
}
