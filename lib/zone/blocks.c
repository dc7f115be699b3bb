/* SPDX-License-Identifier: MIT */
/*
 * Blocks, and the calls on them.
 *
 * A block lies in one word: of tier 0, or, from 64 frames on, of tier 1. Several that are adjacent are taken and
 * given as one range: so each word changes once, and all that stands above it.
 */

#include "zone/bitmap.h"
#include "zone/blocks.h"
#include "zone/reserve.h"
#include "zone/zone.h"

/* ---- Taking ---------------------------------------------------------------------------------- */

/*
 * Adjacent free blocks in a word of a tier, of the smallest class that has one: the first one's bit in the tier's
 * bitmap, or SET_NONE. *n at most, which receives how many. `order` counts from the tier's bits.
 */
static inline uint32_t find_in_tier(const struct balloon_zone *zone, uint32_t tier, uint32_t order,
	uint32_t class_max, uint32_t *n)
{
	const uint64_t classes =
		word_mask(order, class_max + 1 - order) & BALLOON_READ(zone->has_class[tier]);
	if (classes == 0)
		return SET_NONE;
	const uint32_t word = set_first(&zone->tiers[tier].classes[word_lowest(classes)]);
	const uint64_t blocks = word_spare_blocks(zone_word(&zone->tiers[tier], word), order);
	const uint32_t lowest = word_lowest(blocks);
	if (*n > 1) {
		uint32_t n_adjacent = word_prefix(word_fill(blocks, order) >> lowest) >> order;
		*n = *n < n_adjacent ? *n : n_adjacent;
	}
	return word * WORD_BITS + lowest;
}

/* The same of the zone: the frame that the first one begins with. */
static inline uint32_t find_blocks(const struct balloon_zone *zone, uint32_t order, uint32_t *n)
{
	uint32_t n_words = 1;
	uint32_t word;
	if (order >= WORD_ORDER) {
		word = find_in_tier(zone, 1, order - WORD_ORDER, WORD_ORDER, n);
		return word == SET_NONE ? SET_NONE : word * WORD_BITS;
	}
	uint32_t frame = find_in_tier(zone, 0, order, WORD_ORDER - 1, n);
	if (frame != SET_NONE)
		return frame;
	/* No broken word has one: a whole one is broken, where whole ones are the fewest. */
	word = find_in_tier(zone, 1, 0, WORD_ORDER, &n_words);
	if (word == SET_NONE)
		return SET_NONE;
	const uint32_t n_there = WORD_BITS >> order;
	*n = *n < n_there ? *n : n_there;
	return word * WORD_BITS;
}

static inline void take_block(struct balloon_zone *zone, uint32_t order, uint32_t frame)
{
	const uint32_t word = frame / WORD_BITS;
	if (order < WORD_ORDER) {
		balloon_zone_take(zone, word, word_mask(frame % WORD_BITS, 1 << order));
	} else {
		zone_runs_will_take(zone, frame, UINT32_C(1) << order, true);
		balloon_zone_take_words(zone, word, 1 << (order - WORD_ORDER));
	}
}

size_t balloon_zone_take_blocks(struct balloon_zone *zone, uint32_t order, uint32_t shift,
	struct balloon_page *pages, size_t n)
{
	size_t n_taken = 0;
	while (n_taken < n) {
		uint32_t some = n - n_taken < WORD_BITS ? (uint32_t)(n - n_taken) : WORD_BITS;
		uint32_t frame = find_blocks(zone, order, &some);
		if (frame == SET_NONE)
			break;
		balloon_zone_take_range(zone, frame, some << order);
		for (; some > 0; some--, frame += UINT32_C(1) << order)
			pages[n_taken++] = balloon_page((zone->first + frame) >> shift);
	}
	return n_taken;
}

/* ---- Giving ---------------------------------------------------------------------------------- */

/* Is it a block of the zone's? *frame receives where it begins. */
static inline bool is_block(const struct balloon_zone *zone, uint32_t order, uint32_t shift,
	struct balloon_page page, uint32_t *frame)
{
	const uint32_t n_frames = UINT32_C(1) << order;
	*frame = (page.index << shift) - zone->first;
	return page.index <= UINT32_MAX >> shift && zone_has(zone, *frame) &&
	       n_frames <= zone->n_frames - *frame && *frame % n_frames == 0;
}

/* Unless a frame of it is free, or kept: has it been given? */
static inline bool give_block(struct balloon_zone *zone, uint32_t order, uint32_t frame)
{
	const uint32_t word = frame / WORD_BITS;
	if (BALLOON_READ(zone->reservations))
		return balloon_zone_give_or_keep(zone, frame, UINT32_C(1) << order);
	if (order < WORD_ORDER) {
		const uint64_t bits = word_mask(frame % WORD_BITS, 1 << order);
		if (zone_word(&zone->tiers[0], word) & bits)
			return false;
		balloon_zone_give(zone, word, bits);
	} else {
		const uint32_t n_words = 1 << (order - WORD_ORDER);
		const uint64_t bits = word_mask(word % WORD_BITS, n_words);
		if (set_word(&zone->any, word / WORD_BITS) & bits)
			return false;
		zone_runs_will_give(zone, frame, UINT32_C(1) << order);
		balloon_zone_give_words(zone, word, n_words);
	}
	return true;
}

