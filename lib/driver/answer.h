/* SPDX-License-Identifier: MIT */
/* What follows from an answer of the host's. */
#ifndef BALLOON_DRIVER_ANSWER_H
#define BALLOON_DRIVER_ANSWER_H

#include "driver/batch.h"

/** What the host said, and what is to be done. */
struct answer {
	uint32_t n_done;
	uint32_t n_left; /* after them, and after the one that was refused */
	bool is_refused; /* pages[n_done] */
	bool goes_on;    /* the host is told of what is left */
	int error;       /* the host's */
	struct acknowledgement acknowledgement;
};

/** Insert request.pages[first_insert .. end_insert) into the home, and end: free, or postponed. */
void batch_end(struct balloon_driver *driver, struct balloon_batch *batch);

/** Count an answer in. The caller has the lock, and takes the request with it. */
struct answer batch_take_answer(
	struct balloon_driver *driver, struct driver_state *state, struct balloon_batch *batch);

/**
 * Do what follows from an answer that was taken. Returns how many pages are left of which the host is to be
 * told next, at the front, the request being told; 0: it is over, and *result says what came of it.
 */
uint32_t batch_follow(struct balloon_driver *driver, struct balloon_batch *batch,
	struct answer *answer, int *result);

/** The host knows nothing of these pages: as if it had refused all of them, but no page is to blame. */
bool batch_not_told(
	struct balloon_driver *driver, struct balloon_batch *batch, int error, int *result);

#endif
