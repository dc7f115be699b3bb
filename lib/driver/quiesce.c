/* SPDX-License-Identifier: MIT */
/* Rest: quiesce and resume, stop, taking everything back, and another host. */

#include "channels/channel.h"
#include "core/probe.h"
#include "driver/batch.h"
#include "driver/left.h"
#include "driver/refusals.h"
#include "driver/state.h"
#include "driver/tell.h"

/* ---- Quiesce and resume ---------------------------------------------------------------------- */

/* 1: something is under way; 0: nothing; or why it will not come to rest. The caller has the lock. */
static int look_for_rest(const struct balloon_driver *driver, const struct driver_state *state,
	uint32_t n_resumes, bool is_over)
{
	if (BALLOON_READ(state->is_stopped))
		return -ECANCELED;
	if (BALLOON_READ(state->n_resumes) != n_resumes)
		return -EAGAIN;
	if (BALLOON_READ(state->n_moving) == 0 && BALLOON_READ(state->counts.n_busy) == 0 &&
		BALLOON_READ(state->counts.places[PLACE_SET_ASIDE]) == 0)
		return 0;
	if (BALLOON_READ(state->n_moving) == 0 && balloon_channel_error(driver_channel(driver)) < 0)
		return -ENODEV;
	return is_over ? -ETIMEDOUT : 1;
}

static int await_rest(struct balloon_driver *driver, uint32_t n_resumes, uint64_t deadline_ns)
{
	for (;;) {
		struct driver_state *state = driver_lock(driver);
		BALLOON_ADD(state->n_sleepers, 1);
		uint32_t seen = balloon_event_seen(&driver->event);
		driver_unlock(driver);
		uint64_t now_ns = balloon_platform_now_ns();
		driver_look_after(driver, now_ns);
		refusals_release_frames(driver, UINT32_MAX, BALLOON_NEVER);
		state = driver_lock(driver);
		int result = look_for_rest(driver, state, n_resumes, now_ns >= deadline_ns);
		uint64_t look_at_ns = BALLOON_READ(state->look_at_ns);
		driver_unlock(driver);
		if (result == 1)
			balloon_channel_sleep(driver_channel(driver), &driver->event, seen,
				earlier(deadline_ns, look_at_ns));
		state = driver_lock(driver);
		BALLOON_ADD(state->n_sleepers, -1u);
		driver_unlock(driver);
		if (result != 1)
			return result;
	}
}

int balloon_driver_quiesce(struct balloon_driver *driver, uint64_t deadline_ns)
{
	if (!driver)
		return -EINVAL;
	struct driver_state *state = driver_lock(driver);
	int result = state_enter(state, CALL_RULES);
	uint32_t n_resumes = BALLOON_READ(state->n_resumes);
	if (result == 0)
		BALLOON_WRITE(state->is_quiesced, true);
	driver_unlock(driver);
	if (result < 0)
		return result;
	driver_wake_all(driver);
	return driver_leave(driver, CALL_RULES, await_rest(driver, n_resumes, deadline_ns));
}

int balloon_driver_resume(struct balloon_driver *driver)
{
	if (!driver)
		return -EINVAL;
	struct driver_state *state = driver_lock(driver);
	int result = state_enter(state, CALL_RULES);
	if (result == 0) {
		BALLOON_WRITE(state->is_quiesced, false);
		BALLOON_ADD(state->n_resumes, 1);
	}
	driver_unlock(driver);
	if (result < 0)
		return result;
	driver_wake_all(driver);
	return driver_leave(driver, CALL_RULES, 0);
}

/* ---- Stop ------------------------------------------------------------------------------------ */

int balloon_driver_stop(struct balloon_driver *driver, uint64_t deadline_ns)
{
	if (!driver)
		return -EINVAL;
	struct driver_state *state = driver_lock(driver);
	BALLOON_WRITE(state->is_stopped, true);
	driver_unlock(driver);
	driver_wake_all(driver);
	for (;;) {
		state = driver_lock(driver);
		BALLOON_ADD(state->n_sleepers, 1);
		uint32_t seen = balloon_event_seen(&driver->event);
		bool is_empty = BALLOON_READ(state->n_inside) == 0;
		driver_unlock(driver);
		bool is_over = !is_empty && balloon_platform_now_ns() >= deadline_ns;
		if (!is_empty && !is_over)
			balloon_channel_sleep(
				driver_channel(driver), &driver->event, seen, deadline_ns);
		state = driver_lock(driver);
		BALLOON_ADD(state->n_sleepers, -1u);
		driver_unlock(driver);
		if (is_empty || is_over)
			return is_empty ? 0 : -ETIMEDOUT;
	}
}

/* ---- Taking everything back ------------------------------------------------------------------ */

