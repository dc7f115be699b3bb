/* SPDX-License-Identifier: MIT */
/* Out of memory: the entry for allocators. Allocates nothing; its request was made with the driver. */

#include "core/probe.h"
#include "driver/batch.h"
#include "driver/left.h"
#include "driver/pages.h"
#include "driver/refusals.h"
#include "driver/state.h"
#include "driver/tell.h"

/* ---- Frames that need no host ---------------------------------------------------------------- */

/* The caller has the lock. */
static uint32_t reclaim_from(
	struct driver_state *state, struct balloon_batch *from, struct balloon_page *to, uint32_t n)
{
	uint32_t n_there = BALLOON_READ(from->life.n_pages);
	uint32_t n_taken = n < n_there ? n : n_there;
	for (uint32_t i = 0; i < n_taken; i++)
		BALLOON_WRITE(to[i], BALLOON_READ(from->request.pages[n_there - 1 - i]));
	if (n_taken > 0)
		life_step(&state->counts, &from->life, LIFE_RECLAIMED, n_taken);
	return n_taken;
}

/* Frames that fills have pending: from their ends. Returns how many. */
static uint32_t reclaim(struct balloon_driver *driver, struct balloon_batch *to, uint32_t n)
{
	uint32_t n_taken = 0;
	struct driver_state *state = driver_lock(driver);
	for (uint32_t i = 0; i < driver->n_batches && n_taken < n; i++) {
		struct balloon_batch *from = &driver->batches[i];
		if (BALLOON_READ(from->life.state) == LIFE_PENDING)
			n_taken +=
				reclaim_from(state, from, to->request.pages + n_taken, n - n_taken);
	}
	driver_unlock(driver);
	driver_free(driver, to->request.pages, n_taken);
	return n_taken;
}

/* ---- Joining a leak -------------------------------------------------------------------------- */

/* Take a note off the list, unless it was answered meanwhile. The caller has the lock. */
static void withdraw(struct driver_state *state, const struct relief_note *note)
{
	struct relief_note **link = &state->notes;
	while (BALLOON_READ(*link)) {
		struct relief_note *at = BALLOON_READ(*link);
		if (at == note) {
			BALLOON_WRITE(*link, BALLOON_READ(at->next));
			return;
		}
		link = &at->next;
	}
}

/* Wait for the leak that the note is on. */
static int await_leak(struct balloon_driver *driver, struct relief_note *note)
{
	uint64_t until_ns = 0;
	for (;;) {
		uint64_t now_ns = balloon_platform_now_ns();
		struct driver_state *state = driver_lock(driver);
		/* First: a channel fails without this lock, and signals then. */
		uint32_t seen = balloon_event_seen(&driver->event);
		if (until_ns != 0)
			BALLOON_ADD(state->n_sleepers, -1u);
		else
			until_ns = time_after(now_ns, BALLOON_READ(state->tuning.host_timeout_ns));
		int result = -EAGAIN;
		if (BALLOON_READ(note->is_done))
			result = BALLOON_READ(note->result);
		else if (BALLOON_READ(state->is_stopped))
			result = -ECANCELED;
		else if (balloon_channel_error(driver_channel(driver)) < 0)
			result = -ENODEV;
		else if (now_ns >= until_ns)
			result = -EBUSY;
		else
			BALLOON_ADD(state->n_sleepers, 1);
		bool is_over = BALLOON_READ(note->is_done) || result != -EAGAIN;
		if (is_over)
			withdraw(state, note);
		driver_unlock(driver);
		if (is_over)
			return result;
		driver_look_after_if_due(driver); /* it may be nobody's by now */
		balloon_channel_sleep(driver_channel(driver), &driver->event, seen, until_ns);
	}
}

/* ---- Relief ---------------------------------------------------------------------------------- */

/* Does the leak join one that is under way, or may it be joined? What one of given pages brings is not for
 * others. The caller has the lock. */
static bool join(struct balloon_driver *driver, struct driver_state *state,
	struct balloon_batch *batch, struct relief_note *note)
{
	if (!driver->config.design->joins_leaks || BALLOON_READ(batch->range_end) > 0 ||
		state_mark(state, batch))
		return false;
	BALLOON_WRITE(note->next, BALLOON_READ(state->notes));
	BALLOON_WRITE(state->notes, note);
	return true;
}

