/* SPDX-License-Identifier: MIT */
/* The driver's lock, and what is decided under it. */
#ifndef BALLOON_DRIVER_STATE_H
#define BALLOON_DRIVER_STATE_H

#include "driver/driver.h"

static inline struct driver_state *driver_lock(struct balloon_driver *driver)
	BALLOON_ACQUIRES(driver->lock);
static inline void driver_unlock(struct balloon_driver *driver) BALLOON_RELEASES(driver->lock);

BALLOON_LOCK_INTERNALS static inline struct driver_state *driver_lock(struct balloon_driver *driver)
{
	balloon_lock_acquire(&driver->lock);
	return &driver->state;
}

/* Once no call is inside, the driver may be stopped and gone. */
BALLOON_LOCK_INTERNALS static inline void driver_unlock(struct balloon_driver *driver)
{
	if (!BALLOON_READ(driver->state.has_left)) {
		balloon_lock_release(&driver->lock);
		return;
	}
	BALLOON_WRITE(driver->state.has_left, false);
	balloon_lock_release_last(&driver->lock);
}

/** The same, after a change that sleepers may wait for. */
void driver_unlock_and_wake(struct balloon_driver *driver) BALLOON_RELEASES(driver->lock);
/** The same, if the effects of a step say so. */
void driver_unlock_after(struct balloon_driver *driver, unsigned effects)
	BALLOON_RELEASES(driver->lock);
/** The same, after a call left: only who waits for rest minds. */
void driver_unlock_left(struct balloon_driver *driver) BALLOON_RELEASES(driver->lock);
/** Wake everybody, wherever they sleep: for stop, quiesce, resume, a new target. Takes no lock. */
void driver_wake_all(struct balloon_driver *driver);

/** A call comes in. Returns 0 or why not. */
int state_enter(struct driver_state *state, enum driver_call call);
/** It goes; the caller wakes. Notes what came of it: see state_note(). */
void state_leave(struct driver_state *state, enum driver_call call);
/** Note the result of a call or of a request. */
void state_note(struct driver_state *state, int result);
int driver_enter(struct balloon_driver *driver, enum driver_call call);
int driver_leave(struct balloon_driver *driver, enum driver_call call, int result);

/** Own the mark of a leak that may be joined, unless another one has it: whether it does now. */
bool state_mark(struct driver_state *state, struct balloon_batch *batch);

/** 0; -ECANCELED: stopped; -EBUSY: quiesced. */
int state_halted(const struct driver_state *state);
/** Bring what the driver is doing up to date. */
void state_look(struct driver_state *state, uint32_t target, uint64_t now_ns);

/** Pages that the balloon will hold when all is done that is under way. */
uint64_t state_expected(const struct driver_state *state);
/** The target is reached, and nothing is under way. */
bool state_is_at_rest(const struct driver_state *state, uint32_t target);
/** Until when no frame is allocated; 0: now. */
uint64_t state_held_off_until(struct driver_state *state);
/** Nothing is allocated before then. */
void state_hold_off(struct driver_state *state, uint64_t until_ns);

/** Take the lock for a direction, if it can be had. */
bool state_lock_request(struct driver_state *state, struct balloon_batch *batch,
	enum balloon_driver_lock lock, enum lock_direction direction);
/** Could it be had? */
bool state_can_lock(const struct driver_state *state, enum balloon_driver_lock lock,
	enum lock_direction direction);
/** A request's lock is free again, if no other one of its direction holds it. The caller wakes. */
void state_unlock_request(struct driver_state *state, struct balloon_batch *batch);
/** Requests are nobody's from now on: who sleeps for a lock has to look after them. The caller wakes. */
void state_wake_directions(struct driver_state *state);
/** Count a waiter for locks in or out; the caller wakes when it is out for good. */
void state_await_lock(
	struct driver_state *state, unsigned locks, enum lock_direction direction, bool is_waiting);

/** What a request of a direction holds by the driver's design. */
static inline const struct balloon_driver_hold *driver_hold(
	const struct balloon_driver *driver, bool is_inflation)
{
	return is_inflation ? &driver->config.design->fill : &driver->config.design->leak;
}

/** What a direction locks by the driver's design: bits. */
static inline unsigned driver_locks(
	const struct balloon_driver *driver, enum lock_direction direction)
{
	const struct balloon_driver_design *design = driver->config.design;
	if (direction == LOCK_MIGRATE)
		return design->migration_locks;
	return (unsigned)(direction == LOCK_FILL ? design->fill.lock : design->leak.lock);
}

#endif
