/* SPDX-License-Identifier: MIT */
/* A zone's statistics, and its books held against the bitmap. */

#include "books.h"

/* Blocks of orders 0 to 6 in a word, or of 6 to 10 in one of tier 1. */
static void count_blocks(uint64_t word, uint64_t *n_blocks, uint32_t order_max)
{
	if (word == 0)
		return;
	for (uint32_t order = 0; order <= order_max; order++)
		n_blocks[order] += word_count(word_blocks(word, order));
}

int balloon_zone_stats(struct balloon_zone *zone, struct balloon_zone_stats *stats)
{
	if (!zone || !stats)
		return -EINVAL;
	memset(stats, 0, sizeof(*stats));
	stats->n_frames = zone->n_frames;
	balloon_lock_acquire(&zone->lock);
	stats->n_free = BALLOON_READ(zone->n_free);
	stats->n_allocations = BALLOON_READ(zone->n_allocations);
	stats->n_failures = BALLOON_READ(zone->n_failures);
	stats->n_strays = BALLOON_READ(zone->n_strays);
	for (uint32_t i = 0; i < zone->tiers[0].n_words; i++)
		count_blocks(zone_word(&zone->tiers[0], i), stats->n_blocks, WORD_ORDER - 1);
	for (uint32_t i = 0; i < zone->tiers[1].n_words; i++)
		count_blocks(zone_word(&zone->tiers[1], i), stats->n_blocks + WORD_ORDER,
			BALLOON_ZONE_ORDER_MAX - WORD_ORDER);
	balloon_lock_release(&zone->lock);
	return 0;
}

/* A word is in the set of its class, and in no other. */
static bool is_in_its_class(const struct zone_tier *tier, uint32_t word)
{
	uint32_t own = word_class(tier->words[word]);
	for (uint32_t class = 0; class < WORD_CLASSES; class ++)
		if (set_has(&tier->classes[class], word) != (class == own))
			return false;
	return true;
}

static bool tier_is_sound(const struct zone_tier *tier)
{
	for (uint32_t word = 0; word < tier->n_words; word++)
		if (!is_in_its_class(tier, word))
			return false;
	for (uint32_t class = 0; class < WORD_CLASSES; class ++)
		if (!balloon_set_is_sound(&tier->classes[class]))
			return false;
	return true;
}

/* Behind the last frame there is nothing free. */
static bool end_is_sound(const struct balloon_zone *zone)
{
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
	bool is_sound = end_is_sound(zone) && counts_are_sound(zone) &&
			reservations_are_sound(zone) && tier_is_sound(&zone->tiers[0]) &&
			tier_is_sound(&zone->tiers[1]);
	balloon_lock_release(&zone->lock);
	return is_sound ? 0 : -EUCLEAN;
}
