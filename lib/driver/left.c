/* SPDX-License-Identifier: MIT */
/*
 * Requests that are nobody's: with the host and nobody waits, or with pages that could not be inserted. Whoever
 * comes in, and whoever sleeps, looks after them.
 */

#include "driver/answer.h"
#include "driver/batch.h"
#include "driver/left.h"
#include "driver/state.h"
#include "driver/tell.h"

static void note(struct balloon_driver *driver, int result)
{
	state_note(driver_lock(driver), result);
	driver_unlock(driver);
}

void batch_leave(struct balloon_driver *driver, struct balloon_batch *batch)
{
	int result;
	while (!batch_let_go(driver, batch, 0))
		if (!batch_take_and_follow(driver, batch, &result)) {
			note(driver, result);
			return;
		}
}

static bool is_answered(const struct balloon_batch *batch)
{
	enum life_state life = BALLOON_READ(batch->life.state);
	return (life == LIFE_LEFT || life == LIFE_LATE) &&
	       balloon_request_state(&batch->request) == BALLOON_REQUEST_COMPLETE;
}

static bool is_due(const struct balloon_batch *batch, uint64_t now_ns)
{
	enum life_state life = BALLOON_READ(batch->life.state);
	return (life == LIFE_LEFT || life == LIFE_POSTPONED) &&
	       now_ns >= BALLOON_READ(batch->deadline_ns);
}

/* The next one of nobody's with which something is to be done, from number *at on. The caller has the
 * lock. */
static struct balloon_batch *next_ready(
	const struct balloon_driver *driver, uint32_t *at, uint64_t now_ns)
{
	while (*at < driver->n_batches) {
		struct balloon_batch *batch = &driver->batches[(*at)++];
		if (is_answered(batch) || is_due(batch, now_ns))
			return batch;
	}
	return NULL;
}

/* The caller has the lock, and loses it. */
BALLOON_LOCK_INTERNALS static void look_after(
	struct balloon_driver *driver, struct driver_state *state, struct balloon_batch *batch)
{
	int result;
	if (is_answered(batch)) {
		struct answer answer = batch_take_answer(driver, state, batch);
		driver_unlock_and_wake(driver);
		uint32_t n_left = batch_follow(driver, batch, &answer, &result);
		if (n_left > 0 && batch_tell(driver, batch, n_left, 0, &result))
			batch_leave(driver, batch);
		else
			note(driver, result);
	} else if (BALLOON_READ(batch->life.state) == LIFE_LEFT) {
		batch_step(state, batch, LIFE_TIME_OUT, 0);
		batch_back_off(state, batch, -ETIMEDOUT);
		state_note(state, -ETIMEDOUT);
		driver_unlock_and_wake(driver);
	} else {
		batch_step(state, batch, LIFE_RESUME, 0);
		driver_unlock(driver);
		batch_end(driver, batch);
	}
}

/* When to look again if nothing is signalled. The caller has the lock. */
static uint64_t next_look_ns(const struct balloon_driver *driver)
{
	uint64_t at_ns = BALLOON_NEVER;
	for (uint32_t i = 0; i < driver->n_batches; i++) {
		const struct balloon_batch *batch = &driver->batches[i];
		enum life_state life = BALLOON_READ(batch->life.state);
		if (life == LIFE_LEFT || life == LIFE_POSTPONED)
			at_ns = earlier(at_ns, BALLOON_READ(batch->deadline_ns));
	}
	return at_ns;
}

BALLOON_LOCK_INTERNALS void driver_look_after(struct balloon_driver *driver, uint64_t now_ns)
{
	balloon_channel_poll(driver_channel(driver));
	uint32_t seen = balloon_event_seen(&driver->event);
	uint32_t at = 0;
	for (;;) {
		struct driver_state *state = driver_lock(driver);
		struct balloon_batch *batch = next_ready(driver, &at, now_ns);
		if (!batch) {
			BALLOON_WRITE(state->looked_at, seen);
			BALLOON_WRITE(state->look_at_ns, next_look_ns(driver));
			break;
		}
		look_after(driver, state, batch);
	}
	driver_unlock(driver);
}

void driver_look_after_if_due(struct balloon_driver *driver)
{
	struct driver_state *state = driver_lock(driver);
	bool has_left = BALLOON_READ(state->counts.n_left) > 0;
	uint32_t looked_at = BALLOON_READ(state->looked_at);
	uint64_t look_at_ns = BALLOON_READ(state->look_at_ns);
	driver_unlock(driver);
	if (!has_left)
		return;
	balloon_channel_poll(driver_channel(driver));
	uint64_t now_ns = balloon_platform_now_ns();
	if (balloon_event_is_past(&driver->event, looked_at) || now_ns >= look_at_ns)
		driver_look_after(driver, now_ns);
}
