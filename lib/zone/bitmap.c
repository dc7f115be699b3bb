/* SPDX-License-Identifier: MIT */
/* A zone's bitmap: words change, and with them their classes, the summaries and the counts. */

#include "zone/bitmap.h"
#include "zone/zone.h"

/* A word of a tier was changed: to the set of its new class. */
static inline void reclass(struct zone_tier *tier, uint32_t word, uint64_t before, uint64_t after)
{
	uint32_t old_class = word_class(before);
	uint32_t new_class = word_class(after);
	if (old_class == new_class)
		return;
	if (old_class != WORD_NOTHING)
		set_remove(&tier->classes[old_class], word);
	if (new_class != WORD_NOTHING)
		set_add(&tier->classes[new_class], word);
}

/* Whether a word is whole has changed, and so has its bit in the tier above. */
static void reclass_above(struct zone_tier *above, uint32_t word)
{
	uint64_t after = zone_word(above, word / WORD_BITS);
	uint64_t before = after ^ UINT64_C(1) << word % WORD_BITS;
	reclass(above, word / WORD_BITS, before, after);
}

/* The blocks of the words above are to be counted again. */
static void uncount(struct balloon_zone *zone, uint32_t word)
{
	if (!set_has(&zone->uncounted, word / WORD_BITS))
		set_add(&zone->uncounted, word / WORD_BITS);
	BALLOON_ADD(zone->n_looked, 1);
}

static void change(struct balloon_zone *zone, uint32_t word, uint64_t after)
{
	struct zone_tier *tier = &zone->tiers[0];
	uint64_t before = zone_word(tier, word);
	balloon_lock_assert_held(&zone->lock);
	BALLOON_WRITE(tier->words[word], after);
	uncount(zone, word);
	reclass(tier, word, before, after);
	if ((before == WORD_WHOLE) != (after == WORD_WHOLE))
		reclass_above(&zone->tiers[1], word);
	if (before == 0)
		set_add(&zone->any, word);
	if (after == 0)
		set_remove(&zone->any, word);
}

/* The n bits. */
static void take(struct balloon_zone *zone, uint32_t word, uint64_t bits, uint32_t n)
{
	uint64_t before = zone_word(&zone->tiers[0], word);
	BALLOON_ASSERT((before & bits) == bits);
	change(zone, word, before & ~bits);
	BALLOON_ADD(zone->n_free, -(uint64_t)n);
}

static void give(struct balloon_zone *zone, uint32_t word, uint64_t bits, uint32_t n)
{
	uint64_t before = zone_word(&zone->tiers[0], word);
	BALLOON_ASSERT((before & bits) == 0);
	change(zone, word, before | bits);
	BALLOON_ADD(zone->n_free, n);
}

void balloon_zone_take(struct balloon_zone *zone, uint32_t word, uint64_t bits)
{
	if (bits == 0)
		return;
	uint32_t lowest = word_lowest(bits);
	uint32_t n = word_highest(bits) + 1 - lowest;
	bool are_all = bits == word_mask(lowest, n);
	balloon_runs_will_take(zone, word * WORD_BITS + lowest, n, are_all);
	take(zone, word, bits, are_all ? n : word_count(bits));
}

/* Runs of bits that are of no account to the tree change together, the others one after the other. */
static void give_runs(struct balloon_zone *zone, uint32_t word, uint64_t bits)
{
	uint64_t after = zone_word(&zone->tiers[0], word) | bits;
	uint64_t quiet = 0;
	for (uint64_t run; bits; bits &= ~run) {
		uint32_t lowest = word_lowest(bits);
		uint32_t n = word_prefix(bits >> lowest);
		run = word_mask(lowest, n);
		if (zone_is_quiet(zone, word, after, run)) {
			quiet |= run;
		} else {
			balloon_runs_will_give(zone, word * WORD_BITS + lowest, n);
			give(zone, word, run, n);
		}
	}
	if (quiet)
		give(zone, word, quiet, word_count(quiet));
}

void balloon_zone_give(struct balloon_zone *zone, uint32_t word, uint64_t bits)
{
	if (bits == 0)
		return;
	uint32_t lowest = word_lowest(bits);
	uint32_t n = word_highest(bits) + 1 - lowest;
	if (bits != word_mask(lowest, n)) {
		give_runs(zone, word, bits);
		return;
	}
	if (!zone_is_quiet(zone, word, zone_word(&zone->tiers[0], word) | bits, bits))
		balloon_runs_will_give(zone, word * WORD_BITS + lowest, n);
	give(zone, word, bits, n);
}

