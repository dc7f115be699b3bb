/* SPDX-License-Identifier: MIT */
/* What the calls look at, in words, however the zone is fragmented: of a zone of 64 GiB. */

#include "model.h"

#include "zone/validate.h"
#include "zone/zone.h"

enum { N_FRAMES = 1 << 24, BOUND = 2000, BULK = 256 };

static struct balloon_zone *make_zone(uint32_t n_frames)
{
	const struct balloon_zone_config config = {.n_frames = n_frames};
	struct balloon_zone *zone;
	CHECK_EQ(balloon_zone_create(&config, &zone), 0);
	return zone;
}

static void claim(struct balloon_zone *zone, uint32_t from, uint32_t to)
{
	if (from < to)
		CHECK_EQ(balloon_zone_take_frames(zone, balloon_page(from), to - from), 0);
}

/* Within the bound the range is found at its place, or nowhere; then all is as it was. */
static uint64_t hold_range(struct balloon_zone *zone, uint32_t n, uint32_t align, uint32_t place)
{
	struct balloon_page page = {0};
	uint64_t before = zone->n_looked;
	int result = balloon_zone_allocate_range(zone, n, align, &page);
	uint64_t n_looked = zone->n_looked - before;
	CHECK(n_looked <= BOUND);
	CHECK_EQ(result, place == NOWHERE ? -ENOMEM : 0);
	if (result == 0) {
		CHECK_EQ(page.index, place);
		CHECK_EQ(balloon_zone_free_range(zone, page, n), 0);
	}
	return n_looked;
}

/* From the frame after the first one of each period on, so many are free, and no others. */
static void break_up(struct balloon_zone *zone, uint32_t period, uint32_t n_free)
{
	claim(zone, 0, 1);
	for (uint32_t at = 0; at < N_FRAMES; at += period)
		claim(zone, at + 1 + n_free, N_FRAMES - at > period ? at + period + 1 : N_FRAMES);
}

/* The end of the zone is used, but for one place; where that is. */
static uint32_t make_place(struct balloon_zone *zone, uint32_t n, uint32_t align)
{
	const uint32_t place = (N_FRAMES - n) / align * align;
	for (uint32_t at = place - place / 64; at < N_FRAMES; at++)
		balloon_zone_take_frames(zone, balloon_page(at), 1);
	CHECK_EQ(balloon_zone_free_range(zone, balloon_page(place), n), 0);
	return place;
}

/*
 * Everywhere are runs that are a frame too short, or long enough but for their alignment. Then frames are
 * taken here and there, as many as there are summaries, so that these are out of date.
 */
static void hold_short_runs(uint32_t n, uint32_t align)
{
	struct balloon_zone *zone = make_zone(N_FRAMES);
	const uint32_t n_run = n + align - 2;
	break_up(zone, (n_run + align) / align * align, n_run);
	hold_range(zone, n, align, NOWHERE);
	const uint32_t place = make_place(zone, n, align);
	for (uint32_t i = 0; i < 5000; i++) {
		uint32_t at = (uint32_t)(i * UINT64_C(2654435761) % place);
		balloon_zone_take_frames(zone, balloon_page(at), 1);
		if (i % 16 == 0)
			hold_range(zone, n, align, place);
	}
	end_zone(zone, 0, N_FRAMES);
}

/* Each 4096 frames have one place that fits. It goes, from both ends, everywhere but at the last. */
static void hold_gone_places(uint32_t n, uint32_t align)
{
	struct balloon_zone *zone = make_zone(N_FRAMES);
	const uint32_t last = N_FRAMES - 4096;
	break_up(zone, 4096, n + align - 1);
	for (uint32_t at = 0; at < last / 2; at += 4096) {
		claim(zone, last - 4096 - at + align, last - 4096 - at + align + 1);
		if (at != last - 4096 - at)
			claim(zone, at + align, at + align + 1);
	}
	hold_range(zone, n, align, last + align);
	claim(zone, last + align, last + align + 1);
	hold_range(zone, n, align, NOWHERE);
	CHECK_EQ(hold_range(zone, n, align, NOWHERE), 0); /* as is known by now */
	end_zone(zone, 0, N_FRAMES);
}

