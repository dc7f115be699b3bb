/* SPDX-License-Identifier: MIT */
/*
 * What a page's way in and out costs in countable things, of one thread that cycles: the same in
 * every run.
 *
 * Atomic operations are counted by a build of their own. Instructions and cache misses are counted
 * by callgrind, under which this program runs once more and comes to count_under_valgrind().
 */
#ifndef COUNT_COUNT_H
#define COUNT_COUNT_H

#include "run/bench.h"
#include "run/plan.h"

/** Of one subject in one shape, a page; negative: not counted. */
struct count {
	double atomics, instructions, l1_misses, ll_misses;
};

/* The simulated caches: the first level's size and the last one's, in bytes. */
enum { COUNT_L1_BYTES = 32 << 10, COUNT_LL_BYTES = 2 << 20 };

/* Each of the following counts for the plan's subjects, and returns 0 or -1. */

/** In a build without option `counting`: not to be called. */
int count_atomics(const struct plan *plan, const struct shape *shape, struct count *counts,
	struct problem *problem);
int count_misses(const struct plan *plan, const struct shape *shape, struct count *counts,
	struct problem *problem);

bool count_is_under_valgrind(void);
int count_under_valgrind(
	const struct plan *plan, const struct shape *shape, struct problem *problem);

/**
 * One round to warm up and one to count, of each subject that can. The bracket's context is set to
 * the subject's index as a size_t. Returns 0 or -1.
 */
int count_rounds(const struct plan *plan, const struct shape *shape, struct bracket *bracket,
	struct problem *problem);

#endif