/* n pages of a request's have left the balloon, and no host has to be asked: as if it had given them back. */
static struct acknowledgement count_left(
	struct driver_state *state, struct balloon_batch *batch, uint32_t n)
{
	batch_step(state, batch, LIFE_GOT, n);
	batch_step(state, batch, LIFE_ACCEPTED, 0);
	unsigned effects = batch_step(state, batch, LIFE_ANSWERED, n);
	batch_step(state, batch, LIFE_PLACED, 0);
	return acknowledgement_of(state, effects);
}

/* Up to a request's worth of a device's pages go back to the source. Returns how many; 0; -EAGAIN. */
static int drain_some(
	struct balloon_driver *driver, struct balloon_device *device, enum life_route route)
{
	struct driver_state *state = driver_lock(driver);
	struct balloon_batch *batch = batch_take(state, route, 0, true);
	driver_unlock(driver);
	if (!batch)
		return -EAGAIN;
	struct balloon_page *pages = batch->request.pages;
	int n = balloon_pages_dequeue(device, pages, driver->config.request_pages);
	if (n <= 0)
		return batch_give_up(driver, batch, n);
	driver_moved(driver, device, pages, (uint32_t)n, false);
	driver_free(driver, pages, (uint32_t)n);
	state = driver_lock(driver);
	struct acknowledgement acknowledgement = count_left(state, batch, (uint32_t)n);
	driver_unlock(driver);
	driver_account(driver, pages, (uint32_t)n, &acknowledgement);
	return n;
}

static int drain(
	struct balloon_driver *driver, struct balloon_device *device, enum life_route route)
{
	int n;
	do {
		n = drain_some(driver, device, route);
	} while (n > 0);
	return n;
}

static int take_back(struct balloon_driver *driver)
{
	/* What was with the host is refused now: it is free, or where it came from. */
	driver_look_after(driver, BALLOON_NEVER);
	refusals_release_frames(driver, UINT32_MAX, BALLOON_NEVER);
	refusals_put_all_back(driver);
	struct driver_state *state = driver_lock(driver);
	bool is_busy = BALLOON_READ(state->counts.n_busy) > 0;
	driver_unlock(driver);
	if (is_busy)
		return -EAGAIN;
	int result = drain(driver, driver->quarantine, ROUTE_QUARANTINE);
	return result == 0 ? drain(driver, driver->device, ROUTE_LEAK) : result;
}

static int reset(struct balloon_driver *driver, int (*let_go)(struct balloon_channel *))
{
	if (!driver)
		return -EINVAL;
	struct driver_state *state = driver_lock(driver);
	int result = -EBUSY;
	if (BALLOON_READ(state->is_stopped) && BALLOON_READ(state->n_inside) == 0)
		result = state_enter(state, CALL_ANY);
	driver_unlock(driver);
	if (result < 0)
		return result;
	result = let_go(driver_channel(driver)) == 0 ? take_back(driver) : -ETIMEDOUT;
	BALLOON_PROBE(driver__reset, driver, result);
	return driver_leave(driver, CALL_ANY, result);
}

int balloon_driver_reset(struct balloon_driver *driver)
{
	return reset(driver, balloon_channel_reset);
}

int balloon_driver_forget(struct balloon_driver *driver)
{
	return reset(driver, balloon_channel_forget);
}

/* ---- Another host ---------------------------------------------------------------------------- */

/* Take the new channel, in the place of one that has no request outstanding. */
static int exchange(struct balloon_driver *driver, struct balloon_channel *channel)
{
	struct balloon_channel *old = driver_channel(driver);
	if (old == channel)
		return 0;
	int result = balloon_channel_claim(channel, driver, &driver->event);
	if (result < 0)
		return result;
	balloon_atomic_store(
		&driver->channel, (uintptr_t)(void *)channel, BALLOON_RELEASE); /* G2 */
	channel_continue_ids(channel, old);
	balloon_channel_release(old, driver);
	struct driver_state *state = driver_lock(driver);
	BALLOON_WRITE(state->told_again, 0);
	driver_unlock(driver);
	return 0;
}

/* Take a page out of the balloon, if it is there. Returns 1; 0: it is not; -EAGAIN. */
static int take_out(struct balloon_driver *driver, struct balloon_page page)
{
	struct balloon_memmap *map = driver->config.map;
	bool is_ours;
	if (balloon_page_device(map, page) == driver->device)
		return -EAGAIN; /* somebody has it isolated */
	if (!balloon_page_is_candidate(map, page))
		return 0;
	int result = balloon_page_isolate(map, page);
	if (result < 0)
		return result == -ESTALE ? 0 : result;
	is_ours = balloon_page_device(map, page) == driver->device;
	if (is_ours)
		balloon_page_finalize(driver->device, page);
	else
		balloon_page_putback(map, page);
	return is_ours ? 1 : 0;
}

