/* SPDX-License-Identifier: MIT */
/* Making the balloon as large as it is asked to be: fill, leak, step, poll, run, serve. */

#include "core/probe.h"
#include "driver/batch.h"
#include "driver/left.h"
#include "driver/pages.h"
#include "driver/refusals.h"
#include "driver/state.h"
#include "driver/tell.h"

int balloon_driver_set_target(struct balloon_driver *driver, uint64_t n_pages)
{
	if (!driver)
		return -EINVAL;
	uint32_t target = n_pages < UINT32_MAX ? (uint32_t)n_pages : UINT32_MAX;
	balloon_atomic_store(&driver->target, target, BALLOON_RELAXED);
	driver_wake_all(driver);
	BALLOON_PROBE(driver__target, driver, target);
	return 0;
}

/* ---- One request that a call waits for ------------------------------------------------------- */

static uint32_t fit(const struct driver_state *state, uint64_t n_pages)
{
	uint32_t max = BALLOON_READ(state->tuning.request_pages);
	return n_pages < max ? (uint32_t)n_pages : max;
}

/* May frames be allocated now? The caller has the lock. */
static bool may_allocate(struct driver_state *state)
{
	return BALLOON_READ(state->n_relieving) == 0 && state_held_off_until(state) == 0;
}

/* Take a request for a call, and the lock, if that can be had. NULL: there is none. The caller has the
 * lock. */
static struct balloon_batch *take(const struct balloon_driver *driver, struct driver_state *state,
	enum life_route route, uint32_t n_pages)
{
	const struct balloon_driver_hold *hold = driver_hold(driver, route == ROUTE_FILL);
	struct balloon_batch *batch = batch_take(state, route, n_pages, false);
	if (!batch)
		return NULL;
	if (hold->from == BALLOON_LOCK_FROM_PAGES)
		state_lock_request(
			state, batch, hold->lock, route == ROUTE_FILL ? LOCK_FILL : LOCK_LEAK);
	if (route == ROUTE_LEAK && driver->config.design->joins_leaks)
		state_mark(state, batch);
	return batch;
}

/*
 * The program's before_fill. n_pages: what is about to be asked for; 0: what the target is away, as far as one
 * can see without planning it. Without a request, as what is called may migrate.
 */
static void tell_before_fill(struct balloon_driver *driver, uint32_t n_pages)
{
	if (!driver->config.before_fill)
		return;
	struct driver_state *state = driver_lock(driver);
	if (n_pages == 0)
		n_pages = fit(state, difference(driver_target(driver), state_expected(state)));
	bool is_told = n_pages > 0 && may_allocate(state);
	driver_unlock(driver);
	if (is_told)
		driver->config.before_fill(driver->config.before_fill_context, n_pages);
}

BALLOON_LOCK_INTERNALS static int move_request(
	struct balloon_driver *driver, enum life_route route, uint32_t n_pages)
{
	bool is_fill = route == ROUTE_FILL;
	struct balloon_batch *batch = NULL;
	struct driver_state *state = driver_lock(driver);
	int result = state_enter(state, CALL_MOVES);
	if (result < 0) {
		driver_unlock(driver);
		return result;
	}
	uint32_t n = fit(state, n_pages);
	if (BALLOON_READ(state->counts.n_left) > 0 ||
		BALLOON_READ(state->counts.places[PLACE_SET_ASIDE]) > 0 ||
		(is_fill && driver->config.before_fill)) {
		driver_unlock(driver);
		driver_look_after_if_due(driver);
		refusals_release_frames(driver, UINT32_MAX, balloon_platform_now_ns());
		if (is_fill)
			tell_before_fill(driver, n);
		state = driver_lock(driver);
	}
	if (!is_fill || may_allocate(state))
		batch = take(driver, state, route, n);
	if (!batch) {
		state_note(state, -EAGAIN);
		state_leave(state, CALL_MOVES);
		driver_unlock_left(driver);
		return -EAGAIN;
	}
	BALLOON_WRITE(batch->ends_call, true);
	/* What this call is about to do a run may have to undo. */
	if (state_expected(state) != driver_target(driver))
		driver_unlock_and_wake(driver);
	else
		driver_unlock(driver);
	if (batch_start(driver, batch, n, BALLOON_NEVER, &result))
		result = batch_finish(driver, batch, BALLOON_NEVER);
	return result;
}

