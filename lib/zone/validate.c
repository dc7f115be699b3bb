/* SPDX-License-Identifier: MIT */
/* A zone's statistics, and its counts held against the bitmap. */

#include "zone/validate.h"
#include "zone/zone.h"

static void count_blocks(
	const struct balloon_zone *zone, uint32_t above, struct zone_blocks *blocks)
{
	const struct zone_tier *tier = &zone->tiers[0];
	uint64_t whole = zone_word(&zone->tiers[1], above);
	uint32_t word = above * WORD_BITS;
	uint32_t end = tier->n_words - word < WORD_BITS ? tier->n_words : word + WORD_BITS;
	memset(blocks, 0, sizeof(*blocks));
	for (; word < end; word++) {
		uint64_t bits = zone_word(tier, word);
		for (uint32_t order = 0; bits && order < WORD_ORDER;
			bits = word_pairs(bits, ++order))
			blocks->n[order] = (uint16_t)(blocks->n[order] + word_count(bits));
	}
	for (uint32_t order = WORD_ORDER; order < ZONE_ORDERS; order++)
		blocks->n[order] = (uint16_t)word_count(word_blocks(whole, order - WORD_ORDER));
}

static void count_again(struct balloon_zone *zone, uint32_t above)
{
	struct zone_blocks counted;
	count_blocks(zone, above, &counted);
	for (uint32_t order = 0; order < ZONE_ORDERS; order++) {
		uint64_t before = BALLOON_READ(zone->blocks[above].n[order]);
		BALLOON_ADD(zone->n_blocks[order], counted.n[order] - before);
		BALLOON_WRITE(zone->blocks[above].n[order], counted.n[order]);
	}
	set_remove(&zone->uncounted, above);
	BALLOON_ADD(zone->n_looked, WORD_BITS);
}

bool balloon_zone_count_some(struct balloon_zone *zone)
{
	uint32_t above = balloon_set_next(&zone->uncounted, 0);
	for (uint32_t n = 0; n < ZONE_COUNTED_AT_ONCE && above != SET_NONE; n++) {
		count_again(zone, above);
		above = balloon_set_next(&zone->uncounted, above);
	}
	return above == SET_NONE;
}

static void copy_counts(const struct balloon_zone *zone, struct balloon_zone_stats *stats)
{
	stats->n_frames = zone->n_frames - zone->n_lead;
	stats->n_free = BALLOON_READ(zone->n_free);
	stats->n_allocations = BALLOON_READ(zone->n_allocations);
	stats->n_failures = BALLOON_READ(zone->n_failures);
	stats->n_strays = BALLOON_READ(zone->n_strays);
	for (uint32_t order = 0; order < ZONE_ORDERS; order++)
		stats->n_blocks[order] = BALLOON_READ(zone->n_blocks[order]);
}

/*
 * Others come in between, and change what was counted. That is counted again, until all is as it is now; or
 * until all has been counted twice, where they change it faster than it is counted.
 */
int balloon_zone_stats(struct balloon_zone *zone, struct balloon_zone_stats *stats)
{
	bool is_counted;
	if (!zone || !stats)
		return -EINVAL;
	uint32_t n_rounds = 2 * (zone->tiers[1].n_words / ZONE_COUNTED_AT_ONCE + 1);
	do {
		balloon_lock_acquire(&zone->lock);
		is_counted = balloon_zone_count_some(zone) || --n_rounds == 0;
		if (is_counted)
			copy_counts(zone, stats);
		balloon_lock_release(&zone->lock);
	} while (!is_counted);
	return 0;
}

/* A broken word knows its class; each word is in the set of its own, and in no other. */
static bool is_in_its_class(const struct zone_tier *tier, uint32_t word)
{
	uint32_t own = word_class(tier->words[word], 0);
	if (own < WORD_ORDER && tier->class_of[word] != own)
		return false;
	for (uint32_t class = 0; class < WORD_CLASSES; class ++)
		if (set_has(&tier->classes[class], word) != (class == own))
			return false;
	return true;
}

static bool tier_is_sound(const struct zone_tier *tier, uint32_t has_class)
{
	for (uint32_t word = 0; word < tier->n_words; word++)
		if (!is_in_its_class(tier, word))
			return false;
	for (uint32_t class = 0; class < WORD_CLASSES; class ++)
		if (!balloon_set_is_sound(&tier->classes[class]) ||
			(has_class >> class & 1) == set_is_empty(&tier->classes[class]))
			return false;
	return true;
}

/* What a node has to say, found without the nodes below it: `node` is all zeros. */
static void count_node(
	const struct balloon_zone *zone, uint32_t level, uint32_t index, struct zone_node *node)
{
	uint64_t start = (uint64_t)index << runs_shift(level);
	uint64_t end = ((uint64_t)index + 1) << runs_shift(level);
	uint64_t end_of_words = (uint64_t)zone->tiers[0].n_words * WORD_BITS;
	struct zone_span run = {start, start};
	for (uint64_t at = start; at < end && at < end_of_words; at = run.end) {
		uint64_t bits = zone->tiers[0].words[at / WORD_BITS] >> at % WORD_BITS;
		uint32_t n_left = WORD_BITS - at % WORD_BITS;
		uint32_t n = bits ? word_lowest(bits) : n_left; /* that are in use */
		if (n > 0)
			run.start = at + n;
		run.end = run.start < at ? at : run.start;
		if (n == n_left)
			continue;
		n_left -= n;
		n = word_prefix(bits >> n);
		run.end += n < n_left ? n : n_left;
		balloon_runs_raise(node, &run);
		if (run.start == start)
			node->prefix = (uint32_t)(run.end - start);
		if (run.end == end)
			node->suffix = (uint32_t)(end - run.start);
	}
}

