/* SPDX-License-Identifier: MIT */
/*
 * Sets of small numbers as bitmaps with summaries: a bit of each level says that the word of 64 below
 * it is not empty. The topmost level is one word, so adding, removing and finding look at one word a
 * level: six levels for 2^32 numbers.
 */
#ifndef BALLOON_ZONE_SETS_H
#define BALLOON_ZONE_SETS_H

#include <balloon/types.h>

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

/** Some of the numbers 64 * word to 64 * word + 63, at least one, in or out. Where they were does not
 * matter. */
void balloon_set_add_some(struct zone_set *set, uint32_t word, uint64_t bits);
void balloon_set_remove_some(struct zone_set *set, uint32_t word, uint64_t bits);

/** The smallest number in the set that is at least `from`; SET_NONE. */
uint32_t balloon_set_next(const struct zone_set *set, uint32_t from);

/** Do all summaries say what is below them? */
bool balloon_set_is_sound(const struct zone_set *set);

static inline void set_add(struct zone_set *set, uint32_t item)
{
	balloon_set_add_some(set, item / 64, UINT64_C(1) << item % 64);
}

static inline void set_remove(struct zone_set *set, uint32_t item)
{
	balloon_set_remove_some(set, item / 64, UINT64_C(1) << item % 64);
}

static inline bool set_has(const struct zone_set *set, uint32_t item)
{
	return set->levels[0][item / 64] >> item % 64 & 1;
}

#endif