/* Pages of the balloon from a number on, in this order, out of it. Returns how many. *at: where it came to. */
static uint32_t gather(struct balloon_driver *driver, struct balloon_page *pages, uint32_t max,
	uint32_t *at, int *result)
{
	uint32_t n = 0;
	*result = 0;
	while (n < max && *at < balloon_memmap_n_pages(driver->config.map)) {
		*result = take_out(driver, balloon_page(*at));
		if (*result < 0)
			break;
		if (*result > 0)
			pages[n++] = balloon_page(*at);
		(*at)++;
	}
	return n;
}

/* The former host has lost these pages; they are inflated anew, as frames that are pending. */
static int inflate_again(struct balloon_driver *driver, struct balloon_batch *batch, uint32_t n,
	uint64_t deadline_ns)
{
	int result = 0;
	driver_moved(driver, driver->device, batch->request.pages, n, false);
	struct driver_state *state = driver_lock(driver);
	struct acknowledgement acknowledgement = count_left(state, batch, n);
	/* The request that was freed in this step is the first to be had: the pages are in it. */
	struct balloon_batch *again = batch_take(state, ROUTE_FILL, n, false);
	BALLOON_ASSERT(again == batch);
	batch_step(state, again, LIFE_ALLOCATED, n);
	batch_step(state, again, LIFE_SEAL, 0);
	driver_unlock(driver);
	driver_account(driver, again->request.pages, n, &acknowledgement);
	if (batch_tell(driver, again, n, deadline_ns, &result))
		result = batch_finish(driver, again, deadline_ns);
	return result;
}

/* One request's worth. Returns 1: go on; 0: all are told; or an error. */
static int tell_some_again(struct balloon_driver *driver, uint64_t deadline_ns)
{
	int gathered;
	struct driver_state *state = driver_lock(driver);
	struct balloon_batch *batch = batch_take(state, ROUTE_LEAK, 0, false);
	uint32_t at = BALLOON_READ(state->told_again);
	uint32_t max = BALLOON_READ(state->tuning.request_pages);
	uint64_t n_ended = BALLOON_READ(state->n_ended);
	bool is_stopped = BALLOON_READ(state->is_stopped);
	driver_unlock(driver);
	if (!batch) { /* all are with the new host */
		batch_await_end_of_any(driver, n_ended, deadline_ns);
		if (is_stopped)
			return -ECANCELED;
		return balloon_channel_error(driver_channel(driver)) < 0 ? -ENODEV : 1;
	}
	uint32_t n = gather(driver, batch->request.pages, max, &at, &gathered);
	state = driver_lock(driver);
	BALLOON_WRITE(state->told_again, at);
	driver_unlock(driver);
	if (n == 0) {
		batch_give_up(driver, batch, 0);
		return gathered < 0 ? gathered : 0;
	}
	int result = inflate_again(driver, batch, n, deadline_ns);
	return result == -EIO || result >= 0 ? 1 : result;
}

static int tell_again(struct balloon_driver *driver, uint64_t deadline_ns)
{
	refusals_release_frames(driver, UINT32_MAX, BALLOON_NEVER);
	refusals_put_all_back(driver);
	int result = drain(driver, driver->quarantine, ROUTE_QUARANTINE);
	while (result >= 0) {
		result = tell_some_again(driver, deadline_ns);
		if (result == 0)
			return 0;
		if (result > 0 && balloon_platform_now_ns() >= deadline_ns)
			result = -ETIMEDOUT;
	}
	return result;
}

static void set_attaching(struct balloon_driver *driver, bool is_attaching)
{
	struct driver_state *state = driver_lock(driver);
	BALLOON_WRITE(state->is_attaching, is_attaching);
	driver_unlock(driver);
}

int balloon_driver_attach(
	struct balloon_driver *driver, struct balloon_channel *channel, uint64_t deadline_ns)
{
	if (!driver || !channel || balloon_channel_covers(channel, driver->config.map) < 0)
		return -EINVAL;
	struct driver_state *state = driver_lock(driver);
	bool is_free =
		BALLOON_READ(state->is_quiesced) && BALLOON_READ(state->n_inside) == 0 &&
		(channel == driver_channel(driver) || BALLOON_READ(state->counts.n_busy) == 0);
	int result = state_halted(state) == -ECANCELED || is_free ? state_enter(state, CALL_RULES)
								  : -EBUSY;
	driver_unlock(driver);
	if (result < 0)
		return result;
	result = exchange(driver, channel);
	if (result == 0) {
		driver_look_after_if_due(driver);
		set_attaching(driver, true);
		result = tell_again(driver, deadline_ns);
		set_attaching(driver, false);
	}
	return driver_leave(driver, CALL_RULES, result);
}
