/* SPDX-License-Identifier: MIT */

#include "model.h"

#include <stdlib.h>
#include <string.h>

void model_open(struct model *m, uint32_t n_frames)
{
	model_open_at(m, UINT64_C(1) << 40, n_frames);
}

void model_open_at(struct model *m, uint64_t pfn, uint32_t n_frames)
{
	const struct balloon_zone_config config = {
		.first = FIRST, .n_frames = n_frames, .first_pfn = pfn - FIRST};
	*m = (struct model){.pfn = pfn, .n = n_frames, .n_free = n_frames};
	CHECK_EQ(balloon_zone_create(&config, &m->zone), 0);
	m->frames = balloon_zone_frames(m->zone);
	m->is_free = malloc(n_frames);
	CHECK(m->is_free);
	memset(m->is_free, true, n_frames);
}

/* Each row of frames that are in use goes back at once. */
static void free_all(struct model *m)
{
	for (uint32_t end, frame = 0; frame < m->n; frame = end + 1) {
		for (end = frame; end < m->n && !m->is_free[end]; end++)
			;
		if (end > frame)
			both_free_range(m, frame, end - frame);
	}
}

void model_close(struct model *m)
{
	model_check(m);
	free_all(m);
	CHECK_EQ(m->n_free, m->n);
	model_check(m);
	CHECK_EQ(balloon_zone_destroy(m->zone), 0);
	free(m->is_free);
}

void end_zone(struct balloon_zone *zone, uint32_t first, uint32_t n_frames)
{
	struct balloon_frames *frames = balloon_zone_frames(zone);
	struct balloon_page pages[256];
	while (frames->ops->take_lowest(frames, 0, UINT32_MAX, pages, 256) > 0)
		;
	CHECK_EQ(balloon_zone_free_range(zone, balloon_page(first), n_frames), 0);
	CHECK_EQ(balloon_zone_validate(zone), 0);
	CHECK_EQ(balloon_zone_destroy(zone), 0);
}

bool model_all(const struct model *m, uint32_t frame, uint32_t n, bool is_free)
{
	for (uint32_t i = frame; i < frame + n; i++)
		if (m->is_free[i] != is_free)
			return false;
	return true;
}

void model_take(struct model *m, uint32_t frame, uint32_t n)
{
	CHECK(frame < m->n && n <= m->n - frame);
	CHECK(model_all(m, frame, n, true));
	memset(m->is_free + frame, false, n);
	m->n_free -= n;
}

void model_give(struct model *m, uint32_t frame, uint32_t n)
{
	CHECK(model_all(m, frame, n, false));
	memset(m->is_free + frame, true, n);
	m->n_free += n;
}

uint64_t model_align(const struct model *m, uint64_t frame, uint32_t align)
{
	return (m->pfn + frame + align - 1) / align * align - m->pfn;
}

uint32_t model_find(const struct model *m, uint32_t n, uint32_t align)
{
	for (uint64_t at = model_align(m, 0, align); at + n <= m->n; at += align) {
		uint32_t n_row = 0;
		while (n_row < n && m->is_free[at + n_row])
			n_row++;
		if (n_row == n)
			return (uint32_t)at;
	}
	return NOWHERE;
}

static uint64_t n_blocks(const struct model *m, uint32_t size)
{
	uint64_t n = 0;
	for (uint64_t frame = model_align(m, 0, size); frame + size <= m->n; frame += size)
		n += model_all(m, (uint32_t)frame, size, true);
	return n;
}

uint32_t model_n_whole(const struct model *m)
{
	return (uint32_t)n_blocks(m, 64);
}

/* Is the frame free in the zone? Claiming says so, and is undone. */
static bool is_claimable(struct model *m, uint32_t frame)
{
	int result = balloon_zone_take_frames(m->zone, page_of(frame), 1);
	if (result == 0) {
		CHECK_EQ(balloon_zone_free_range(m->zone, page_of(frame), 1), 0);
		m->n_allocations++;
	} else {
		CHECK_EQ(result, -EBUSY);
		m->n_failures++;
	}
	return result == 0;
}

void model_check(struct model *m)
{
	struct balloon_zone_stats stats;
	CHECK_EQ(balloon_zone_validate(m->zone), 0);
	CHECK_EQ(balloon_zone_stats(m->zone, &stats), 0);
	CHECK_EQ(stats.n_frames, m->n);
	CHECK_EQ(stats.n_free, m->n_free);
	CHECK_EQ(stats.n_allocations, m->n_allocations);
	CHECK_EQ(stats.n_failures, m->n_failures);
	CHECK_EQ(stats.n_strays, 0);
	CHECK_EQ(m->frames->ops->n_free(m->frames), m->n_free);
	for (uint32_t order = 0; order <= BALLOON_ZONE_ORDER_MAX; order++)
		CHECK_EQ(stats.n_blocks[order], n_blocks(m, UINT32_C(1) << order));
	for (uint32_t frame = 0; frame < m->n; frame += 1 + m->n / 499)
		CHECK_EQ(is_claimable(m, frame), m->is_free[frame]);
	CHECK_EQ(balloon_zone_validate(m->zone), 0);
}

