/* SPDX-License-Identifier: MIT */
/*
 * What a page's way in and out costs in countable things, of one thread that cycles: the same in
 * every run.
 *
 * Atomic operations are counted by a build of their own. Instructions and cache misses are counted
 * by callgrind, under which this program runs the same trials once more.
 */
#ifndef COUNT_COUNT_H
#define COUNT_COUNT_H

#include "run/bench.h"

/* The simulated caches: the first level's size and the last one's, in bytes. */
enum { COUNT_L1_BYTES = 32 << 10, COUNT_LL_BYTES = 2 << 20 };

/** A round that nobody counts. */
int count_warm_up(struct trial *trial);

/** What a round's trials do where callgrind counts; under callgrind itself, the rounds. NULL: it cannot be. */
const struct trial_ops *count_misses_ops(struct round *round);

#endif