static bool node_is_sound(const struct balloon_zone *zone, uint32_t level, uint32_t index)
{
	const struct zone_level *own = &zone->runs.levels[level];
	const struct zone_node *node = &own->nodes[index];
	struct zone_node counted = {0};
	count_node(zone, level, index, &counted);
	bool is_whole = counted.prefix == UINT64_C(1) << runs_shift(level);
	for (uint32_t k = 0; k <= RUNS_ALIGN_MAX; k++)
		if (node->best[k] < counted.best[k] ||
			(!node->is_loose && node->best[k] > counted.best[k]) ||
			(k > 0 && node->best[k] > node->best[k - 1]))
			return false;
	return node->prefix == counted.prefix && node->suffix == counted.suffix &&
	       (level + 1 == zone->runs.n_levels ||
		       (own[1].whole[index / RUNS_FAN] >> index % RUNS_FAN & 1) == is_whole);
}

/* Each loose node has a slot, so there are not too many. */
static bool has_slot(const struct zone_level *level, uint32_t index)
{
	for (uint32_t slot = 0; slot < RUNS_LOOSE_LOW; slot++)
		if (level->loose[slot] == index)
			return true;
	return false;
}

static bool runs_are_sound(const struct balloon_zone *zone)
{
	for (uint32_t level = 0; level < zone->runs.n_levels; level++) {
		const struct zone_level *own = &zone->runs.levels[level];
		for (uint32_t i = 0; i < own->n_nodes; i++)
			if (!node_is_sound(zone, level, i) ||
				own->nodes[i].is_loose > has_slot(own, i))
				return false;
	}
	return true;
}

/* Before the first frame and past the last one there is nothing free. */
static bool ends_are_sound(const struct balloon_zone *zone)
{
	for (uint32_t frame = 0; frame < zone->n_lead; frame++)
		if (zone->tiers[0].words[frame / WORD_BITS] >> frame % WORD_BITS & 1)
			return false;
	uint32_t n_in_last = (zone->n_frames - 1) % WORD_BITS + 1;
	return !(zone->tiers[0].words[zone->tiers[0].n_words - 1] & ~word_mask(0, n_in_last));
}

/* What is kept is not free, lies in a stretch that is reserved, and is not missing there. */
static bool reservations_are_sound(const struct balloon_zone *zone)
{
	uint64_t n_kept = 0;
	uint64_t n_reserved = 0;
	for (uint32_t word = 0; word < zone->tiers[0].n_words; word++) {
		if (zone->tiers[0].words[word] & zone->kept[word])
			return false;
		n_kept += word_count(zone->kept[word]);
	}
	for (const struct balloon_zone_reservation *r = zone->reservations; r; r = r->next)
		n_reserved += r->n_frames - r->n_missing;
	return n_kept == n_reserved;
}

/* What was counted last, where nothing has changed since, is what is there; and the sums are right. */
static bool blocks_are_sound(const struct balloon_zone *zone)
{
	for (uint32_t order = 0; order < ZONE_ORDERS; order++) {
		uint64_t n_blocks = 0;
		for (uint32_t above = 0; above < zone->tiers[1].n_words; above++)
			n_blocks += zone->blocks[above].n[order];
		if (n_blocks != zone->n_blocks[order])
			return false;
	}
	for (uint32_t above = 0; above < zone->tiers[1].n_words; above++) {
		struct zone_blocks counted;
		count_blocks(zone, above, &counted);
		for (uint32_t order = 0; order < ZONE_ORDERS; order++)
			if (!set_has(&zone->uncounted, above) &&
				counted.n[order] != zone->blocks[above].n[order])
				return false;
	}
	return balloon_set_is_sound(&zone->uncounted);
}

static bool counts_are_sound(const struct balloon_zone *zone)
{
	uint64_t n_free = 0;
	for (uint32_t word = 0; word < zone->tiers[0].n_words; word++) {
		uint64_t bits = zone->tiers[0].words[word];
		if (set_has(&zone->any, word) != (bits != 0))
			return false;
		n_free += word_count(bits);
	}
	return balloon_set_is_sound(&zone->any) && n_free == zone->n_free;
}

int balloon_zone_validate(struct balloon_zone *zone)
{
	if (!zone)
		return -EINVAL;
	balloon_lock_acquire(&zone->lock);
	balloon_runs_book(zone);
	bool is_sound = ends_are_sound(zone) && counts_are_sound(zone) &&
			reservations_are_sound(zone) &&
			tier_is_sound(&zone->tiers[0], zone->has_class[0]) &&
			tier_is_sound(&zone->tiers[1], zone->has_class[1]) &&
			blocks_are_sound(zone) && runs_are_sound(zone);
	balloon_lock_release(&zone->lock);
	return is_sound ? 0 : -EUCLEAN;
}