int balloon_driver_fill(struct balloon_driver *driver, uint32_t n_pages)
{
	if (!driver || n_pages == 0)
		return -EINVAL;
	return move_request(driver, ROUTE_FILL, n_pages);
}

int balloon_driver_leak(struct balloon_driver *driver, uint32_t n_pages)
{
	if (!driver || n_pages == 0)
		return -EINVAL;
	return move_request(driver, ROUTE_LEAK, n_pages);
}

/* ---- What is to be done next ----------------------------------------------------------------- */

enum work {
	WORK_NONE,
	WORK_FILL,
	WORK_LEAK,
	WORK_RETRY,      /* a leak of pages that were refused before */
	WORK_QUARANTINE, /* what a migration left with the host */
};

struct awaited {
	enum balloon_driver_lock lock;
	enum lock_direction direction;
};

struct plan {
	enum work work;
	uint32_t n_pages;
	struct balloon_batch *batch;
	uint64_t next_ns;       /* if nothing: when there may be something to do */
	struct awaited awaited; /* a lock that could not be had */
	bool lacks_request;     /* others' have all of them */
};

/* Is it time? Else *next_ns is no later than when it is. */
static bool is_time(uint64_t at_ns, uint64_t now_ns, uint64_t *next_ns)
{
	if (at_ns <= now_ns)
		return true;
	*next_ns = earlier(*next_ns, at_ns);
	return false;
}

static bool can_lock(const struct balloon_driver *driver, const struct driver_state *state,
	enum lock_direction direction, struct plan *plan)
{
	enum balloon_driver_lock lock = driver_hold(driver, direction == LOCK_FILL)->lock;
	if (state_can_lock(state, lock, direction))
		return true;
	plan->awaited = (struct awaited){lock, direction};
	return false;
}

static void plan_fill(const struct balloon_driver *driver, struct driver_state *state,
	uint64_t n_missing, bool is_asked, uint64_t now_ns, struct plan *plan)
{
	if (BALLOON_READ(state->n_relieving) > 0 ||
		!is_time(state_held_off_until(state), now_ns, &plan->next_ns))
		return;
	if (!is_asked && (!is_time(BALLOON_READ(state->backoff[ROUTE_FILL].until_ns), now_ns,
				  &plan->next_ns) ||
				 !can_lock(driver, state, LOCK_FILL, plan)))
		return;
	plan->work = WORK_FILL;
	plan->n_pages = fit(state, n_missing);
}

/* What is on its way in cannot leak yet. */
static void plan_leak(const struct balloon_driver *driver, struct driver_state *state,
	uint64_t n_surplus, bool is_asked, uint64_t now_ns, struct plan *plan)
{
	uint64_t n_there = difference(BALLOON_READ(state->counts.places[PLACE_ENQUEUED]),
		BALLOON_READ(state->counts.n_planned_out));
	uint32_t n = fit(state, n_surplus < n_there ? n_surplus : n_there);
	uint64_t retry_at_ns = refusals_next_ns(state, REFUSED_PAGE);
	if (n == 0 || (!is_asked && !can_lock(driver, state, LOCK_LEAK, plan)))
		return;
	plan->n_pages = n;
	if (is_time(retry_at_ns, now_ns, &plan->next_ns))
		plan->work = WORK_RETRY;
	else if (is_asked ||
		 is_time(BALLOON_READ(state->backoff[ROUTE_LEAK].until_ns), now_ns, &plan->next_ns))
		plan->work = WORK_LEAK;
}

/*
 * What is missing, less what is under way already (H-28), and whether it can be done now. What is to be done
 * is planned at once, with a request, so that two threads do not fill the same gap. is_asked: by a call for
 * just this, which tries at once, whatever was refused before, and waits for locks. The target is read once, as
 * it changes at any time. The caller has the lock.
 */