Test(zone, a_range_search_looks_at_few_words)
{
	static const struct {
		uint32_t n, align;
	} cases[] = {{64, 64}, {1000, 64}, {2, 1}, {127, 8}, {33, 1}, {3, 2}, {512, 512},
		{4096, 4096}, {10000, 1}};
	const uint32_t n_cases = sizeof(cases) / sizeof(cases[0]);
	uint32_t n = scaled(n_cases);
	for (uint32_t i = 0; i < n && i < n_cases; i++) {
		hold_short_runs(cases[i].n, cases[i].align);
		if (cases[i].n + cases[i].align < 4096)
			hold_gone_places(cases[i].n, cases[i].align);
	}
}

/* Of a place whose alignment no summary knows, 4096 frames are looked at together where they are free. */
Test(zone, a_place_for_a_long_range_is_looked_at_in_large_steps)
{
	enum { N = 1 << 22, ROW = 4096, ALIGN = 2 * ROW };
	struct balloon_zone *zone = make_zone(N);
	claim(zone, 5, 6);
	/* From the end, the words of the last row and of the first one by one: there is no other place. */
	const uint64_t n_looked = hold_range(zone, N - ROW, ALIGN, NOWHERE);
	CHECK(n_looked >= N / ROW + 100 && n_looked <= N / ROW + 130);
	CHECK_EQ(balloon_zone_free(zone, balloon_page(5), 0), 0);
	CHECK_EQ(balloon_zone_destroy(zone), 0);
}

/* Pages of the zone in an order, all of which are in use: what their return touches. */
static uint64_t n_touched(struct balloon_zone *zone, bool is_bulk, uint32_t flip)
{
	struct balloon_frames *frames = balloon_zone_frames(zone);
	struct balloon_page pages[BULK];
	claim(zone, 0, zone->n_frames);
	uint64_t before = zone->n_looked;
	for (uint32_t base = 0; base < zone->n_frames; base += BULK) {
		for (uint32_t i = 0; i < BULK; i++) {
			pages[i] = balloon_page((base + i) ^ flip);
			if (!is_bulk)
				CHECK_EQ(balloon_zone_free(zone, pages[i], 0), 0);
		}
		if (is_bulk)
			frames->ops->free(frames, pages, BULK);
	}
	CHECK_EQ(balloon_zone_validate(zone), 0);
	return zone->n_looked - before;
}

Test(zone, frames_come_back_as_cheaply_in_descending_order)
{
	struct balloon_zone *zone = make_zone(1 << 16);
	for (uint32_t is_bulk = 0; is_bulk < 2; is_bulk++) {
		uint64_t ascending = n_touched(zone, is_bulk, 0);
		uint64_t descending = n_touched(zone, is_bulk, (1 << 16) - 1);
		CHECK(descending * 10 <= ascending * 12);
	}
	CHECK_EQ(balloon_zone_destroy(zone), 0);
}

/* Several blocks that are adjacent, of one row of words, change what stands above them once. */
Test(zone, adjacent_blocks_are_taken_and_given_together)
{
	enum { N = 64 };
	struct balloon_zone *zone = make_zone(1 << 16);
	struct balloon_page firsts[N];
	uint64_t before = zone->n_looked;
	CHECK_EQ(balloon_zone_allocate_blocks(zone, 6, firsts, N), N);
	CHECK_EQ(balloon_zone_free_blocks(zone, 6, firsts, N), N);
	for (uint32_t i = 0; i < N; i++)
		firsts[i] = balloon_page(64 * (N - 1 - i));
	claim(zone, 0, 64 * N);
	CHECK_EQ(balloon_zone_free_blocks(zone, 6, firsts, N), N);
	CHECK_EQ(balloon_zone_allocate_blocks(zone, 0, firsts, N), N);
	CHECK_EQ(balloon_zone_free_blocks(zone, 0, firsts, N), N);
	CHECK(zone->n_looked - before <= 12);
	CHECK_EQ(balloon_zone_destroy(zone), 0);
}

/* Under one hold of the lock few words are counted, and those only that changed. */
Test(zone, statistics_count_what_changed)
{
	struct balloon_zone *zone = make_zone(1 << 20);
	struct balloon_zone_stats stats;
	uint64_t before = zone->n_looked;
	balloon_lock_acquire(&zone->lock);
	CHECK(!balloon_zone_count_some(zone));
	balloon_lock_release(&zone->lock);
	CHECK(zone->n_looked - before <= BOUND);
	CHECK_EQ(balloon_zone_stats(zone, &stats), 0);
	CHECK_EQ(stats.n_blocks[10], (1 << 20) / 1024);
	claim(zone, 5, 6);
	before = zone->n_looked;
	CHECK_EQ(balloon_zone_stats(zone, &stats), 0);
	CHECK(zone->n_looked - before <= 64);
	CHECK_EQ(stats.n_blocks[10], (1 << 20) / 1024 - 1);
	CHECK_EQ(stats.n_blocks[0], (1 << 20) - 1);
	CHECK_EQ(balloon_zone_free(zone, balloon_page(5), 0), 0);
	CHECK_EQ(balloon_zone_destroy(zone), 0);
}

