/* SPDX-License-Identifier: MIT */
/*
 * Schedules at random, of what is too large to be searched: each a walk through the choices.
 *
 * Uniform: at every step, any of the threads that can go on. By priorities (probabilistic concurrency testing:
 * Burckhardt and others, 2010): the thread with the highest priority goes on; it becomes the lowest at depth - 1
 * steps, drawn from as many as the longest walk so far had. A fault that needs `depth` orders of steps, of n
 * threads with k steps in all, is found by a walk with a chance of at least 1 / (n k^(depth - 1)).
 *
 * The same seed makes the same walks. Not covered: that a walk differs from those before it.
 */
#ifndef EXPLORE_WALK_H
#define EXPLORE_WALK_H

#include "explore/search.h"

enum { WALK_DEPTH_MAX = 16 };

struct walk_options {
	uint64_t n_walks;
	uint64_t seed;
	uint32_t depth; /* 0: uniform */
};

/** Schedules are counted as n_walks in the result. */
void walk_run(const struct search_subject *subject, const struct walk_options *walk,
	const struct search_options *options, struct search_result *result);

#endif