static void plan_next(const struct balloon_driver *driver, struct driver_state *state,
	bool is_asked, struct plan *plan)
{
	uint64_t now_ns = balloon_platform_now_ns();
	uint64_t target = driver_target(driver);
	uint64_t expected = state_expected(state);
	*plan = (struct plan){.next_ns = earlier(BALLOON_READ(state->look_at_ns),
				      refusals_next_ns(state, REFUSED_FRAME))};
	if (BALLOON_READ(state->counts.places[PLACE_QUARANTINED]) > 0 &&
		is_time(BALLOON_READ(state->quarantine_at_ns), now_ns, &plan->next_ns) &&
		is_time(BALLOON_READ(state->backoff[ROUTE_QUARANTINE].until_ns), now_ns,
			&plan->next_ns)) {
		BALLOON_WRITE(state->quarantine_at_ns,
			time_after(now_ns, BALLOON_READ(state->tuning.retry_ns)));
		plan->work = WORK_QUARANTINE;
		plan->n_pages = fit(state, BALLOON_READ(state->counts.places[PLACE_QUARANTINED]));
	} else if (expected < target) {
		plan_fill(driver, state, target - expected, is_asked, now_ns, plan);
	} else if (expected > target) {
		plan_leak(driver, state, expected - target, is_asked, now_ns, plan);
	}
}

/* The caller has the lock. */
static void plan_and_take(const struct balloon_driver *driver, struct driver_state *state,
	bool is_asked, struct plan *plan)
{
	plan_next(driver, state, is_asked, plan);
	if (plan->work == WORK_NONE)
		return;
	if (plan->work == WORK_QUARANTINE)
		plan->batch = batch_take(state, ROUTE_QUARANTINE, 0, false);
	else
		plan->batch = take(driver, state, plan->work == WORK_FILL ? ROUTE_FILL : ROUTE_LEAK,
			plan->n_pages);
	plan->lacks_request = !plan->batch;
	if (plan->lacks_request)
		plan->work = WORK_NONE; /* one that ends wakes */
	else
		BALLOON_WRITE(plan->batch->is_retry, plan->work == WORK_RETRY);
}

/* Frames that the host did not want, and that nobody wants now; pages that it need not give back now. */
static void give_up_refusals(struct balloon_driver *driver)
{
	struct driver_state *state = driver_lock(driver);
	uint64_t n_enqueued = BALLOON_READ(state->counts.places[PLACE_ENQUEUED]);
	uint64_t target = driver_target(driver);
	bool has_set_aside = BALLOON_READ(state->counts.places[PLACE_SET_ASIDE]) > 0;
	bool has_refused = refusals_next_ns(state, REFUSED_PAGE) != BALLOON_NEVER;
	driver_unlock(driver);
	if (has_set_aside)
		refusals_release_frames(driver, UINT32_MAX,
			n_enqueued >= target ? BALLOON_NEVER : balloon_platform_now_ns());
	if (has_refused && n_enqueued <= target)
		refusals_put_back(driver, balloon_platform_now_ns());
}

/* ---- Step ------------------------------------------------------------------------------------ */

int balloon_driver_step(struct balloon_driver *driver)
{
	struct plan plan;
	if (!driver)
		return -EINVAL;
	int result = driver_enter(driver, CALL_MOVES);
	if (result < 0)
		return result;
	tell_before_fill(driver, 0);
	give_up_refusals(driver);
	struct driver_state *state = driver_lock(driver);
	plan_and_take(driver, state, true, &plan);
	bool is_at_rest = state_is_at_rest(state, driver_target(driver));
	if (plan.work != WORK_NONE)
		BALLOON_WRITE(plan.batch->ends_call, true);
	driver_unlock(driver);
	if (plan.work == WORK_NONE)
		return driver_leave(driver, CALL_MOVES, is_at_rest ? 0 : -EAGAIN);
	if (batch_start(driver, plan.batch, plan.n_pages, BALLOON_NEVER, &result))
		result = batch_finish(driver, plan.batch, BALLOON_NEVER);
	/* There was something to do, and others have done it or do it now. */
	return result == 0 ? -EAGAIN : result;
}

