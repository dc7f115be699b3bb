/* SPDX-License-Identifier: MIT */
/*
 * A request from its beginning to its end, and what the files of its life share: it gets its pages (pages.h) and
 * a lock (lock.h), the host is told and waited for (tell.h), its answer is followed (answer.h), or it is nobody's
 * (left.h).
 */
#ifndef BALLOON_DRIVER_BATCH_H
#define BALLOON_DRIVER_BATCH_H

#include "driver/driver.h"

/*
 * limit_ns, of calls that wait: when the caller's time is over. A wait is no longer than
 * host_timeout_ns either. 0: waits for nothing.
 */

/** A request for n pages; NULL: there is none. may_reserve: the one for relief will do. */
struct balloon_batch *batch_take(
	struct driver_state *state, enum life_route route, uint32_t n_pages, bool may_reserve);

/** It has no pages, and is over. Returns the result. */
int batch_give_up(struct balloon_driver *driver, struct balloon_batch *batch, int result);

/** An event of a request's life, with the lock's end and the request's. The caller has the lock. */
unsigned batch_step(
	struct driver_state *state, struct balloon_batch *batch, enum life_event event, uint32_t n);

/** Tell the program about the answer for n pages. effects: of the step, and its counts. */
struct acknowledgement {
	unsigned effects;
	uint64_t n_acknowledged;
	uint64_t sequence;
};
struct acknowledgement acknowledgement_of(const struct driver_state *state, unsigned effects);
void driver_account(struct balloon_driver *driver, const struct balloon_page *pages, uint32_t n,
	const struct acknowledgement *acknowledgement);
void driver_free(struct balloon_driver *driver, const struct balloon_page *pages, uint32_t n);
/** The program's `moved`, about pages of the balloon: those of the quarantine are in none. */
void driver_moved(struct balloon_driver *driver, const struct balloon_device *device,
	const struct balloon_page *pages, uint32_t n, bool is_in);

/* ---- What the files of a request's life share ------------------------------------------------ */

/** So many answers in a row that do nothing end a call: the host refuses everything. */
enum { REFUSALS_IN_A_ROW = 8 };

/** How long to wait before trying again what nobody will say may be tried: longer each time. */
uint64_t batch_nap_ns(uint32_t n_naps);
/** Note how a route goes, for those who try again by themselves. The caller has the lock. */
void batch_back_off(struct driver_state *state, const struct balloon_batch *batch, int result);
/** What has come of it so far: pages, or an error. */
int batch_result(const struct balloon_batch *batch);
/** The call that has it is over. The caller has the lock. */
void batch_end_call(struct driver_state *state, struct balloon_batch *batch, int result);

#endif
