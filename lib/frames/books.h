/* SPDX-License-Identifier: MIT */
/*
 * A zone, inside.
 *
 * Tier 0 is the bitmap: a bit says that a frame is free. Each word of it is of a class, the order of
 * its largest free block, and for each class there is the set of its words. So a block of up to 64
 * frames is found where the least is broken for it: in the lowest class that has it.
 *
 * Tier 1 is the same once more above it: its bitmap says which words of tier 0 are whole, which is
 * just the set of those of the highest class. Its words stand for 4096 frames, and their classes for
 * free blocks of orders 6 to 12.
 *
 * Memory: for each 64 frames 8 bytes, and a bit in each of 8 sets.
 */
#ifndef BALLOON_FRAMES_BOOKS_H
#define BALLOON_FRAMES_BOOKS_H

#include <balloon/zone.h>

#include "internal.h"
#include "sets.h"
#include "words.h"

struct zone_tier {
	uint64_t *words;
	uint32_t n_words;
	struct zone_set classes[WORD_CLASSES]; /* of words */
};

enum { ZONE_TIERS = 2 };

struct balloon_zone {
	struct balloon_frames frames; /* constant; the first member, for the ops */
	uint32_t first;               /* constant */
	uint32_t n_frames;            /* constant */
	struct balloon_atomic_word n_contended;
	struct balloon_lock lock; /* protects the rest */
	uint64_t n_free;
	uint64_t n_allocations;
	uint64_t n_failures;
	uint64_t n_strays;
	struct zone_tier tiers[ZONE_TIERS];
	struct zone_set any; /* words with a free frame */
	struct balloon_zone_reservation *reservations;
	uint64_t *kept; /* bits: not free, but nobody's: kept for a reservation */
};

/* Frames are counted from the zone's first in all that follows; the caller holds the lock. */

/** Bits of the word: take them, or give them back. They are all free, or none is. */
void balloon_zone_take(struct balloon_zone *zone, uint32_t word, uint64_t bits);
void balloon_zone_give(struct balloon_zone *zone, uint32_t word, uint64_t bits);

/** Take n frames that are free, or give back n that are not. */
void balloon_zone_take_range(struct balloon_zone *zone, uint32_t frame, uint32_t n);
void balloon_zone_give_range(struct balloon_zone *zone, uint32_t frame, uint32_t n);

/** Are all frames of the range free? Is none? */
bool balloon_zone_range_is_free(const struct balloon_zone *zone, uint32_t frame, uint32_t n);
bool balloon_zone_range_is_used(const struct balloon_zone *zone, uint32_t frame, uint32_t n);

/** The frame of a free block, for up to twelve orders; SET_NONE. */
uint32_t balloon_zone_find_block(const struct balloon_zone *zone, uint32_t order);

/** The first of the lowest n free frames in a row that are aligned so; SET_NONE. */
uint32_t balloon_zone_find_range(const struct balloon_zone *zone, uint32_t n, uint32_t align);

/** Those of the bits that lie in a stretch that is reserved become its own. Returns the others. */
uint64_t balloon_zone_keep(struct balloon_zone *zone, uint32_t word, uint64_t bits);

/** Is any frame of the range kept for a reservation? */
bool balloon_zone_range_is_kept(const struct balloon_zone *zone, uint32_t frame, uint32_t n);

/** Is this a range of the zone? *frame receives where it is. Returns 0; -EINVAL; -ERANGE. Needs no lock. */
int balloon_zone_check_range(const struct balloon_zone *zone, struct balloon_page first,
	uint32_t n_frames, uint32_t *frame);

/** The frame source's ops. */
extern const struct balloon_frames_ops balloon_zone_ops;

/** Count what a call got. Returns 0 or -ENOMEM. */
static inline int zone_booked(struct balloon_zone *zone, bool has_got)
{
	if (has_got)
		BALLOON_BOOK(zone->n_allocations, 1);
	else
		BALLOON_BOOK(zone->n_failures, 1);
	return has_got ? 0 : -ENOMEM;
}

static inline uint64_t zone_word(const struct zone_tier *tier, uint32_t word)
{
	return BALLOON_READ(tier->words[word]);
}

/** The bits of a range that lie in one word, from `frame` on; `*n` of them. */
static inline uint64_t zone_piece(uint32_t frame, uint32_t n_left, uint32_t *n)
{
	uint32_t shift = frame % WORD_BITS;
	*n = n_left < WORD_BITS - shift ? n_left : WORD_BITS - shift;
	return word_mask(shift, *n);
}

#endif
