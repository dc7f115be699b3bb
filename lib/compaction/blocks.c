/* SPDX-License-Identifier: MIT */
/*
 * The two cursors, and the survey that goes before them.
 *
 * What is free the source says, 64 frames a word, so that pages are looked at only where something is
 * not. A frame that is neither free nor worth isolating is somebody's who will not move: its block is
 * fixed. So is a block that the part has not all of. All of this may be out of date when it is used:
 * then a page goes to a place that is not the best one, until the next pass.
 */
#include "compaction/blocks.h"
#include "zone/words.h"

enum { CHUNK_PAGES = 512, CHUNK_WORDS = CHUNK_PAGES / WORD_BITS };

/* ---- Blocks ---------------------------------------------------------------------------------- */

static uint32_t block_begin(const struct balloon_compactor *compactor, uint32_t page)
{
	uint32_t begin = page >> compactor->config.block_order << compactor->config.block_order;
	return begin > compactor->config.first ? begin : compactor->config.first;
}

static uint32_t block_end(const struct balloon_compactor *compactor, uint32_t page)
{
	uint64_t n = UINT64_C(1) << compactor->config.block_order;
	uint64_t end = (page & ~(n - 1)) + n;
	return end < compactor->config.end ? (uint32_t)end : compactor->config.end;
}

static uint32_t block_of(const struct balloon_compactor *compactor, uint32_t page)
{
	unsigned order = compactor->config.block_order;
	return (page >> order) - (compactor->config.first >> order);
}

static bool is_fixed(const struct balloon_compactor *compactor, uint32_t page)
{
	uint32_t block = block_of(compactor, page);
	return BALLOON_READ(compactor->fixed[block / WORD_BITS]) >> block % WORD_BITS & 1;
}

static void set_fixed(struct balloon_compactor *compactor, uint32_t page, bool value)
{
	uint32_t block = block_of(compactor, page);
	uint64_t bit = UINT64_C(1) << block % WORD_BITS;
	uint64_t word = BALLOON_READ(compactor->fixed[block / WORD_BITS]);
	BALLOON_WRITE(compactor->fixed[block / WORD_BITS], value ? word | bit : word & ~bit);
}

size_t balloon_blocks_words(uint32_t first, uint32_t end, unsigned order)
{
	return (((end - 1) >> order) - (first >> order)) / WORD_BITS + 1;
}

struct place balloon_blocks_place(
	const struct balloon_compactor *compactor, struct balloon_page page)
{
	struct place place = {page.index, is_fixed(compactor, page.index)};
	return place;
}

/* ---- The survey ------------------------------------------------------------------------------ */

static void ask_which_are_free(
	const struct balloon_compactor *compactor, uint32_t begin, uint32_t n, uint64_t *words)
{
	struct balloon_frames *frames = compactor->config.frames;
	frames->ops->which_free(frames, begin, n, words);
}

static void spend(uint32_t *n_scan, uint32_t n)
{
	*n_scan -= n < *n_scan ? n : *n_scan;
}

/* Is each page of the chunk free or ballooned? *n_looked are looked at. */
static bool chunk_is_movable(
	const struct balloon_compactor *compactor, uint32_t begin, uint32_t n, uint32_t *n_looked)
{
	uint64_t words[CHUNK_WORDS];
	ask_which_are_free(compactor, begin, n, words);
	for (uint32_t at = 0; at < n; at += WORD_BITS) {
		uint32_t n_bits = n - at < WORD_BITS ? n - at : WORD_BITS;
		uint64_t used = ~words[at / WORD_BITS] & word_mask(0, n_bits);
		for (; used; used &= used - 1) {
			struct balloon_page page = balloon_page(begin + at + word_lowest(used));
			++*n_looked;
			if (!balloon_page_is_candidate(compactor->config.map, page))
				return false;
		}
	}
	return true;
}

static bool block_is_movable(
	const struct balloon_compactor *compactor, uint32_t begin, uint32_t end, uint32_t *n_looked)
{
	if (end - begin < UINT64_C(1) << compactor->config.block_order)
		return false;
	for (uint32_t n; begin < end; begin += n) {
		n = end - begin < CHUNK_PAGES ? end - begin : CHUNK_PAGES;
		if (!chunk_is_movable(compactor, begin, n, n_looked))
			return false;
	}
	return true;
}

void balloon_blocks_survey(struct balloon_compactor *compactor, uint32_t *n_scan)
{
	uint32_t at = BALLOON_READ(compactor->survey);
	while (at<compactor->config.end && * n_scan> 0) {
		uint32_t end = block_end(compactor, at);
		uint32_t n_looked = 0;
		set_fixed(compactor, at, !block_is_movable(compactor, at, end, &n_looked));
		BALLOON_ADD(compactor->counts.n_scanned, n_looked);
		spend(n_scan, n_looked + 1);
		at = end;
	}
	BALLOON_WRITE(compactor->survey, at);
}

/* ---- Whole blocks ---------------------------------------------------------------------------- */