/* ---- Poll ------------------------------------------------------------------------------------ */

/*
 * One step that does not wait for the host: finish what was answered, and start one request, if there is
 * something to do. may_wait: the source may wait. Returns whether one was started; the plan says what hinders.
 */
static bool advance(struct balloon_driver *driver, bool may_wait, struct plan *plan)
{
	int result;
	driver_look_after_if_due(driver);
	give_up_refusals(driver);
	tell_before_fill(driver, 0);
	struct driver_state *state = driver_lock(driver);
	plan->work = WORK_NONE;
	if (state_halted(state) == 0)
		plan_and_take(driver, state, false, plan);
	if (plan->work != WORK_NONE)
		BALLOON_WRITE(plan->batch->may_wait, may_wait);
	driver_unlock(driver);
	if (plan->work == WORK_NONE)
		return false;
	if (batch_start(driver, plan->batch, plan->n_pages, 0, &result)) {
		batch_leave(driver, plan->batch);
	} else {
		state_note(driver_lock(driver), result);
		driver_unlock(driver);
	}
	return true;
}

/* 1: go on; 0: the target is reached; or why not to go on. */
static int look(struct balloon_driver *driver, uint64_t now_ns)
{
	struct driver_state *state = driver_lock(driver);
	uint32_t target = driver_target(driver);
	int result = state_halted(state);
	if (result == 0)
		result = state_is_at_rest(state, target) ? 0 : 1;
	state_look(state, target, now_ns);
	driver_unlock(driver);
	if (result == 1 && balloon_channel_error(driver_channel(driver)) < 0)
		result = -ENODEV;
	return result;
}

int balloon_driver_poll(struct balloon_driver *driver, struct balloon_driver_next *next)
{
	struct plan plan = {.next_ns = BALLOON_NEVER};
	if (!driver)
		return -EINVAL;
	int result = driver_enter(driver, CALL_MOVES);
	if (result < 0)
		return result;
	balloon_channel_poll(driver_channel(driver));
	/* A host that answers at once would keep the caller until the target is reached. */
	uint32_t n_started = 0;
	while (n_started < driver->config.n_requests && advance(driver, false, &plan))
		n_started++;
	uint64_t now_ns = balloon_platform_now_ns();
	result = look(driver, now_ns);
	if (next) {
		/* Locks, requests and answers come back without a word where nobody sleeps. */
		const uint64_t unseen_ns = 10000000;
		next->descriptor = balloon_channel_descriptor(driver_channel(driver));
		next->at_ns = n_started < driver->config.n_requests ? plan.next_ns : now_ns;
		if (result == 1 &&
			(next->descriptor < 0 || plan.awaited.lock || plan.lacks_request))
			next->at_ns = earlier(next->at_ns, time_after(now_ns, unseen_ns));
	}
	driver_leave(driver, CALL_MOVES, 0);
	return result;
}

/* ---- Run ------------------------------------------------------------------------------------- */

/* The longest time between two calls of the program's callback. */
static const uint64_t callback_ns = 100000000;

struct run {
	uint64_t deadline_ns;
	balloon_progress_callback callback;
	void *context;
	bool ends; /* when the target is reached */
};

/* Out of line: a run that tells nobody needs no stack for what it would tell. */
__attribute__((noinline)) static bool tell_progress(
	struct balloon_driver *driver, const struct run *run)
{
	struct balloon_driver_progress progress;
	if (!run->callback)
		return true;
	balloon_driver_progress(driver, &progress);
	return run->callback(run->context, &progress);
}

/*
 * Count as a waiter for the lock that is wanted now, until it is had or not wanted any more: no more of the
 * other direction join meanwhile. Whoever stood back for this one looks again.
 */
