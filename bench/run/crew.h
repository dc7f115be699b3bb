/* SPDX-License-Identifier: MIT */
/* The threads of a repeat: all start at once and work until the time is over. */
#ifndef RUN_CREW_H
#define RUN_CREW_H

#include "run/worker.h"

/**
 * Returns 0; 1: is_interrupted() said so; or a negative error number: no thread has worked.
 */
int crew_run(struct worker *workers, unsigned n, bool is_pinned, double seconds,
	bool (*is_interrupted)(void));

#endif