static bool block_is_free(const struct balloon_compactor *compactor, uint32_t begin, uint32_t end)
{
	if (end - begin < UINT64_C(1) << compactor->config.block_order)
		return false;
	for (uint32_t n; begin < end; begin += n) {
		uint64_t words[CHUNK_WORDS];
		n = end - begin < CHUNK_PAGES ? end - begin : CHUNK_PAGES;
		ask_which_are_free(compactor, begin, n, words);
		for (uint32_t at = 0; at < n; at += WORD_BITS)
			if (~words[at / WORD_BITS] &
				word_mask(0, n - at < WORD_BITS ? n - at : WORD_BITS))
				return false;
	}
	return true;
}

/*
 * From the block that was whole when this was asked last: fills take them one after the other, so as a
 * rule it is that one or the next.
 */
bool balloon_blocks_are_free(struct balloon_compactor *compactor, size_t n_pages)
{
	const struct balloon_compactor_config *config = &compactor->config;
	uint32_t start = BALLOON_READ(compactor->whole);
	uint32_t at = start;
	size_t n = 0;
	do {
		uint32_t end = block_end(compactor, at);
		if (block_is_free(compactor, at, end)) {
			if (n == 0)
				BALLOON_WRITE(compactor->whole, at);
			n += end - at;
		}
		at = end < config->end ? end : config->first;
	} while (n < n_pages && at != start);
	return n >= n_pages;
}

/* ---- Sources --------------------------------------------------------------------------------- */

/* Is there a block before the place that may have what is to be moved? From where on. */
static bool next_source(
	const struct balloon_compactor *compactor, struct place *at, uint32_t *begin)
{
	struct place target = BALLOON_READ(compactor->target);
	while (place_is_before(target, *at)) {
		if (at->page == compactor->config.first) {
			if (at->is_fixed)
				return false;
			at->page = compactor->config.end;
			at->is_fixed = true;
			continue;
		}
		*begin = block_begin(compactor, at->page - 1);
		if (is_fixed(compactor, *begin) == at->is_fixed)
			return true;
		at->page = *begin;
	}
	return false;
}

/* Look for candidates from the place down to `begin`, or for a chunk of pages. */
static uint32_t find_in_block(struct balloon_compactor *compactor, struct place *at, uint32_t begin,
	struct balloon_page *pages, uint32_t n_max, uint32_t *n_scan)
{
	uint64_t words[CHUNK_WORDS];
	uint32_t n = 0, n_looked = 0;
	if (at->page - begin > CHUNK_PAGES)
		begin = at->page - CHUNK_PAGES;
	ask_which_are_free(compactor, begin, at->page - begin, words);
	while (at->page > begin && n < n_max && n_looked < *n_scan) {
		uint32_t last = at->page - 1 - begin;
		uint64_t used = ~words[last / WORD_BITS] & word_mask(0, last % WORD_BITS + 1);
		at->page = begin + last / WORD_BITS * WORD_BITS;
		if (!used)
			continue;
		at->page += word_highest(used);
		n_looked++;
		if (balloon_page_is_candidate(compactor->config.map, balloon_page(at->page)))
			pages[n++] = balloon_page(at->page);
	}
	BALLOON_ADD(compactor->counts.n_scanned, n_looked);
	spend(n_scan, n_looked ? n_looked : 1);
	return n;
}

uint32_t balloon_blocks_find(struct balloon_compactor *compactor, struct balloon_page *pages,
	uint32_t n_max, uint32_t *n_scan)
{
	struct place at = BALLOON_READ(compactor->source);
	uint32_t n = 0, begin;
	while (n<n_max && * n_scan> 0) {
		if (!next_source(compactor, &at, &begin)) {
			BALLOON_WRITE(compactor->is_over, true);
			break;
		}
		n += find_in_block(compactor, &at, begin, pages + n, n_max - n, n_scan);
	}
	BALLOON_WRITE(compactor->source, at);
	return n;
}

/* ---- Targets --------------------------------------------------------------------------------- */

/* The adjacent blocks of one kind that begin at the place, or after it; where they end. */
static bool next_run(const struct balloon_compactor *compactor, struct place *at,
	struct place limit, uint32_t *end)
{
	const struct balloon_compactor_config *config = &compactor->config;
	uint32_t stop = config->end;
	while (place_is_before(*at, limit)) {
		if (at->page == config->end) {
			at->page = config->first;
			at->is_fixed = false;
		} else if (is_fixed(compactor, at->page) != at->is_fixed) {
			at->page = block_end(compactor, at->page);
		} else {
			if (at->is_fixed == limit.is_fixed)
				stop = limit.page;
			for (*end = at->page;
				*end < stop && is_fixed(compactor, *end) == at->is_fixed;)
				*end = block_end(compactor, *end);
			*end = *end < stop ? *end : stop;
			return true;
		}
	}
	return false;
}

uint32_t balloon_blocks_take(struct balloon_compactor *compactor, struct place limit,
	struct balloon_page *pages, uint32_t n_max)
{
	struct balloon_frames *frames = compactor->config.frames;
	struct place at = BALLOON_READ(compactor->target);
	uint32_t n = 0, end;
	while (n < n_max && next_run(compactor, &at, limit, &end)) {
		int got = frames->ops->take_lowest(frames, at.page, end, pages + n, n_max - n);
		n += got > 0 ? (uint32_t)got : 0;
		at.page = n == n_max ? pages[n - 1].index + 1 : end;
	}
	BALLOON_WRITE(compactor->target, at);
	return n;
}
