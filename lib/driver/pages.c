/* SPDX-License-Identifier: MIT */
/* How a request gets its pages: frames of the source for a fill, pages of the balloon for a leak. */

#include "driver/answer.h"
#include "driver/batch.h"
#include "driver/lock.h"
#include "driver/pages.h"
#include "driver/refusals.h"
#include "driver/state.h"
#include "driver/tell.h"

/*
 * The floor: how many of n frames this fill may take. All fills claim what they are about to take before
 * they look how many are free, so of two that look at the same frames each counts the other.
 */
static uint32_t above_floor(struct balloon_driver *driver, const struct balloon_batch *batch,
	uint32_t n, bool *is_shared)
{
	struct balloon_frames *frames = driver->config.frames;
	uint64_t floor_pages = BALLOON_READ(batch->floor_pages);
	if (floor_pages == 0 || !frames->ops->n_free)
		return n;
	struct driver_state *state = driver_lock(driver);
	uint64_t n_others =
		BALLOON_READ(state->counts.n_claimed_in) - BALLOON_READ(batch->life.n_claimed);
	driver_unlock(driver);
	uint64_t n_above = difference(frames->ops->n_free(frames), floor_pages);
	*is_shared = n_above > 0 && n_above <= n_others;
	uint64_t n_mine = difference(n_above, n_others);
	return n_mine < n ? (uint32_t)n_mine : n;
}

/* Relief may have taken frames since `begin`: close up. Returns how many there are. */
static uint32_t show_pending(
	struct driver_state *state, struct balloon_batch *batch, uint32_t begin, uint32_t n)
{
	struct balloon_page *pages = batch->request.pages;
	uint32_t at = BALLOON_READ(batch->life.n_pages);
	if (at < begin)
		for (uint32_t i = 0; i < n; i++)
			BALLOON_WRITE(pages[at + i], BALLOON_READ(pages[begin + i]));
	life_step(&state->counts, &batch->life, LIFE_ALLOCATED, n);
	return at + n;
}

/* is_shared: there are frames, but other fills have claimed them. */
static int fail_allocation(
	struct balloon_driver *driver, struct balloon_batch *batch, bool is_shared)
{
	if (is_shared)
		return batch_give_up(driver, batch, -EAGAIN);
	uint64_t now_ns = balloon_platform_now_ns();
	struct driver_state *state = driver_lock(driver);
	BALLOON_ADD(state->n_allocation_failures, 1);
	state_hold_off(
		state, time_after(now_ns, BALLOON_READ(state->tuning.allocation_backoff_ns)));
	driver_unlock(driver);
	return batch_give_up(driver, batch, -ENOMEM);
}

/*
 * Allocate up to n frames. What relief takes of them meanwhile is not allocated again: it is claimed no more.
 * Returns how many there are; or an error, the request is free. *is_sealed: the lock could be had at once; else
 * they are pending, and relief may take them.
 */
static int allocate(struct balloon_driver *driver, struct balloon_batch *batch, uint32_t n_wanted,
	bool *is_sealed)
{
	const struct balloon_driver_hold *hold = driver_hold(driver, true);
	struct balloon_frames *frames = driver->config.frames;
	bool is_shared = false;
	unsigned allocation = 0;
	if (BALLOON_READ(batch->may_wait) && BALLOON_READ(batch->lock) == BALLOON_DRIVER_NO_LOCK)
		allocation = BALLOON_ALLOCATION_MAY_RECLAIM;
	uint32_t n_missing = above_floor(driver, batch, n_wanted, &is_shared);
	uint32_t n_had = 0;
	while (n_missing > 0) {
		int got = frames->ops->allocate(
			frames, batch->request.pages + n_had, n_missing, allocation);
		if (got <= 0)
			break;
		struct driver_state *state = driver_lock(driver);
		unsigned effects = 0;
		n_had = show_pending(state, batch, n_had, (uint32_t)got);
		n_missing -= (uint32_t)got;
		/* Memory may have run out meanwhile: then what is there has to do. */
		bool is_last = n_missing == 0 || BALLOON_READ(state->n_relieving) > 0 ||
			       state_held_off_until(state);
		*is_sealed =
			is_last && (BALLOON_READ(batch->lock) ||
					   state_lock_request(state, batch, hold->lock, LOCK_FILL));
		if (*is_sealed)
			effects = batch_step(state, batch, LIFE_SEAL, 0);
		driver_unlock_after(driver, effects);
		if (is_last)
			return (int)n_had;
	}
	return n_had > 0 ? (int)n_had : fail_allocation(driver, batch, is_shared);
}

