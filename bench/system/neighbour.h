/* SPDX-License-Identifier: MIT */
/*
 * Another thread of the process, which runs all the time on a processor of its own.
 *
 * What it does does not matter: whatever the first thread unmaps, the kernel has to tell the
 * processor on which the other one runs. A thread that sleeps costs nothing.
 */
#ifndef SYSTEM_NEIGHBOUR_H
#define SYSTEM_NEIGHBOUR_H

#include <pthread.h>
#include <stdatomic.h>

struct neighbour {
	pthread_t thread;
	atomic_bool has_begun, stop;
};

/** Returns 0 once it runs, or a negative errno. */
int neighbour_begin(struct neighbour *neighbour);
void neighbour_end(struct neighbour *neighbour);

#endif
