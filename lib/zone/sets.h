/* SPDX-License-Identifier: MIT */
/*
 * Sets of small numbers as bitmaps with summaries: a bit of each level says that the word of 64 below
 * it is not empty. The topmost level is one word, so adding, removing and finding look at one word a
 * level: six levels for 2^32 numbers.
 */
#ifndef BALLOON_ZONE_SETS_H
#define BALLOON_ZONE_SETS_H

#include <balloon/sync.h>

#include "zone/words.h"

enum { SET_LEVELS_MAX = 5 }; /* 2^30 numbers; a zone's sets are of words, of which it has 2^26 */

#define SET_NONE UINT32_MAX

struct zone_set {
	uint64_t *levels[SET_LEVELS_MAX];
	uint32_t n_levels;
	uint32_t n_items; /* numbers from 0 to n_items - 1 */
};

/** Words of memory for a set of n_items numbers, 1 or more. */
uint64_t balloon_set_words(uint32_t n_items);

/** Make an empty set in so many words of zeros. */
void balloon_set_init(struct zone_set *set, uint64_t *words, uint32_t n_items);

/** A word of the lowest level has got its first numbers, or has lost its last ones: the levels above say so. */
void balloon_set_raise(struct zone_set *set, uint32_t word);
void balloon_set_lower(struct zone_set *set, uint32_t word);

/** The smallest number in the set that is at least `from`; SET_NONE. */
uint32_t balloon_set_next(const struct zone_set *set, uint32_t from);

/** Do all summaries say what is below them? */
bool balloon_set_is_sound(const struct zone_set *set);

static inline bool set_is_empty(const struct zone_set *set)
{
	return BALLOON_READ(set->levels[set->n_levels - 1][0]) ==
	       0; /* the last level is one word */
}

/** The smallest number of a set that is not empty. */
static inline uint32_t set_first(const struct zone_set *set)
{
	uint32_t first = 0;
	for (uint32_t level = set->n_levels; level-- > 0;)
		first = first * WORD_BITS + word_lowest(BALLOON_READ(set->levels[level][first]));
	return first;
}

/** Which of the numbers 64 * word to 64 * word + 63 are in the set, as bits. */
static inline uint64_t set_word(const struct zone_set *set, uint32_t word)
{
	return BALLOON_READ(set->levels[0][word]);
}

/** Some of those numbers, at least one, in or out. Where they were does not matter. */
static inline void set_add_some(struct zone_set *set, uint32_t word, uint64_t bits)
{
	uint64_t before = set_word(set, word);
	BALLOON_WRITE(set->levels[0][word], before | bits);
	if (before == 0 && set->n_levels > 1)
		balloon_set_raise(set, word);
}

static inline void set_remove_some(struct zone_set *set, uint32_t word, uint64_t bits)
{
	uint64_t after = set_word(set, word) & ~bits;
	BALLOON_WRITE(set->levels[0][word], after);
	if (after == 0 && set->n_levels > 1)
		balloon_set_lower(set, word);
}

static inline void set_add(struct zone_set *set, uint32_t item)
{
	set_add_some(set, item / 64, UINT64_C(1) << item % 64);
}

static inline void set_remove(struct zone_set *set, uint32_t item)
{
	set_remove_some(set, item / 64, UINT64_C(1) << item % 64);
}

static inline bool set_has(const struct zone_set *set, uint32_t item)
{
	return set_word(set, item / 64) >> item % 64 & 1;
}

#endif