/* Of the frames of a range, which cannot be taken as a whole, those that are in use go back, a row at a time. */
static void free_used(struct model *m, uint32_t frame, uint32_t n)
{
	const uint32_t end = frame + n;
	for (uint32_t stop; frame < end; frame = stop) {
		const bool is_free = m->is_free[frame];
		for (stop = frame; stop < end && m->is_free[stop] == is_free; stop++)
			;
		if (!is_free)
			both_free_range(m, frame, stop - frame);
	}
}

/* Ranges that are taken from several nodes of a level at once, while others are loose. */
static void hold_ranges_across(uint32_t node, uint32_t n_nodes, uint32_t n_steps)
{
	const uint32_t n_frames = n_nodes * node;
	uint32_t random = node;
	struct model m;
	model_open(&m, n_frames);
	for (uint32_t step = 0; step < n_steps; step++) {
		random = random * 1664525 + 1013904223;
		uint32_t frame = (random >> 8) % n_frames;
		random = random * 1664525 + 1013904223;
		uint32_t n = 1 + (random >> 8) % (step % 3 ? 3 * node : 64);
		n = n < n_frames - frame ? n : n_frames - frame;
		if (balloon_zone_take_frames(m.zone, page_of(frame), n) < 0) {
			m.n_failures++;
			free_used(&m, frame, n);
		} else {
			m.n_allocations++;
			model_take(&m, frame, n);
		}
		CHECK_EQ(balloon_zone_validate(m.zone), 0);
	}
	model_close(&m);
}

Test(zone, ranges_across_nodes_are_known_in_each_of_them)
{
	hold_ranges_across(1 << 12, 20, scaled(600));
	hold_ranges_across(1 << 18, 6, scaled(150));
}

/* Frames of a word go back at once, or are taken; what the former looked at. */
static uint64_t give_bits(struct model *m, uint32_t word, uint64_t bits)
{
	struct balloon_page pages[64];
	uint32_t n = 0;
	for (uint32_t i = 0; i < 64; i++) {
		if (bits >> i & 1) {
			model_give(m, word * 64 + i, 1);
			pages[n++] = page_of(word * 64 + i);
		}
	}
	uint64_t before = m->zone->n_looked;
	m->frames->ops->free(m->frames, pages, n);
	return m->zone->n_looked - before;
}

static void take_bits(struct model *m, uint32_t word, uint64_t bits)
{
	for (uint32_t i = 0; i < 64; i++) {
		if (bits >> i & 1) {
			CHECK_EQ(balloon_zone_take_frames(m->zone, page_of(word * 64 + i), 1), 0);
			m->n_allocations++;
			model_take(m, word * 64 + i, 1);
		}
	}
}

/* Runs within a word that are nowhere longer than those of another word of the node: only the word has to know. */
static void hold_quiet_runs(struct model *m, uint32_t word, uint64_t bits)
{
	give_bits(m, 5, bits);
	CHECK_EQ(balloon_zone_validate(m->zone), 0); /* they have been counted */
	CHECK_EQ(give_bits(m, word, bits), 1);
	CHECK_EQ(balloon_zone_validate(m->zone), 0);
	take_bits(m, 5, bits);
	take_bits(m, word, bits);
}

Test(zone, short_runs_within_words_cost_a_look)
{
	struct model m;
	uint64_t random = 1;
	uint32_t frame;
	model_open(&m, 2 * 4096);
	CHECK_EQ(both_allocate_range(&m, 2 * 4096, 1, &frame), 0);
	for (uint32_t shift = 1; shift < 63; shift += 1 + shift % 3)
		for (uint32_t n = 1; n <= 63 - shift; n += 1 + n % 5)
			hold_quiet_runs(&m, 6 + n % 58, ((UINT64_C(1) << n) - 1) << shift);
	for (uint32_t i = 0; i < scaled(200); i++) {
		random = random * UINT64_C(6364136223846793005) + 1442695040888963407;
		hold_quiet_runs(&m, 6 + i % 58, random << 1 >> 2 << 1 | 1 << 5);
	}
	model_close(&m);
}
