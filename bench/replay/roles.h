/* SPDX-License-Identifier: MIT */
/*
 * What a thread does at a row of the recording, with pages chosen by role: which page a row is about
 * depends on how the threads happen to run.
 *
 *   inflate       a free page, from the pool that all threads share
 *   deflate       what dequeue returns; if nothing, the thread waits for the others. If all threads
 *                 wait, the rows' new order has no page for this one: the dequeue is owed, and made
 *                 up for at the end
 *   deflate_none  one dequeue; a page that it returns after all is inserted again, so that nobody
 *                 who comes later lacks it
 *   isolate       the next page of a lockless scan that can be isolated; none in a whole round of
 *                 the map: the row is skipped
 *   putback       the page that this thread isolated last; none: the row is skipped
 *   migrate       the same, to a free page; its own page becomes free. Answered "again": nothing
 *                 happens, the page stays isolated
 */
#ifndef REPLAY_ROLES_H
#define REPLAY_ROLES_H

#include <pthread.h>

#include "pace.h"
#include "run.h"

/** The pages that are in no balloon, shared by all threads of a run. */
struct pool {
	pthread_mutex_t mutex;
	struct balloon_page *pages; /* a stack */
	uint32_t n_pages, n_total;
};

/** All threads of a run, and what they share. */
struct crew {
	struct run *run;
	struct pool pool;
	struct pace pace;
	struct task *tasks;
	uint64_t begin_ns; /* when they did */
};

/** One thread. Nobody else looks at it before it was joined. */
struct task {
	struct crew *crew;
	unsigned id;
	uint32_t cursor;               /* of the scan */
	struct balloon_page *isolated; /* a stack */
	size_t n_isolated;
	struct balloon_device_stats done; /* its events alone */
	uint64_t n_skipped;
	uint64_t n_owed; /* dequeues */
	uint64_t end_ns;
	int result;
	struct problem problem;
};

/** Returns 0, or a negative error number that no call gives in a working strategy. */
int task_do_row(struct task *task, const struct row *row);

/** Dequeue a page into the pool; owe it if that is in vain. Returns as task_do_row(). */
int task_deflate(struct task *task);

#endif
