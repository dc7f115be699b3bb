/* SPDX-License-Identifier: MIT */
/* A zone's bitmap: words change, and with them their classes, the summaries and the counts. */

#include "zone/bitmap.h"
#include "zone/zone.h"

/* Words join a class of a tier, or leave it: some of those that one word of its set names. */
static inline void join(
	struct balloon_zone *zone, uint32_t tier, uint32_t class, uint32_t above, uint64_t bits)
{
	uint32_t *has_class = &zone->has_class[tier];
	set_add_some(&zone->tiers[tier].classes[class], above, bits);
	BALLOON_WRITE(*has_class, BALLOON_READ(*has_class) | UINT32_C(1) << class);
}

static inline void leave(
	struct balloon_zone *zone, uint32_t tier, uint32_t class, uint32_t above, uint64_t bits)
{
	uint32_t *has_class = &zone->has_class[tier];
	struct zone_set *set = &zone->tiers[tier].classes[class];
	set_remove_some(set, above, bits);
	if (set_word(set, above) == 0 && set_is_empty(set))
		BALLOON_WRITE(*has_class, BALLOON_READ(*has_class) & ~(UINT32_C(1) << class));
}

/* The class of whole and of empty words is plain: change_words() does not write it down. */
static inline uint32_t class_before(const struct zone_tier *tier, uint32_t word, uint64_t before)
{
	if (before == 0 || before == WORD_WHOLE)
		return before ? WORD_ORDER : WORD_NOTHING;
	return BALLOON_READ(tier->class_of[word]);
}

/* A word of a tier was changed: to its new class. */
static inline void reclass(
	struct balloon_zone *zone, uint32_t tier, uint32_t word, uint64_t before, uint64_t after)
{
	const uint64_t bit = UINT64_C(1) << word % WORD_BITS;
	const uint32_t old_class = class_before(&zone->tiers[tier], word, before);
	const uint32_t new_class = word_class(after, old_class);
	BALLOON_WRITE(zone->tiers[tier].class_of[word], (uint8_t)new_class);
	if (old_class == new_class)
		return;
	if (old_class != WORD_NOTHING)
		leave(zone, tier, old_class, word / WORD_BITS, bit);
	if (new_class != WORD_NOTHING)
		join(zone, tier, new_class, word / WORD_BITS, bit);
}

/* Whether a word is whole has changed, and so has its bit in the tier above. */
static void reclass_above(struct balloon_zone *zone, uint32_t word)
{
	uint64_t after = zone_word(&zone->tiers[1], word / WORD_BITS);
	uint64_t before = after ^ UINT64_C(1) << word % WORD_BITS;
	reclass(zone, 1, word / WORD_BITS, before, after);
}

/* The blocks of the words that a word of tier 1 names are to be counted again. */
static void uncount(struct balloon_zone *zone, uint32_t above)
{
	if (!set_has(&zone->uncounted, above))
		set_add(&zone->uncounted, above);
	BALLOON_ADD(zone->n_looked, 1);
}

static void change(struct balloon_zone *zone, uint32_t word, uint64_t after)
{
	struct zone_tier *tier = &zone->tiers[0];
	uint64_t before = zone_word(tier, word);
	balloon_lock_assert_held(&zone->lock);
	BALLOON_WRITE(tier->words[word], after);
	uncount(zone, word / WORD_BITS);
	reclass(zone, 0, word, before, after);
	if ((before == WORD_WHOLE) != (after == WORD_WHOLE))
		reclass_above(zone, word);
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
	zone_runs_will_take(zone, word * WORD_BITS + lowest, n, are_all);
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
			zone_runs_will_give(zone, word * WORD_BITS + lowest, n);
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
		zone_runs_will_give(zone, word * WORD_BITS + lowest, n);
	give(zone, word, bits, n);
}

/* ---- Ranges ---------------------------------------------------------------------------------- */

/*
 * The words of a range that it covers from the first to the last bit, as far as one word of the tier
 * above names them: how many, from the one of `frame` on.
 */
static inline uint32_t n_covered(uint32_t frame, uint32_t n)
{
	uint32_t n_named = WORD_BITS - frame / WORD_BITS % WORD_BITS;
	if (frame % WORD_BITS)
		return 0;
	return n / WORD_BITS < n_named ? n / WORD_BITS : n_named;
}