static void count(struct model *m, bool has_got)
{
	m->n_allocations += has_got;
	m->n_failures += !has_got;
}

int both_allocate(struct model *m, uint32_t order, uint32_t *frame)
{
	struct balloon_page first = {0};
	uint32_t size = UINT32_C(1) << order;
	bool is_there = model_find(m, size, size) != NOWHERE;
	int result = balloon_zone_allocate(m->zone, order, &first);
	CHECK_EQ(result, is_there ? 0 : -ENOMEM);
	count(m, is_there);
	if (result == 0) {
		*frame = frame_of(first);
		CHECK_EQ(model_align(m, *frame, size), *frame);
		model_take(m, *frame, size);
	}
	return result;
}

/* As many as there are; each call counts once. */
int both_allocate_blocks(struct model *m, uint32_t order, struct balloon_page *firsts, uint32_t n)
{
	const uint32_t size = UINT32_C(1) << order;
	uint64_t n_there = n_blocks(m, size);
	int result = balloon_zone_allocate_blocks(m->zone, order, firsts, n);
	CHECK_EQ(result, n_there == 0 ? -ENOMEM : (int)(n < n_there ? n : n_there));
	count(m, result > 0);
	for (int i = 0; i < result; i++) {
		CHECK_EQ(model_align(m, frame_of(firsts[i]), size), frame_of(firsts[i]));
		model_take(m, frame_of(firsts[i]), size);
	}
	return result;
}

/* Why a block cannot be freed; 0: it can. */
static int refusal(const struct model *m, uint32_t frame, uint32_t size)
{
	if (frame >= m->n || size > m->n - frame)
		return -ERANGE;
	if (model_align(m, frame, size) != frame)
		return -EINVAL;
	return model_all(m, frame, size, false) ? 0 : -ESTALE;
}

/* In array order, up to the first one that cannot be freed. */
int both_free_blocks(struct model *m, uint32_t order, const struct balloon_page *firsts, uint32_t n)
{
	const uint32_t size = UINT32_C(1) << order;
	int refused = 0;
	uint32_t n_freed = 0;
	for (; n_freed < n; n_freed++) {
		refused = refusal(m, frame_of(firsts[n_freed]), size);
		if (refused)
			break;
		model_give(m, frame_of(firsts[n_freed]), size);
	}
	int result = balloon_zone_free_blocks(m->zone, order, firsts, n);
	CHECK_EQ(result, n_freed ? (int)n_freed : refused);
	return result;
}

int both_allocate_range(struct model *m, uint32_t n, uint32_t align, uint32_t *frame)
{
	struct balloon_page first = {0};
	uint32_t lowest = model_find(m, n, align);
	int result = balloon_zone_allocate_range(m->zone, n, align, &first);
	CHECK_EQ(result, lowest == NOWHERE ? -ENOMEM : 0);
	count(m, result == 0);
	if (result == 0) {
		*frame = frame_of(first);
		CHECK_EQ(*frame, lowest);
		model_take(m, *frame, n);
	}
	return result;
}

int both_allocate_bulk(struct model *m, struct balloon_page *pages, uint32_t n)
{
	uint32_t n_there = m->n_free < n ? m->n_free : n;
	int result = m->frames->ops->allocate(m->frames, pages, n, 0);
	CHECK_EQ(result, n_there ? (int)n_there : -ENOMEM);
	count(m, result > 0);
	for (int i = 0; i < result; i++)
		model_take(m, frame_of(pages[i]), 1);
	return result;
}

int both_take_lowest(
	struct model *m, uint32_t first, uint32_t end, struct balloon_page *pages, uint32_t n)
{
	int result = m->frames->ops->take_lowest(m->frames, first + FIRST, end + FIRST, pages, n);
	uint32_t n_taken = 0;
	for (uint32_t frame = first; frame < end && frame < m->n && n_taken < n; frame++) {
		if (!m->is_free[frame])
			continue;
		CHECK_EQ(frame_of(pages[n_taken]), frame);
		n_taken++;
		model_take(m, frame, 1);
	}
	CHECK_EQ(result, n_taken);
	count(m, result > 0);
	return result;
}

void both_free_range(struct model *m, uint32_t frame, uint32_t n)
{
	model_give(m, frame, n);
	CHECK_EQ(balloon_zone_free_range(m->zone, page_of(frame), n), 0);
}
