/* SPDX-License-Identifier: MIT */
/*
 * The long runs of a zone: where n free frames in a row are, whatever n and its alignment.
 *
 * A tree over the words, 64 children a node: the lowest nodes stand for 64 words. Each node knows how
 * many free frames it begins with and ends with, and for each alignment of 2^k frames the longest free
 * run within it that is counted from such a frame. A run that crosses children is the end of one, whole
 * ones, the beginning of another: so the lowest place for n frames is found from the root down, by a
 * look at 64 children a level.
 *
 * What a change costs. Frames that are freed make one run longer, and a node has only to compare that
 * run with its best ones: most often a single comparison in the lowest node, and the end. Frames freed
 * one beside the other are counted once, when another place is touched or a range is looked for: until
 * then the tree takes them for used.
 *
 * Frames that are taken may break the longest run, and which one is the longest then, only all children
 * tell. So the node keeps its bests, which are now bounds, and is called loose. Few nodes of a level
 * are: the next one has the oldest one looked through. A search that a bound has misled lowers it.
 */
#ifndef BALLOON_ZONE_RUNS_H
#define BALLOON_ZONE_RUNS_H

#include <balloon/types.h>

enum {
	RUNS_FAN = 64,
	RUNS_LEVELS_MAX = 5, /* nodes of 2^12, 2^18, 2^24, 2^30, 2^36 frames */
	RUNS_ALIGN_MAX = 12, /* as log2 of frames */
	RUNS_LOOSE_LOW = 6,  /* loose nodes of the lowest level at once */
	RUNS_LOOSE_HIGH = 2, /* of any other one */
};

struct zone_node {
	uint32_t prefix; /* free frames that it begins with */
	uint32_t suffix; /* that it ends with */
	/* At [k] the longest free run within, counted from a multiple of 2^k; if loose, at least that. */
	uint32_t best[RUNS_ALIGN_MAX + 1];
	uint32_t is_loose;
};

struct zone_level {
	struct zone_node *nodes;
	uint64_t *whole; /* a word for each node: which of its children are free as a whole */
	uint32_t n_nodes;
	uint32_t n_evicted; /* events; modulo their number the slot of the oldest loose node */
	uint32_t loose[RUNS_LOOSE_LOW]; /* indices, or SET_NONE; some may not be loose any more */
};

/* Frames from start to end - 1. */
struct zone_span {
	uint64_t start;
	uint64_t end;
};

struct zone_runs {
	struct zone_level levels[RUNS_LEVELS_MAX];
	uint32_t n_levels;
};

struct balloon_zone;

/** Words of memory that the nodes for so many words of frames want. */
uint64_t balloon_runs_words(uint32_t n_words);

/** Make the tree for a zone that has its tiers, in so many words of zeros. */
void balloon_runs_init(struct balloon_zone *zone, uint64_t *words);

/* These, which are not fresh ones or beside them, before the bitmap changes: zone_runs_will_give(), _take(). */
void balloon_runs_will_give(struct balloon_zone *zone, uint32_t frame, uint32_t n);
void balloon_runs_will_take(struct balloon_zone *zone, uint32_t frame, uint32_t n);

/** The node has this run, too: among its best ones, if it is one of them. */
void balloon_runs_raise(struct zone_node *node, const struct zone_span *run);

/** Count the fresh frames: before all nodes are looked at. */
void balloon_runs_book(struct balloon_zone *zone);

/* log2 of the frames of a child, and of a node, of a level. */
static inline uint32_t runs_child_shift(uint32_t level)
{
	return 6 + 6 * level;
}

static inline uint32_t runs_shift(uint32_t level)
{
	return 12 + 6 * level;
}

/** The first multiple of a power of two that is at least this. */
static inline uint64_t runs_align(uint64_t frame, uint64_t align)
{
	return (frame + align - 1) & ~(align - 1);
}

#endif
