/* SPDX-License-Identifier: MIT */
/* Telling the host of a request, and waiting for its answer. */

#include "core/probe.h"
#include "driver/answer.h"
#include "driver/batch.h"
#include "driver/left.h"
#include "driver/state.h"
#include "driver/tell.h"

/* ---- Telling --------------------------------------------------------------------------------- */

/* Sort the pages, and see how many the host can be told of at once. 0, or why it is told of none. */
static int prepare(struct balloon_driver *driver, struct balloon_batch *batch, uint32_t n)
{
	struct balloon_request *request = &batch->request;
	const struct balloon_channel_limits *limits = &driver_channel(driver)->limits;
	enum balloon_request_kind kind = life_is_inflation(BALLOON_READ(batch->life.route))
						 ? BALLOON_REQUEST_INFLATE
						 : BALLOON_REQUEST_DEFLATE;
	if (balloon_request_prepare(request, kind, n) < 0)
		return -EEXIST; /* a page twice */
	struct balloon_page last = BALLOON_READ(request->pages[n - 1]);
	if (last.index >= balloon_memmap_n_pages(driver->config.map))
		return -ERANGE;
	uint32_t n_ranges = BALLOON_READ(request->n_ranges);
	uint32_t n_told = n;
	if (limits->request_ranges && n_ranges > limits->request_ranges) {
		n_told = 0;
		for (uint32_t i = 0; i < limits->request_ranges; i++)
			n_told += BALLOON_READ(request->ranges[i].n_pages);
	}
	if (limits->request_pages && n_told > limits->request_pages)
		n_told = limits->request_pages;
	if (n_told < n)
		balloon_request_prepare(request, kind, n_told);
	BALLOON_WRITE(batch->n_told, n_told);
	return 0;
}

void batch_await_end_of_any(struct balloon_driver *driver, uint64_t n_ended, uint64_t until_ns)
{
	for (;;) {
		struct driver_state *state = driver_lock(driver);
		/* First: a channel fails without this lock, and signals then. */
		uint32_t seen = balloon_event_seen(&driver->event);
		bool is_over = BALLOON_READ(state->n_ended) != n_ended ||
			       BALLOON_READ(state->is_stopped) ||
			       balloon_channel_error(driver_channel(driver)) < 0 ||
			       balloon_platform_now_ns() >= until_ns;
		BALLOON_ADD(state->n_sleepers, is_over ? 0u : 1u);
		uint64_t look_at_ns = BALLOON_READ(state->look_at_ns);
		driver_unlock(driver);
		if (is_over)
			return;
		driver_look_after_if_due(driver);
		balloon_channel_sleep(driver_channel(driver), &driver->event, seen,
			earlier(until_ns, look_at_ns));
		state = driver_lock(driver);
		BALLOON_ADD(state->n_sleepers, -1u);
		driver_unlock(driver);
	}
}

/*
 * A ring that is full has room after another completion, perhaps of a request that is not this driver's: then
 * nobody says so. Returns 0: try again; -EAGAIN: not in time; -ECANCELED.
 */
static int await_room(
	struct balloon_driver *driver, uint64_t *until_ns, uint64_t limit_ns, uint32_t n_tries)
{
	if (limit_ns == 0)
		return -EAGAIN;
	struct driver_state *state = driver_lock(driver);
	uint64_t now_ns = balloon_platform_now_ns();
	if (*until_ns == 0)
		*until_ns = earlier(
			limit_ns, time_after(now_ns, BALLOON_READ(state->tuning.host_timeout_ns)));
	bool is_stopped = BALLOON_READ(state->is_stopped);
	uint64_t n_ended = BALLOON_READ(state->n_ended);
	driver_unlock(driver);
	if (is_stopped)
		return -ECANCELED;
	if (now_ns >= *until_ns)
		return -EAGAIN;
	batch_await_end_of_any(
		driver, n_ended, earlier(*until_ns, time_after(now_ns, batch_nap_ns(n_tries))));
	return 0;
}

/* The host's reason is its own. */
static int submit_error(struct balloon_driver *driver, int error)
{
	if (error == 0 || error == -ENODEV)
		return error;
	struct driver_state *state = driver_lock(driver);
	BALLOON_WRITE(state->last_refusal, error);
	driver_unlock(driver);
	return -EIO;
}

static int submit(struct balloon_driver *driver, struct balloon_batch *batch, uint64_t limit_ns)
{
	struct balloon_channel *channel = driver_channel(driver);
	uint64_t until_ns = 0;
	BALLOON_WRITE(batch->request.event, NULL);
	for (uint32_t n = 0;; n++) {
		int result = balloon_request_submit(channel, &batch->request);
		if (result != -EAGAIN)
			return submit_error(driver, result);
		result = await_room(driver, &until_ns, limit_ns, n);
		if (result < 0)
			return result;
	}
}

