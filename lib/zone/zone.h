/* SPDX-License-Identifier: MIT */
/*
 * A zone, inside.
 *
 * Tier 0 is the bitmap: a bit says that a frame is free. Each word of it is of a class, the order of
 * its largest free block, and for each class there is the set of its words. So a block of up to 64
 * frames is found where the least is broken for it: in the lowest class that has it. A broken word's class is
 * written down, as it is most often the same, or near, when the word has changed.
 *
 * Tier 1 is the same once more above it: its bitmap says which words of tier 0 are whole, which is
 * just the set of those of the highest class. Its words stand for 4096 frames, and their classes for
 * free blocks of orders 6 to 12.
 *
 * Beside them is a tree of the long runs, for ranges: runs.h. Blocks are counted for the statistics alone,
 * and only where something changed since the last time.
 *
 * Frame 0 is aligned, so that blocks are aligned within words; it and others may lie before the zone, and
 * are never free.
 *
 * Memory: for each 64 frames 17 bytes and a bit in each of 8 sets; for each 4096 a node, a count of blocks, a byte
 * and a bit in each of 8 sets.
 */
#ifndef BALLOON_ZONE_ZONE_H
#define BALLOON_ZONE_ZONE_H

#include <balloon/frames-ops.h>
#include <balloon/sync.h>
#include <balloon/zone.h>

#include "core/memory.h"
#include "zone/runs.h"
#include "zone/sets.h"
#include "zone/words.h"

struct zone_tier {
	uint64_t *words;
	uint8_t *class_of; /* each word's, if it is broken */
	uint32_t n_words;
	struct zone_set classes[WORD_CLASSES]; /* of words */
};

enum {
	ZONE_TIERS = 2,
	ZONE_ORDERS = BALLOON_ZONE_ORDER_MAX + 1,
	ZONE_ALIGN = 4096,        /* frame 0 is aligned so, and with it the words of both tiers */
	ZONE_COUNTED_AT_ONCE = 8, /* words of tier 1, whose blocks are counted under the lock */
};

/* Of 4096 frames. */
struct zone_blocks {
	uint16_t n[ZONE_ORDERS + 1]; /* of each order; the last is none */
};

struct balloon_zone {
	struct balloon_frames frames; /* constant; the first member, for the ops */
	struct balloon_frames units;  /* constant */
	uint32_t unit_order;          /* constant */
	uint32_t first;     /* constant: the page of frame 0, which may be before the map's */
	uint32_t n_lead;    /* constant: frames from 0 on that are not the zone's: used forever */
	uint32_t n_frames;  /* constant: these and the zone's */
	uint64_t first_pfn; /* constant: of frame 0; a multiple of ZONE_ALIGN */
	struct balloon_atomic_word n_contended;
	/* In one cache line what almost every call writes. */
	BALLOON_ALIGNED struct balloon_lock lock; /* protects the rest */
	uint64_t n_free;
	uint64_t n_allocations;
	struct zone_span fresh; /* free, adjacent, and not counted in any node of the runs yet */
	uint32_t has_class[ZONE_TIERS]; /* bits: the classes that words of the tier are of */
	/* Events, for tests: words looked at for ranges and counts, and words that changed. */
	uint64_t n_looked;
	uint64_t n_failures;
	uint64_t n_strays;
	struct zone_tier tiers[ZONE_TIERS];
	struct zone_set any; /* words with a free frame */
	struct balloon_zone_reservation *reservations;
	uint64_t *kept; /* bits: not free, but nobody's: kept for a reservation */
	/* Free blocks as they were counted last, for each word of tier 1, and all of them. */
	struct zone_blocks *blocks;
	uint64_t n_blocks[ZONE_ORDERS];
	struct zone_set uncounted; /* words of tier 1 with blocks that may have changed since */
	struct zone_runs runs;
};

/* Frames are counted from frame 0 in all that follows; the caller holds the lock. */

/** Is this a range of the zone? *frame receives where it is. Returns 0; -EINVAL; -ERANGE. Needs no lock. */
int balloon_zone_check_range(const struct balloon_zone *zone, struct balloon_page first,
	uint32_t n_frames, uint32_t *frame);

/** The frame sources' ops. */
extern const struct balloon_frames_ops balloon_zone_ops;
extern const struct balloon_frames_ops balloon_zone_unit_ops;

/** Count what a call got. Returns 0 or -ENOMEM. */
static inline int zone_counted(struct balloon_zone *zone, bool has_got)
{
	if (has_got)
		BALLOON_ADD(zone->n_allocations, 1);
	else
		BALLOON_ADD(zone->n_failures, 1);
	return has_got ? 0 : -ENOMEM;
}

