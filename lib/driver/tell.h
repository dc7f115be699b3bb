/* SPDX-License-Identifier: MIT */
/* Telling the host, and waiting for it. */
#ifndef BALLOON_DRIVER_TELL_H
#define BALLOON_DRIVER_TELL_H

#include "driver/batch.h"

/** Tell the host about request.pages[0 .. n_pages), which are sealed. Returns as batch_start(). */
bool batch_tell(struct balloon_driver *driver, struct balloon_batch *batch, uint32_t n_pages,
	uint64_t limit_ns, int *result);

/** The host has taken a request, and may keep it until its deadline. False: it has answered. The caller has the lock. */
bool batch_accepted(struct driver_state *state, struct balloon_batch *batch);

/** Wait for the answer and do what follows. Returns what came of it; the request is not the caller's. */
int batch_finish(struct balloon_driver *driver, struct balloon_batch *batch, uint64_t limit_ns);

/** Wait for the answer. Returns 0: it is there; or why not. Either way it is still the caller's. */
int batch_await(struct balloon_driver *driver, struct balloon_batch *batch, uint64_t limit_ns);

/** Take the answer that is there, and do what follows. Returns as batch_start(). */
bool batch_take_and_follow(struct balloon_driver *driver, struct balloon_batch *batch, int *result);

/**
 * Asleep until a request of this driver's has ended after n_ended had, until calls are turned away or the host
 * is gone, or until a time.
 */
void batch_await_end_of_any(struct balloon_driver *driver, uint64_t n_ended, uint64_t until_ns);

/**
 * Let it be nobody's. Returns false: it was answered meanwhile. If it was not when it becomes nobody's, the
 * driver's event is signalled when it is, and whoever looks after that finds it.
 */
bool batch_let_go(struct balloon_driver *driver, struct balloon_batch *batch, int result);

#endif
