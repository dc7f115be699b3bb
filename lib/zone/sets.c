/* SPDX-License-Identifier: MIT */
/* Sets with summaries. Whoever owns a set holds its lock. */

#include "core/memory.h"
#include "zone/sets.h"

static uint32_t words_for(uint32_t n_bits)
{
	return (n_bits - 1) / WORD_BITS + 1;
}

uint64_t balloon_set_words(uint32_t n_items)
{
	uint64_t n_words = 0;
	do {
		n_items = words_for(n_items);
		n_words += n_items;
	} while (n_items > 1);
	return n_words;
}

void balloon_set_init(struct zone_set *set, uint64_t *words, uint32_t n_items)
{
	set->n_items = n_items;
	set->n_levels = 0;
	do {
		n_items = words_for(n_items);
		set->levels[set->n_levels++] = words;
		words += n_items;
	} while (n_items > 1);
}

void balloon_set_raise(struct zone_set *set, uint32_t word)
{
	for (uint32_t level = 1; level < set->n_levels; level++) {
		uint64_t *place = &set->levels[level][word / WORD_BITS];
		uint64_t before = BALLOON_READ(*place);
		BALLOON_WRITE(*place, before | UINT64_C(1) << word % WORD_BITS);
		if (before)
			return; /* the levels above know */
		word /= WORD_BITS;
	}
}

void balloon_set_lower(struct zone_set *set, uint32_t word)
{
	for (uint32_t level = 1; level < set->n_levels; level++) {
		uint64_t *place = &set->levels[level][word / WORD_BITS];
		uint64_t after = BALLOON_READ(*place) & ~(UINT64_C(1) << word % WORD_BITS);
		BALLOON_WRITE(*place, after);
		if (after)
			return;
		word /= WORD_BITS;
	}
}

uint32_t balloon_set_next(const struct zone_set *set, uint32_t from)
{
	uint32_t n = set->n_items;
	uint32_t level = 0;
	if (set_is_empty(set)) /* as most are: most searches end here */
		return SET_NONE;
	for (;; level++) {
		if (level == set->n_levels || from >= n)
			return SET_NONE;
		uint64_t word = BALLOON_READ(set->levels[level][from / WORD_BITS]) &
				WORD_WHOLE << from % WORD_BITS;
		if (word) {
			from = from / WORD_BITS * WORD_BITS + word_lowest(word);
			break;
		}
		from = from / WORD_BITS + 1;
		n = words_for(n);
	}
	while (level-- > 0)
		from = from * WORD_BITS + word_lowest(BALLOON_READ(set->levels[level][from]));
	return from;
}

/* No bit stands past the last one of a level. */
static bool end_is_sound(const uint64_t *words, uint32_t n_bits)
{
	return !(words[(n_bits - 1) / WORD_BITS] & ~word_mask(0, (n_bits - 1) % WORD_BITS + 1));
}

/* Each bit of a level says whether there is anything in the word below it. */
static bool summary_is_sound(const uint64_t *words, const uint64_t *below, uint32_t n_bits)
{
	for (uint32_t i = 0; i < n_bits; i++)
		if ((words[i / WORD_BITS] >> i % WORD_BITS & 1) != (below[i] != 0))
			return false;
	return true;
}

bool balloon_set_is_sound(const struct zone_set *set)
{
	uint32_t n = set->n_items;
	for (uint32_t level = 0; level < set->n_levels; level++) {
		if (!end_is_sound(set->levels[level], n))
			return false;
		if (level > 0 && !summary_is_sound(set->levels[level], set->levels[level - 1], n))
			return false;
		n = words_for(n);
	}
	return true;
}