/** Is it a frame of the zone's? A page before the first one makes a small number, or a large one. */
static inline bool zone_has(const struct balloon_zone *zone, uint32_t frame)
{
	return frame >= zone->n_lead && frame < zone->n_frames;
}

static inline uint64_t zone_word(const struct zone_tier *tier, uint32_t word)
{
	return BALLOON_READ(tier->words[word]);
}

static inline uint32_t zone_n_children(const struct balloon_zone *zone, uint32_t level)
{
	return level ? zone->runs.levels[level - 1].n_nodes : zone->tiers[0].n_words;
}

/** Free frames that a child of a level's nodes begins with: past the last child there are none. */
static inline uint32_t zone_prefix(const struct balloon_zone *zone, uint32_t level, uint32_t child)
{
	if (child >= zone_n_children(zone, level))
		return 0;
	if (level == 0)
		return word_prefix(zone_word(&zone->tiers[0], child));
	return BALLOON_READ(zone->runs.levels[level - 1].nodes[child].prefix);
}

/** Those that it ends with. */
static inline uint32_t zone_suffix(const struct balloon_zone *zone, uint32_t level, uint32_t child)
{
	if (level == 0)
		return word_suffix(zone_word(&zone->tiers[0], child));
	return BALLOON_READ(zone->runs.levels[level - 1].nodes[child].suffix);
}

/** log2 of the largest alignment that a frame of the run has, as far as nodes care. */
static inline uint32_t runs_top_align(const struct zone_span *run)
{
	uint32_t top = word_highest((run->start - 1) ^ (run->end - 1));
	return top < RUNS_ALIGN_MAX ? top : RUNS_ALIGN_MAX;
}

/** Is the run nowhere longer than the node's best ones? (These shrink as alignments grow.) */
static inline bool runs_is_below(const struct zone_node *node, const struct zone_span *run)
{
	return run->end - run->start <= BALLOON_READ(node->best[runs_top_align(run)]);
}

/**
 * Are these bits of a word, now that they are free, in a run of no account: within the word, and nowhere
 * longer than the best ones?
 */
static inline bool zone_is_quiet(
	const struct balloon_zone *zone, uint32_t word, uint64_t free, uint64_t bits)
{
	const uint64_t base = (uint64_t)word * WORD_BITS;
	const uint64_t used_below = ~free & ((bits & -bits) - 1);
	const uint64_t used_above = ~free & ~(WORD_WHOLE >> (WORD_BITS - 1 - word_highest(bits)));
	if ((used_below == 0) | (used_above == 0))
		return false;
	const struct zone_span run = {
		base + word_highest(used_below) + 1, base + word_lowest(used_above)};
	return runs_is_below(&zone->runs.levels[0].nodes[word / RUNS_FAN], &run);
}

/* Both before the bitmap changes. What is freed in runs of no account need not be said. */

/** These frames, which are in use, are about to become free. */
static inline void zone_runs_will_give(struct balloon_zone *zone, uint32_t frame, uint32_t n)
{
	struct zone_span *fresh = &zone->fresh;
	if (fresh->start == fresh->end)
		*fresh = (struct zone_span){frame, (uint64_t)frame + n};
	else if (fresh->end == frame)
		fresh->end += n;
	else if (fresh->start == (uint64_t)frame + n)
		fresh->start = frame;
	else
		balloon_runs_will_give(zone, frame, n);
}

/** Frames from the first to the last of these, which are free, are about to be taken: all, or some. */
static inline void zone_runs_will_take(
	struct balloon_zone *zone, uint32_t frame, uint32_t n, bool are_all)
{
	const struct zone_span taken = {frame, (uint64_t)frame + n};
	struct zone_span *fresh = &zone->fresh;
	if (are_all && taken.start == fresh->start && taken.end <= fresh->end)
		fresh->start = taken.end;
	else if (are_all && taken.end == fresh->end && taken.start >= fresh->start)
		fresh->end = taken.start;
	else
		balloon_runs_will_take(zone, frame, n);
}

/** The bits of a range that lie in one word, from `frame` on; `*n` of them. */
static inline uint64_t zone_piece(uint32_t frame, uint32_t n_left, uint32_t *n)
{
	uint32_t shift = frame % WORD_BITS;
	*n = n_left < WORD_BITS - shift ? n_left : WORD_BITS - shift;
	return word_mask(shift, *n);
}

#endif
