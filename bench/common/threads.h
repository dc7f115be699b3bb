/* SPDX-License-Identifier: MIT */
/* Threads that begin at once. */
#ifndef COMMON_THREADS_H
#define COMMON_THREADS_H

#include <stdbool.h>
#include <stddef.h>

/** What threads do, each with a context of its own. */
struct threads {
	unsigned n;
	/**
	 * Each stays on one of the CPUs that the process may use, counted in a circle. Threads that often wake each
	 * other are put on one CPU by many schedulers: then they take turns, and nothing overlaps. Where threads
	 * cannot be bound this does nothing.
	 */
	bool is_pinned;
	void (*work)(void *context);
	void *contexts; /* an array */
	size_t context_bytes;
	/** What the calling thread does meanwhile; NULL: nothing. */
	void (*meanwhile)(void *argument);
	void *argument;
};

/** Run them, and wait for their ends. Returns 0, or a negative errno: none has worked. */
int threads_run(const struct threads *threads);

#endif
