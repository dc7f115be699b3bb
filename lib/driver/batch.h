/* SPDX-License-Identifier: MIT */
/* A request from its pages to its end: batch, lock, pages, tell, answer, left. */
#ifndef DRIVER_BATCH_H
#define DRIVER_BATCH_H

#include "driver/driver.h"

/*
 * limit_ns, of calls that wait: when the caller's time is over. A wait is no longer than
 * host_timeout_ns either. 0: waits for nothing.
 */

/** A request for n pages; NULL: there is none. may_reserve: the one for relief will do. */
struct balloon_batch *batch_take(
	struct driver_state *state, enum life_route route, uint32_t n_pages, bool may_reserve);

/**
 * Get n pages and tell the host. Returns true: the request is with the host, or answered; false: it is
 * over, and *result says what came of it.
 */
bool batch_start(struct balloon_driver *driver, struct balloon_batch *batch, uint32_t n_pages,
	uint64_t limit_ns, int *result);
/** Take the lock, if the design says so and it is not held, and tell the host. As batch_tell(). */
bool batch_lock_and_tell(struct balloon_driver *driver, struct balloon_batch *batch, uint32_t n,
	uint64_t limit_ns, int *result);
/** Tell the host about request.pages[0 .. n_pages), which are sealed. Returns as batch_start(). */
bool batch_tell(struct balloon_driver *driver, struct balloon_batch *batch, uint32_t n_pages,
	uint64_t limit_ns, int *result);
/** Wait for the answer and do what follows. Returns what came of it; the request is not the caller's. */
int batch_finish(struct balloon_driver *driver, struct balloon_batch *batch, uint64_t limit_ns);
/** Nobody waits: whoever comes takes the answer. If it is there, this is the end. */
void batch_leave(struct balloon_driver *driver, struct balloon_batch *batch);
/** It has no pages, and is over. Returns the result. */
int batch_give_up(struct balloon_driver *driver, struct balloon_batch *batch, int result);

/* For migrations, which deal with the answers themselves. */

/** An event of a request's life, with the lock's end and the request's. The caller has the lock. */
unsigned batch_step(
	struct driver_state *state, struct balloon_batch *batch, enum life_event event, uint32_t n);
/** Take the locks for a request. Returns 0; -EAGAIN: not in time; -ENODEV; -ECANCELED. */
int batch_lock(struct balloon_driver *driver, struct balloon_batch *batch, unsigned locks,
	enum lock_direction direction, uint64_t limit_ns);
/** Wait for the answer. Returns 0: it is there; or why not. Either way it is still the caller's. */
int batch_await(struct balloon_driver *driver, struct balloon_batch *batch, uint64_t limit_ns);
/** Enter request.pages[first_insert .. end_insert) into the home, and end: free, or postponed. */
void batch_end(struct balloon_driver *driver, struct balloon_batch *batch);

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

/** Settle what is nobody's and can be settled by now_ns; the caller is inside. */
void driver_look_after(struct balloon_driver *driver, uint64_t now_ns);
/** The same, if there is reason to. */
void driver_look_after_if_due(struct balloon_driver *driver);

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
/** Take the lock that the design wants for it. As batch_lock(). */
int batch_lock_by_design(
	struct balloon_driver *driver, struct balloon_batch *batch, uint64_t limit_ns);

/** What the host said, and what is to be done. */
struct answer {
	uint32_t n_done;
	uint32_t n_left; /* behind them, and behind the one that was refused */
	bool is_refused; /* pages[n_done] */
	bool goes_on;    /* the host is told of what is left */
	int error;       /* the host's */
	struct acknowledgement acknowledgement;
};

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
