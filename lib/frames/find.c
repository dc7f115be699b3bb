/* SPDX-License-Identifier: MIT */
/* Where in a zone there is room. */

#include "books.h"

/* A free block of an order that the words of this tier can hold, as a bit of its bitmap. */
static uint32_t find_in_tier(const struct zone_tier *tier, uint32_t order, uint32_t class_max)
{
	for (uint32_t class = order; class <= class_max; class ++) {
		uint32_t word = balloon_set_next(&tier->classes[class], 0);
		if (word != SET_NONE)
			return word * WORD_BITS + word_best_block(zone_word(tier, word), order);
	}
	return SET_NONE;
}

uint32_t balloon_zone_find_block(const struct balloon_zone *zone, uint32_t order)
{
	uint32_t found = SET_NONE;
	if (order < WORD_ORDER) /* in broken words first */
		found = find_in_tier(&zone->tiers[0], order, WORD_ORDER - 1);
	if (found != SET_NONE)
		return found;
	order = order < WORD_ORDER ? 0 : order - WORD_ORDER;
	found = find_in_tier(&zone->tiers[1], order, WORD_ORDER);
	return found == SET_NONE ? SET_NONE : found * WORD_BITS;
}

/* ---- Ranges ---------------------------------------------------------------------------------- */

/* Wherever n adjacent frames are, a whole block of this order is among them. */
static uint32_t order_inside(uint32_t n)
{
	uint32_t order = 0;
	while (order < WORD_ORDER && n >= (UINT32_C(4) << order) - 1)
		order++;
	return order;
}

/* The next word from `from` on with a free block of this order or a higher one. */
static uint32_t next_word(const struct balloon_zone *zone, uint32_t order, uint32_t from)
{
	uint32_t lowest = SET_NONE;
	if (order == 0)
		return balloon_set_next(&zone->any, from);
	for (uint32_t class = order; class < WORD_CLASSES; class ++) {
		uint32_t word = balloon_set_next(&zone->tiers[0].classes[class], from);
		lowest = word < lowest ? word : lowest;
	}
	return lowest;
}

/*
 * The next frame from `at` on at which n free ones in a row may start, as far as its word shows;
 * `order` is that of a block which is surely inside.
 */
static uint32_t skip(const struct balloon_zone *zone, uint32_t n, uint32_t order, uint32_t at)
{
	uint32_t before = (UINT32_C(1) << order) - 1; /* frames that may lie before the block */
	for (;;) {
		uint32_t word = next_word(zone, order, at / WORD_BITS);
		if (word == SET_NONE)
			return SET_NONE;
		uint32_t lowest = word ? word * WORD_BITS - before : 0;
		at = lowest > at ? lowest : at;
		word = at / WORD_BITS;
		uint64_t runs = word_runs(zone_word(&zone->tiers[0], word), n) &
				WORD_WHOLE << at % WORD_BITS;
		if (runs)
			return word * WORD_BITS + word_lowest(runs);
		if (++word == zone->tiers[0].n_words)
			return SET_NONE; /* at the end of 2^32 frames `at` would be 0 again */
		at = word * WORD_BITS;
	}
}

/* The last frame of the range that is in use, SET_NONE if all are free. A range may start only behind
 * it, so this looks from the end. */
static uint32_t last_used(const struct balloon_zone *zone, uint32_t frame, uint32_t n)
{
	uint32_t word = (frame + (n - 1)) / WORD_BITS;
	uint64_t bits = word_mask(0, (frame + (n - 1)) % WORD_BITS + 1);
	for (;;) {
		if (word == frame / WORD_BITS)
			bits &= WORD_WHOLE << frame % WORD_BITS;
		uint64_t used = ~zone_word(&zone->tiers[0], word) & bits;
		if (used)
			return word * WORD_BITS + word_highest(used);
		if (word == frame / WORD_BITS)
			return SET_NONE;
		word--;
		bits = WORD_WHOLE;
		/* 64 words in one step */
		while (word % WORD_BITS == WORD_BITS - 1 &&
			word / WORD_BITS > frame / WORD_BITS / WORD_BITS &&
			zone_word(&zone->tiers[1], word / WORD_BITS) == WORD_WHOLE)
			word -= WORD_BITS;
	}
}

uint32_t balloon_zone_find_range(const struct balloon_zone *zone, uint32_t n, uint32_t align)
{
	uint32_t order = order_inside(n);
	uint32_t at = 0;
	while (n <= zone->n_frames) {
		at = skip(zone, n, order, at);
		uint64_t aligned = ((uint64_t)at + align - 1) & ~(uint64_t)(align - 1);
		if (aligned > zone->n_frames - n) /* SET_NONE also */
			break;
		uint32_t used = last_used(zone, (uint32_t)aligned, n);
		if (used == SET_NONE)
			return (uint32_t)aligned;
		at = used + 1;
	}
	return SET_NONE;
}