/* So many words become whole, or empty, which they all were not: each set hears of it once. */
static inline __attribute__((always_inline)) void change_words(
	struct balloon_zone *zone, uint32_t word, uint32_t n, bool to_whole)
{
	struct zone_tier *tier = &zone->tiers[0];
	const uint32_t above = word / WORD_BITS;
	const uint64_t bits = word_mask(word % WORD_BITS, n);
	const uint64_t before = zone_word(&zone->tiers[1], above);
	balloon_lock_assert_held(&zone->lock);
	uncount(zone, above);
	for (uint32_t i = word; i < word + n; i++)
		BALLOON_WRITE(tier->words[i], to_whole ? WORD_WHOLE : 0);
	if (to_whole) {
		join(zone, 0, WORD_ORDER, above, bits);
		set_add_some(&zone->any, above, bits);
		BALLOON_ADD(zone->n_free, n * WORD_BITS);
	} else {
		leave(zone, 0, WORD_ORDER, above, bits);
		set_remove_some(&zone->any, above, bits);
		BALLOON_ADD(zone->n_free, -(uint64_t)n * WORD_BITS);
	}
	reclass(zone, 1, above, before, before ^ bits);
}

/* Two copies, as each direction alone is shorter than both. */

void balloon_zone_take_words(struct balloon_zone *zone, uint32_t word, uint32_t n)
{
	change_words(zone, word, n, false);
}

void balloon_zone_give_words(struct balloon_zone *zone, uint32_t word, uint32_t n)
{
	change_words(zone, word, n, true);
}

void balloon_zone_take_range(struct balloon_zone *zone, uint32_t frame, uint32_t n)
{
	zone_runs_will_take(zone, frame, n, true);
	for (uint32_t piece; n > 0; frame += piece, n -= piece) {
		uint32_t n_words = n_covered(frame, n);
		if (n_words) {
			balloon_zone_take_words(zone, frame / WORD_BITS, n_words);
			piece = n_words * WORD_BITS;
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
	if (n == n_inside && n < WORD_BITS) {
		balloon_zone_give(zone, frame / WORD_BITS, inside);
		return;
	}
	zone_runs_will_give(zone, frame, n);
	for (uint32_t piece; n > 0; frame += piece, n -= piece) {
		uint32_t n_words = n_covered(frame, n);
		if (n_words) {
			balloon_zone_give_words(zone, frame / WORD_BITS, n_words);
			piece = n_words * WORD_BITS;
		} else {
			uint64_t bits = zone_piece(frame, n, &piece);
			give(zone, frame / WORD_BITS, bits, piece);
		}
	}
}

/* Is any frame of the range free (of_free), or in use? Of words that it covers, the tier above tells. */
static inline bool range_has(
	const struct balloon_zone *zone, uint32_t frame, uint32_t n, bool of_free)
{
	for (uint32_t piece; n > 0; frame += piece, n -= piece) {
		const uint32_t word = frame / WORD_BITS;
		uint32_t n_words = n_covered(frame, n);
		uint64_t free, bits;
		if (n_words) {
			bits = word_mask(word % WORD_BITS, n_words);
			free = of_free ? set_word(&zone->any, word / WORD_BITS)
				       : zone_word(&zone->tiers[1], word / WORD_BITS);
			piece = n_words * WORD_BITS;
		} else {
			bits = zone_piece(frame, n, &piece);
			free = zone_word(&zone->tiers[0], word);
		}
		if ((of_free ? free : ~free) & bits)
			return true;
	}
	return false;
}

bool balloon_zone_range_is_free(const struct balloon_zone *zone, uint32_t frame, uint32_t n)
{
	return !range_has(zone, frame, n, false);
}

bool balloon_zone_range_is_used(const struct balloon_zone *zone, uint32_t frame, uint32_t n)
{
	return !range_has(zone, frame, n, true);
}

bool balloon_zone_give_used(struct balloon_zone *zone, uint32_t frame, uint32_t n)
{
	if (range_has(zone, frame, n, true))
		return false;
	balloon_zone_give_range(zone, frame, n);
	return true;
}