/*
 * The next blocks, as far as each is beside those before it, at either end; if they are not all in use, those before
 * the first one that is not. Returns how many were given.
 */
static size_t give_some(struct balloon_zone *zone, uint32_t order, uint32_t shift,
	const struct balloon_page *pages, size_t n)
{
	const uint32_t n_frames = UINT32_C(1) << order;
	const size_t n_most = n < WORD_BITS ? n : WORD_BITS;
	uint32_t start, frame;
	size_t some = 1, n_given = 0;
	if (!is_block(zone, order, shift, pages[0], &start))
		return 0;
	uint32_t end = start + n_frames;
	for (; some < n_most && is_block(zone, order, shift, pages[some], &frame); some++) {
		if (frame == end)
			end += n_frames;
		else if (frame + n_frames == start)
			start = frame;
		else
			break;
	}
	if (balloon_zone_give_or_keep(zone, start, end - start))
		return some;
	while (n_given < some && is_block(zone, order, shift, pages[n_given], &frame) &&
		give_block(zone, order, frame))
		n_given++;
	return n_given;
}

size_t balloon_zone_give_blocks(struct balloon_zone *zone, uint32_t order, uint32_t shift,
	const struct balloon_page *pages, size_t n)
{
	size_t n_given = 0;
	for (size_t some = 1; some > 0 && n_given < n; n_given += some)
		some = give_some(zone, order, shift, pages + n_given, n - n_given);
	return n_given;
}

/* ---- The calls ------------------------------------------------------------------------------- */

int balloon_zone_allocate(struct balloon_zone *zone, unsigned order, struct balloon_page *first)
{
	uint32_t n = 1;
	if (!zone || !first || order > BALLOON_ZONE_ORDER_MAX)
		return -EINVAL;
	balloon_lock_acquire(&zone->lock);
	uint32_t frame = find_blocks(zone, order, &n);
	if (frame != SET_NONE) {
		take_block(zone, order, frame);
		*first = balloon_page(zone->first + frame);
	}
	int result = zone_counted(zone, frame != SET_NONE);
	balloon_lock_release(&zone->lock);
	return result;
}

/* Why a block cannot be freed that is none, or not in use. */
static int refusal(const struct balloon_zone *zone, unsigned order, struct balloon_page first)
{
	const uint32_t n_frames = UINT32_C(1) << order;
	uint32_t frame;
	int result = balloon_zone_check_range(zone, first, n_frames, &frame);
	if (result < 0)
		return result;
	return frame % n_frames ? -EINVAL : -ESTALE;
}

int balloon_zone_free(struct balloon_zone *zone, struct balloon_page first, unsigned order)
{
	uint32_t frame;
	if (!zone || order > BALLOON_ZONE_ORDER_MAX)
		return -EINVAL;
	if (!is_block(zone, order, 0, first, &frame))
		return refusal(zone, order, first);
	balloon_lock_acquire(&zone->lock);
	bool is_given = give_block(zone, order, frame);
	balloon_lock_release(&zone->lock);
	return is_given ? 0 : -ESTALE;
}

static int check_blocks(const struct balloon_zone *zone, unsigned order,
	const struct balloon_page *firsts, size_t n_blocks)
{
	if (!zone || !firsts || order > BALLOON_ZONE_ORDER_MAX || n_blocks == 0)
		return -EINVAL;
	return n_blocks > BALLOON_BATCH_MAX ? -E2BIG : 0;
}

int balloon_zone_allocate_blocks(
	struct balloon_zone *zone, unsigned order, struct balloon_page *firsts, size_t n_blocks)
{
	int result = check_blocks(zone, order, firsts, n_blocks);
	if (result < 0)
		return result;
	balloon_lock_acquire(&zone->lock);
	size_t n = balloon_zone_take_blocks(zone, order, 0, firsts, n_blocks);
	result = zone_counted(zone, n > 0);
	balloon_lock_release(&zone->lock);
	return result < 0 ? result : (int)n;
}

int balloon_zone_free_blocks(struct balloon_zone *zone, unsigned order,
	const struct balloon_page *firsts, size_t n_blocks)
{
	int result = check_blocks(zone, order, firsts, n_blocks);
	if (result < 0)
		return result;
	balloon_lock_acquire(&zone->lock);
	size_t n = balloon_zone_give_blocks(zone, order, 0, firsts, n_blocks);
	balloon_lock_release(&zone->lock);
	return n > 0 ? (int)n : refusal(zone, order, firsts[0]);
}
