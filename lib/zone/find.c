/* SPDX-License-Identifier: MIT */
/* Where in a zone there is room for a range. */

#include "zone/find.h"
#include "zone/zone.h"

static uint64_t find_below(
	struct balloon_zone *zone, uint32_t level, uint32_t index, uint32_t n, uint32_t k);

/* The lowest place within the words of a node of the lowest level; SET_NONE. */
static uint64_t find_in_words(struct balloon_zone *zone, uint32_t node, uint32_t n, uint32_t k)
{
	const struct zone_tier *tier = &zone->tiers[0];
	uint64_t start =
		(uint64_t)node * RUNS_FAN * WORD_BITS; /* of the run that reaches the next word */
	for (uint32_t i = 0; i < RUNS_FAN && node * RUNS_FAN + i < tier->n_words; i++) {
		uint32_t word = node * RUNS_FAN + i;
		uint64_t base = (uint64_t)word * WORD_BITS;
		uint64_t bits = zone_word(tier, word);
		uint64_t at = runs_align(start, UINT64_C(1) << k);
		uint64_t fits = n <= WORD_BITS ? word_runs(bits, n) : 0;
		BALLOON_ADD(zone->n_looked, 1);
		if (at + n <= base + word_prefix(bits))
			return at;
		fits &= k <= WORD_ORDER ? word_starts(k)
					: base == runs_align(base, UINT64_C(1) << k);
		if (fits)
			return base + word_lowest(fits);
		if (bits != WORD_WHOLE)
			start = base + WORD_BITS - word_suffix(bits);
	}
	return SET_NONE;
}

/*
 * The lowest place within a node; SET_NONE. In the order of the places: those that end in a child but begin
 * before it, then those inside of it.
 */
static uint64_t find_in_node(
	struct balloon_zone *zone, uint32_t level, uint32_t node, uint32_t n, uint32_t k)
{
	const struct zone_level *below = &zone->runs.levels[level - 1];
	uint32_t shift = runs_child_shift(level);
	uint64_t start = (uint64_t)node * RUNS_FAN << shift;
	for (uint32_t i = 0; i < RUNS_FAN && node * RUNS_FAN + i < below->n_nodes; i++) {
		uint32_t child = node * RUNS_FAN + i;
		uint64_t base = (uint64_t)child << shift;
		uint64_t at = runs_align(start, UINT64_C(1) << k);
		uint32_t prefix = BALLOON_READ(below->nodes[child].prefix);
		BALLOON_ADD(zone->n_looked, 2);
		if (at + n <= base + prefix)
			return at;
		if (BALLOON_READ(below->nodes[child].best[k]) >= n)
			at = find_below(zone, level - 1, child, n, k);
		else
			at = SET_NONE;
		if (at != SET_NONE)
			return at;
		if (prefix != UINT64_C(1) << shift)
			start = base + (UINT64_C(1) << shift) -
				BALLOON_READ(below->nodes[child].suffix);
	}
	return SET_NONE;
}

/* A loose node may have promised more than it has: it does so no more. */
static uint64_t find_below(
	struct balloon_zone *zone, uint32_t level, uint32_t index, uint32_t n, uint32_t k)
{
	struct zone_node *node = &zone->runs.levels[level].nodes[index];
	uint64_t at =
		level ? find_in_node(zone, level, index, n, k) : find_in_words(zone, index, n, k);
	if (at != SET_NONE)
		return at;
	BALLOON_ASSERT(BALLOON_READ(node->is_loose));
	for (; k <= RUNS_ALIGN_MAX; k++)
		if (BALLOON_READ(node->best[k]) >= n)
			BALLOON_WRITE(node->best[k], n - 1);
	return SET_NONE;
}

/* Aligned to at most what the nodes know of. */
static uint32_t find_near(struct balloon_zone *zone, uint32_t n, uint32_t align)
{
	uint32_t top = zone->runs.n_levels - 1;
	uint32_t k = word_lowest(align);
	balloon_runs_book(zone);
	if (BALLOON_READ(zone->runs.levels[top].nodes[0].best[k]) < n)
		return SET_NONE;
	return (uint32_t)find_below(zone, top, 0, n, k);
}

/* The last frame of the range that is in use, SET_NONE if all are free. A range may start only after
 * it, so this looks from the end. Its first frame is the first of a word, aligned as it is. */
static uint32_t last_used(struct balloon_zone *zone, uint32_t frame, uint32_t n)
{
	uint32_t word = (frame + (n - 1)) / WORD_BITS;
	uint64_t bits = word_mask(0, (frame + (n - 1)) % WORD_BITS + 1);
	for (;;) {
		uint64_t used = ~zone_word(&zone->tiers[0], word) & bits;
		BALLOON_ADD(zone->n_looked, 1);
		if (used)
			return word * WORD_BITS + word_highest(used);
		if (word == frame / WORD_BITS)
			return SET_NONE;
		word--;
		bits = WORD_WHOLE;
		/* 64 words in one step */
		while (word % WORD_BITS == WORD_BITS - 1 &&
			word / WORD_BITS > frame / WORD_BITS / WORD_BITS &&
			zone_word(&zone->tiers[1], word / WORD_BITS) == WORD_WHOLE) {
			BALLOON_ADD(zone->n_looked, 1);
			word -= WORD_BITS;
		}
	}
}

/* Aligned to more: there are few such places, and each is looked at. */
static uint32_t find_far(struct balloon_zone *zone, uint32_t n, uint32_t align)
{
	const uint64_t base = zone->first_pfn % align;
	uint64_t at = base ? align - base : 0;
	while (at + n <= zone->n_frames) {
		uint32_t used = last_used(zone, (uint32_t)at, n);
		if (used == SET_NONE)
			return (uint32_t)at;
		at = runs_align(base + used + 1, align) - base;
	}
	return SET_NONE;
}

uint32_t balloon_zone_find_range(struct balloon_zone *zone, uint32_t n, uint32_t align)
{
	if (align > UINT32_C(1) << RUNS_ALIGN_MAX)
		return find_far(zone, n, align);
	return find_near(zone, n, align);
}