bool batch_accepted(struct driver_state *state, struct balloon_batch *batch)
{
	batch_step(state, batch, LIFE_ACCEPTED, 0);
	if (balloon_request_state(&batch->request) == BALLOON_REQUEST_COMPLETE)
		return false;
	BALLOON_WRITE(batch->deadline_ns,
		time_after(balloon_platform_now_ns(), BALLOON_READ(state->tuning.host_timeout_ns)));
	return true;
}

bool batch_tell(struct balloon_driver *driver, struct balloon_batch *batch, uint32_t n_pages,
	uint64_t limit_ns, int *result)
{
	do {
		BALLOON_WRITE(batch->n_pages, n_pages);
		int error = prepare(driver, batch, n_pages);
		if (error == 0) {
			BALLOON_PROBE(driver__request, driver, &batch->request,
				(int)life_is_inflation(BALLOON_READ(batch->life.route)),
				BALLOON_READ(batch->n_told));
			error = submit(driver, batch, limit_ns);
		}
		if (error < 0)
			return batch_not_told(driver, batch, error, result);
		struct driver_state *state = driver_lock(driver);
		if (batch_accepted(state, batch)) {
			driver_unlock(driver);
			return true;
		}
		struct answer answer = batch_take_answer(driver, state, batch);
		driver_unlock_and_wake(driver);
		n_pages = batch_follow(driver, batch, &answer, result);
	} while (n_pages > 0);
	return false;
}

bool batch_take_and_follow(struct balloon_driver *driver, struct balloon_batch *batch, int *result)
{
	struct driver_state *state = driver_lock(driver);
	struct answer answer = batch_take_answer(driver, state, batch);
	driver_unlock_and_wake(driver);
	uint32_t n_left = batch_follow(driver, batch, &answer, result);
	return n_left > 0 && batch_tell(driver, batch, n_left, 0, result);
}

/* ---- Waiting --------------------------------------------------------------------------------- */

static bool is_stopped(struct balloon_driver *driver)
{
	struct driver_state *state = driver_lock(driver);
	bool result = BALLOON_READ(state->is_stopped);
	driver_unlock(driver);
	return result;
}

bool batch_let_go(struct balloon_driver *driver, struct balloon_batch *batch, int result)
{
	balloon_request_redirect(driver_channel(driver), &batch->request, &driver->event);
	uint64_t now_ns = balloon_platform_now_ns();
	struct driver_state *state = driver_lock(driver);
	if (balloon_request_state(&batch->request) == BALLOON_REQUEST_COMPLETE) {
		driver_unlock(driver);
		return false;
	}
	uint64_t deadline_ns = BALLOON_READ(batch->deadline_ns);
	/* A run's leak goes on, and may be joined; a call's does not, for those who joined the call. */
	if (result < 0)
		batch_end_call(state, batch, result);
	BALLOON_WRITE(batch->ends_call, false);
	batch_step(state, batch, LIFE_LEAVE, 0);
	state_wake_directions(state);
	if (now_ns >= deadline_ns)
		batch_step(state, batch, LIFE_TIME_OUT, 0);
	else
		BALLOON_WRITE(
			state->look_at_ns, earlier(BALLOON_READ(state->look_at_ns), deadline_ns));
	driver_unlock_and_wake(driver);
	return true;
}

int batch_await(struct balloon_driver *driver, struct balloon_batch *batch, uint64_t limit_ns)
{
	struct balloon_channel *channel = driver_channel(driver);
	uint64_t until_ns = earlier(limit_ns, BALLOON_READ(batch->deadline_ns));
	balloon_request_redirect(channel, &batch->request, &batch->event);
	if (limit_ns == 0)
		balloon_channel_poll(channel);
	for (;;) {
		uint32_t seen = balloon_event_seen(&batch->event);
		if (balloon_request_state(&batch->request) == BALLOON_REQUEST_COMPLETE)
			return 0;
		if (is_stopped(driver))
			return -ECANCELED;
		if (balloon_channel_error(channel) < 0)
			return -ENODEV;
		if (balloon_platform_now_ns() >= until_ns)
			return -ETIMEDOUT;
		balloon_channel_sleep(channel, &batch->event, seen, until_ns);
	}
}

int batch_finish(struct balloon_driver *driver, struct balloon_batch *batch, uint64_t limit_ns)
{
	int result;
	do {
		result = batch_await(driver, batch, limit_ns);
		if (result < 0 && batch_let_go(driver, batch, result))
			return result;
	} while (batch_take_and_follow(driver, batch, &result));
	return result;
}
