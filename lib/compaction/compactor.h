/* SPDX-License-Identifier: MIT */
/*
 * A compactor, inside: a pass over blocks, and where it stands.
 *
 * All pages of the part have an order. Those of *fixed* blocks, which cannot become whole whatever is
 * moved, come before those of the others; among themselves both go by number. A pass moves ballooned
 * pages from the end of that order to free frames at its beginning: two cursors, which meet.
 */
#ifndef BALLOON_COMPACTION_COMPACTOR_H
#define BALLOON_COMPACTION_COMPACTOR_H

#include <balloon/compactor.h>
#include <balloon/frames-ops.h>
#include <balloon/sync.h>

#include "compaction/cluster.h"
#include "core/memory.h"

/** Where in that order a page is. */
struct place {
	uint32_t page;
	bool is_fixed;
};

static inline bool place_is_before(struct place a, struct place b)
{
	return a.is_fixed == b.is_fixed ? a.page < b.page : a.is_fixed;
}

/** Another one than before if other frames are free, or other pages in a balloon of ours. */
struct stamp {
	uint64_t frames;
	uint64_t pages;
};

struct balloon_compactor {
	struct balloon_compactor_config config; /* constant, with its defaults filled in */
	struct balloon_lock lock;               /* protects the next two */
	bool is_at_work;
	struct balloon_compactor_stats stats; /* as the last step left them */
	struct balloon_atomic_word n_contended;

	/* The thread's that is at work. The pass: */
	struct balloon_compactor_stats counts;
	bool is_over; /* the cursors have met */
	bool is_begun;
	struct stamp stamp;                   /* when the pass began */
	struct balloon_compactor_stats begin; /* the counts then */
	uint32_t survey;                      /* blocks from here on have not been looked at */
	struct place source;                  /* pages before it have not been looked for */
	struct place target;                  /* frames before it are in use */
	struct cluster cluster;               /* of the step */
	/* What is remembered from one pass to the next: */
	bool is_idle;            /* the last pass moved nothing and left nothing ... */
	struct stamp idle_stamp; /* ... and this is how it found memory */
	uint64_t n_owed; /* pages that have to be given up before another look is worth while */
	uint32_t whole;  /* a block was free here */

	uint64_t fixed[]; /* a bit for each block, since the survey came by */
};

#endif