/*
 * The words of a range that it covers from the first to the last bit, as far as one word of the tier
 * above names them: how many, from the one of `frame` on.
 */
static uint32_t n_covered(uint32_t frame, uint32_t n)
{
	uint32_t n_named = WORD_BITS - frame / WORD_BITS % WORD_BITS;
	if (frame % WORD_BITS)
		return 0;
	return n / WORD_BITS < n_named ? n / WORD_BITS : n_named;
}

/* So many words become whole, or empty, which they all were not: each set hears of it once. */
static void change_words(struct balloon_zone *zone, uint32_t word, uint32_t n, bool to_whole)
{
	struct zone_tier *tier = &zone->tiers[0];
	struct zone_tier *above = &zone->tiers[1];
	uint64_t bits = word_mask(word % WORD_BITS, n);
	uint64_t before = zone_word(above, word / WORD_BITS);
	balloon_lock_assert_held(&zone->lock);
	uncount(zone, word);
	for (uint32_t i = 0; i < n; i++)
		BALLOON_WRITE(tier->words[word + i], to_whole ? WORD_WHOLE : 0);
	if (to_whole) {
		balloon_set_add_some(&tier->classes[WORD_ORDER], word / WORD_BITS, bits);
		balloon_set_add_some(&zone->any, word / WORD_BITS, bits);
	} else {
		balloon_set_remove_some(&tier->classes[WORD_ORDER], word / WORD_BITS, bits);
		balloon_set_remove_some(&zone->any, word / WORD_BITS, bits);
	}
	reclass(above, word / WORD_BITS, before, zone_word(above, word / WORD_BITS));
}

void balloon_zone_take_range(struct balloon_zone *zone, uint32_t frame, uint32_t n)
{
	uint32_t n_inside;
	uint64_t inside = zone_piece(frame, n, &n_inside);
	if (n == n_inside) {
		balloon_zone_take(zone, frame / WORD_BITS, inside);
		return;
	}
	balloon_runs_will_take(zone, frame, n, true);
	for (uint32_t piece; n > 0; frame += piece, n -= piece) {
		uint32_t n_words = n_covered(frame, n);
		if (n_words) {
			change_words(zone, frame / WORD_BITS, n_words, false);
			piece = n_words * WORD_BITS;
			BALLOON_ADD(zone->n_free, -(uint64_t)piece);
		} else {
			uint64_t bits = zone_piece(frame, n, &piece);
			take(zone, frame / WORD_BITS, bits, piece);
		}
	}
}

void balloon_zone_give_range(struct balloon_zone *zone, uint32_t frame, uint32_t n)
{
	uint32_t n_inside;
	uint64_t inside = zone_piece(frame, n, &n_inside);
	if (n == n_inside) {
		balloon_zone_give(zone, frame / WORD_BITS, inside);
		return;
	}
	balloon_runs_will_give(zone, frame, n);
	for (uint32_t piece; n > 0; frame += piece, n -= piece) {
		uint32_t n_words = n_covered(frame, n);
		if (n_words) {
			change_words(zone, frame / WORD_BITS, n_words, true);
			piece = n_words * WORD_BITS;
			BALLOON_ADD(zone->n_free, piece);
		} else {
			uint64_t bits = zone_piece(frame, n, &piece);
			give(zone, frame / WORD_BITS, bits, piece);
		}
	}
}

bool balloon_zone_range_is_free(const struct balloon_zone *zone, uint32_t frame, uint32_t n)
{
	for (uint32_t piece; n > 0; frame += piece, n -= piece) {
		uint64_t bits = zone_piece(frame, n, &piece);
		if (~zone_word(&zone->tiers[0], frame / WORD_BITS) & bits)
			return false;
	}
	return true;
}

bool balloon_zone_range_is_used(const struct balloon_zone *zone, uint32_t frame, uint32_t n)
{
	for (uint32_t piece; n > 0; frame += piece, n -= piece) {
		uint64_t bits = zone_piece(frame, n, &piece);
		if (zone_word(&zone->tiers[0], frame / WORD_BITS) & bits)
			return false;
	}
	return true;
}

bool balloon_zone_give_used(struct balloon_zone *zone, uint32_t frame, uint32_t n)
{
	uint32_t n_inside;
	uint64_t inside = zone_piece(frame, n, &n_inside);
	if (n > n_inside) {
		if (!balloon_zone_range_is_used(zone, frame, n))
			return false;
		balloon_zone_give_range(zone, frame, n);
		return true;
	}
	if (zone_word(&zone->tiers[0], frame / WORD_BITS) & inside)
		return false;
	balloon_zone_give(zone, frame / WORD_BITS, inside);
	return true;
}
