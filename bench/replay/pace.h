/* SPDX-License-Identifier: MIT */
/*
 * Keeps the threads of a run loosely in step, so that what overlapped in the recording has a chance
 * to overlap again.
 *
 * No thread is more than PACE_WINDOW_ROWS rows of the recording ahead of the last one. A thread that
 * waits for a page of the balloon is not waited for: what it needs, only the others can do. Threads
 * tell how far they are every PACE_STRIDE_ROWS rows, so that the keeping of the pace costs little.
 */
#ifndef REPLAY_PACE_H
#define REPLAY_PACE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "recording.h"

enum {
	PACE_WINDOW_ROWS = 512,
	PACE_STRIDE_ROWS = 64,
	PACE_STALL_S = 10,
};

struct pace {
	pthread_mutex_t mutex;       /* protects all that follows */
	pthread_cond_t changed;      /* n_steps rose, or the run is off: tasks wait */
	pthread_cond_t ended;        /* a task has ended: the main thread waits */
	size_t next_rows[TASKS_MAX]; /* of each task; SIZE_MAX: not to be waited for */
	unsigned n_tasks;
	unsigned n_unfinished;
	unsigned n_starved; /* tasks that found no page since the last step */
	uint64_t n_steps;   /* times that somebody told of progress */
	bool is_off;        /* something went wrong: all tasks are to end */
};

void pace_init(struct pace *pace, unsigned n_tasks);
void pace_fini(struct pace *pace);

/** End all tasks soon. */
void pace_call_off(struct pace *pace);

/**
 * For the main thread: wait until n_unfinished tasks are left.
 * Returns 0, or -1: nobody made progress for PACE_STALL_S seconds.
 */
int pace_join(struct pace *pace);

/**
 * For a task that comes to a row at or beyond its limit: tell of it, wait if it is too far ahead.
 * limit: receives the next row at which to call this. Returns false if the task is to end.
 */
bool pace_advance(struct pace *pace, unsigned task, size_t row, size_t *limit);

/**
 * For a task that finds no page. First it tells the others, who may be waiting for what it did; then
 * it looks again and again, each time between pace_look() and pace_starve(), which waits until
 * somebody made progress since pace_look() returned `step`.
 *
 * pace_starve() returns false if that is in vain: all tasks wait like this, or are to end.
 */
void pace_tell(struct pace *pace);
uint64_t pace_look(struct pace *pace);
bool pace_starve(struct pace *pace, unsigned task, uint64_t step);

/** For a task: it has ended. */
void pace_finish(struct pace *pace, unsigned task);

#endif