static void await(struct balloon_driver *driver, struct awaited *awaited, struct awaited wanted)
{
	bool is_same = awaited->lock == wanted.lock && awaited->direction == wanted.direction;
	if (is_same || (!awaited->lock && !wanted.lock))
		return;
	struct driver_state *state = driver_lock(driver);
	state_await_lock(state, awaited->lock, awaited->direction, false);
	state_await_lock(state, wanted.lock, wanted.direction, true);
	BALLOON_WRITE(state->is_lock_passed, awaited->lock != BALLOON_DRIVER_NO_LOCK);
	driver_unlock_and_wake(driver);
	*awaited = wanted;
}

/*
 * Registered as a sleeper all the time: what changes after `seen` was remembered is signalled, and the next
 * sleep ends at once.
 */
static int follow_target(
	struct balloon_driver *driver, const struct run *run, struct awaited *awaited)
{
	for (;;) {
		struct plan plan = {.next_ns = BALLOON_NEVER};
		uint32_t seen = balloon_event_seen(&driver->event);
		bool is_started = advance(driver, true, &plan);
		await(driver, awaited, plan.awaited);
		uint64_t now_ns = balloon_platform_now_ns();
		int result = look(driver, now_ns);
		bool goes_on = tell_progress(driver, run);
		if (result < 0 || (result == 0 && run->ends))
			return result;
		if (balloon_channel_error(driver_channel(driver)) < 0)
			return -ENODEV;
		if (!goes_on)
			return -ECANCELED;
		now_ns = balloon_platform_now_ns();
		if (now_ns >= run->deadline_ns && run->ends)
			return look(driver, now_ns) == 0 ? 0 : -ETIMEDOUT;
		if (is_started)
			continue;
		uint64_t until_ns = earlier(run->deadline_ns, plan.next_ns);
		if (run->callback)
			until_ns = earlier(until_ns, time_after(now_ns, callback_ns));
		balloon_channel_sleep(driver_channel(driver), &driver->event, seen, until_ns);
	}
}

static int run_as(struct balloon_driver *driver, const struct run *run)
{
	struct driver_state *state = driver_lock(driver);
	int result = state_enter(state, CALL_MOVES);
	if (result == 0)
		BALLOON_ADD(state->n_sleepers, 1);
	driver_unlock(driver);
	if (result < 0)
		return result;
	struct awaited awaited = {BALLOON_DRIVER_NO_LOCK, LOCK_FILL};
	result = follow_target(driver, run, &awaited);
	await(driver, &awaited, (struct awaited){BALLOON_DRIVER_NO_LOCK, LOCK_FILL});
	state = driver_lock(driver);
	BALLOON_ADD(state->n_sleepers, -1u);
	state_leave(state, CALL_MOVES);
	driver_unlock_left(driver);
	return result;
}

int balloon_driver_run(struct balloon_driver *driver, uint64_t deadline_ns,
	balloon_progress_callback callback, void *context)
{
	const struct run run = {deadline_ns, callback, context, true};
	return driver ? run_as(driver, &run) : -EINVAL;
}

/* Asleep while the driver is quiesced. Returns 0: it is not any more; -ECANCELED. */
static int await_resume(struct balloon_driver *driver)
{
	for (;;) {
		struct driver_state *state = driver_lock(driver);
		int result = state_halted(state);
		uint32_t seen = balloon_event_seen(&driver->event);
		driver_unlock(driver);
		if (result != -EBUSY)
			return result;
		balloon_channel_sleep(driver_channel(driver), &driver->event, seen, BALLOON_NEVER);
	}
}

int balloon_driver_serve(
	struct balloon_driver *driver, balloon_progress_callback callback, void *context)
{
	const struct run run = {BALLOON_NEVER, callback, context, false};
	if (!driver)
		return -EINVAL;
	/* Waits while the driver is quiesced: what begins during a quiesce is inside. */
	struct driver_state *state = driver_lock(driver);
	int result = state_enter(state, CALL_RULES);
	driver_unlock(driver);
	if (result < 0)
		return result;
	while (result == 0) {
		result = run_as(driver, &run);
		if (result == -EBUSY)
			result = await_resume(driver);
	}
	driver_leave(driver, CALL_RULES, 0);
	return result;
}