/* Frames are pending: take the lock and seal them, unless relief was faster. Returns as batch_start(). */
static bool seal(
	struct balloon_driver *driver, struct balloon_batch *batch, uint64_t limit_ns, int *result)
{
	int error = 0;
	if (BALLOON_READ(batch->lock) == BALLOON_DRIVER_NO_LOCK)
		error = batch_lock_by_design(driver, batch, limit_ns);
	struct driver_state *state = driver_lock(driver);
	uint32_t n = BALLOON_READ(batch->life.n_pages);
	unsigned effects = n > 0 ? batch_step(state, batch, LIFE_SEAL, 0) : 0;
	driver_unlock_after(driver, effects);
	if (n == 0) {
		*result = batch_give_up(driver, batch, error < 0 ? error : -EAGAIN);
		return false;
	}
	BALLOON_WRITE(batch->n_pages, n);
	if (error < 0)
		return batch_not_told(driver, batch, error, result);
	return batch_tell(driver, batch, n, limit_ns, result);
}

static bool start_fill(struct balloon_driver *driver, struct balloon_batch *batch, uint32_t n,
	uint64_t limit_ns, int *result)
{
	bool is_sealed = false;
	*result = allocate(driver, batch, n, &is_sealed);
	if (*result <= 0)
		return false;
	if (!is_sealed)
		return seal(driver, batch, limit_ns, result);
	return batch_tell(driver, batch, (uint32_t)*result, limit_ns, result);
}

bool batch_lock_and_tell(struct balloon_driver *driver, struct balloon_batch *batch, uint32_t n,
	uint64_t limit_ns, int *result)
{
	int error = 0;
	BALLOON_WRITE(batch->n_pages, n);
	if (BALLOON_READ(batch->lock) == BALLOON_DRIVER_NO_LOCK)
		error = batch_lock_by_design(driver, batch, limit_ns);
	if (error < 0)
		return batch_not_told(driver, batch, error, result);
	return batch_tell(driver, batch, n, limit_ns, result);
}

/* Take the balloon's pages of a range, what can be had of them. Returns how many; -EAGAIN: none, and somebody is
 * at one of them just now. */
static int take_range(struct balloon_driver *driver, struct balloon_batch *batch, uint32_t n_wanted)
{
	struct balloon_memmap *map = driver->config.map;
	uint32_t end = BALLOON_READ(batch->range_end);
	uint32_t n = 0;
	bool is_busy = false;
	for (uint32_t at = BALLOON_READ(batch->range_first); at < end && n < n_wanted; at++) {
		struct balloon_page page = balloon_page(at);
		if (!balloon_page_is_candidate(map, page))
			continue;
		int result = balloon_page_isolate(map, page);
		is_busy |= result == -EAGAIN;
		if (result < 0)
			continue;
		if (balloon_page_finalize(driver->device, page) < 0)
			balloon_page_putback(map, page); /* another device's */
		else
			BALLOON_WRITE(batch->request.pages[n++], page);
	}
	return n == 0 && is_busy ? -EAGAIN : (int)n;
}

static bool start_leak(struct balloon_driver *driver, struct balloon_batch *batch,
	uint32_t n_wanted, uint64_t limit_ns, int *result)
{
	bool is_ranged = BALLOON_READ(batch->range_end) > 0;
	int n = is_ranged ? take_range(driver, batch, n_wanted)
			  : balloon_pages_dequeue(driver->device, batch->request.pages, n_wanted);
	struct driver_state *state = driver_lock(driver);
	/* Is all that is left what the host keeps? */
	if (n == -EAGAIN && !is_ranged && refusals_next_ns(state, REFUSED_PAGE) != BALLOON_NEVER)
		n = -EIO;
	/* Pages that are just being entered, and that no other leak is about to take: nobody says when they
	 * are there. */
	uint64_t n_others =
		BALLOON_READ(state->counts.n_claimed_out) - BALLOON_READ(batch->life.n_claimed);
	if (n == 0 && !is_ranged && BALLOON_READ(state->counts.places[PLACE_ENQUEUED]) > n_others)
		n = -EAGAIN;
	unsigned effects = n > 0 ? batch_step(state, batch, LIFE_GOT, (uint32_t)n) : 0;
	driver_unlock_after(driver, effects);
	if (n <= 0) {
		*result = batch_give_up(driver, batch, n);
		return false;
	}
	driver_moved(driver, driver->device, batch->request.pages, (uint32_t)n, false);
	return batch_lock_and_tell(driver, batch, (uint32_t)n, limit_ns, result);
}

bool batch_start(struct balloon_driver *driver, struct balloon_batch *batch, uint32_t n_pages,
	uint64_t limit_ns, int *result)
{
	bool is_in = life_is_inflation(BALLOON_READ(batch->life.route));
	bool is_locked_first = driver_hold(driver, is_in)->from == BALLOON_LOCK_FROM_PAGES;
	int error = 0;
	if (is_locked_first && BALLOON_READ(batch->lock) == BALLOON_DRIVER_NO_LOCK)
		error = batch_lock_by_design(driver, batch, limit_ns);
	if (error < 0) {
		*result = batch_give_up(driver, batch, error);
		return false;
	}
	return is_in ? start_fill(driver, batch, n_pages, limit_ns, result)
		     : start_leak(driver, batch, n_pages, limit_ns, result);
}