static int leak(struct balloon_driver *driver, struct balloon_batch *batch, uint32_t n_pages)
{
	const struct balloon_driver_design *design = driver->config.design;
	struct relief_note note = {NULL, false, 0};
	int result = 0;
	struct driver_state *state = driver_lock(driver);
	bool is_joined = join(driver, state, batch, &note);
	bool is_busy = design->relief == BALLOON_RELIEF_BUSY &&
		       !state_lock_request(state, batch, design->leak.lock, LOCK_LEAK);
	driver_unlock(driver);
	if (is_joined) {
		batch_give_up(driver, batch, 0);
		return await_leak(driver, &note);
	}
	if (is_busy)
		return batch_give_up(driver, batch, -EBUSY);
	if (batch_start(driver, batch, n_pages, BALLOON_NEVER, &result))
		result = batch_finish(driver, batch, BALLOON_NEVER);
	return result;
}

/* Frames that need no host come first. */
static int relieve(struct balloon_driver *driver, struct balloon_batch *batch, uint32_t n_pages)
{
	uint32_t n = refusals_release_frames(driver, n_pages, BALLOON_NEVER);
	if (n < n_pages && driver->config.design->relief == BALLOON_RELIEF_PROGRESS)
		n += reclaim(driver, batch, n_pages - n);
	if (n == 0)
		return leak(driver, batch, n_pages);
	struct driver_state *state = driver_lock(driver);
	BALLOON_ADD(state->n_relieved, n);
	driver_unlock(driver);
	batch_give_up(driver, batch, 0);
	return (int)n;
}

/* Nothing is allocated from now on. Returns 0, a request, and what goes into one; or why not. */
static int begin(struct balloon_driver *driver, uint32_t *n_pages, struct balloon_batch **batch)
{
	int result = driver_enter(driver, CALL_MOVES);
	if (result < 0)
		return result;
	struct driver_state *state = driver_lock(driver);
	uint32_t max = BALLOON_READ(state->tuning.request_pages);
	*n_pages = *n_pages < max ? *n_pages : max;
	*batch = batch_take(state, ROUTE_LEAK, 0, true);
	if (*batch) {
		BALLOON_WRITE((*batch)->is_relief, true);
		BALLOON_ADD(state->n_relieving, 1);
	}
	/* A run that wanted to fill does not any more: it must not stand in the way of this leak. */
	driver_unlock_and_wake(driver);
	return *batch ? 0 : driver_leave(driver, CALL_MOVES, -EBUSY);
}

/* Fills are held off after what was relieved: one that began now would take what was given. */
static int end(struct balloon_driver *driver, int result)
{
	uint64_t now_ns = result > 0 ? balloon_platform_now_ns() : 0;
	struct driver_state *state = driver_lock(driver);
	BALLOON_ADD(state->n_relieving, -1u);
	if (result > 0)
		state_hold_off(
			state, time_after(now_ns, BALLOON_READ(state->tuning.relief_holdoff_ns)));
	driver_unlock_and_wake(driver);
	return driver_leave(driver, CALL_MOVES, result);
}

/* Of the pages from `first` to `end` - 1; end 0: of any. */
static int relieve_some(
	struct balloon_driver *driver, uint32_t first, uint32_t range_end, uint32_t n_pages)
{
	struct balloon_batch *batch = NULL;
	if (driver->config.no_relief)
		return -EOPNOTSUPP;
	BALLOON_PROBE(driver__relief__begin, driver, n_pages, first, range_end);
	int result = begin(driver, &n_pages, &batch);
	if (result == 0) {
		BALLOON_WRITE(batch->range_first, first);
		BALLOON_WRITE(batch->range_end, range_end);
		result = range_end ? leak(driver, batch, n_pages) : relieve(driver, batch, n_pages);
		result = end(driver, result);
	}
	BALLOON_PROBE(driver__relief__end, driver, result);
	return result;
}

int balloon_driver_relieve(struct balloon_driver *driver, uint32_t n_pages, uint64_t *bytes)
{
	if (bytes)
		*bytes = 0;
	if (!driver || n_pages == 0)
		return -EINVAL;
	int result = relieve_some(driver, 0, 0, n_pages);
	if (bytes && result > 0)
		*bytes = (uint64_t)result * balloon_memmap_page_size(driver->config.map);
	return result;
}

int balloon_driver_relieve_range(
	struct balloon_driver *driver, struct balloon_page first, uint32_t n_pages)
{
	if (!driver || n_pages == 0)
		return -EINVAL;
	uint32_t n_in_map = balloon_memmap_n_pages(driver->config.map);
	if (first.index >= n_in_map || n_pages > n_in_map - first.index)
		return -ERANGE;
	return relieve_some(driver, first.index, first.index + n_pages, n_pages);
}
