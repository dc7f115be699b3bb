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
 * The floor: how many of n frames this fill may take. All fills plan what they are about to take before
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
		BALLOON_READ(state->counts.n_planned_in) - BALLOON_READ(batch->life.n_planned);
	driver_unlock(driver);
	uint64_t n_above = difference(frames->ops->n_free(frames), floor_pages);
	*is_shared = n_above > 0 && n_above <= n_others;
	uint64_t n_mine = difference(n_above, n_others);
	return n_mine < n ? (uint32_t)n_mine : n;
}

/* is_shared: there are frames, but other fills have planned with them. */
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

/* Pages that are the request's now: lock, if that is still to be done, and tell the host. */
static bool lock_and_tell(struct balloon_driver *driver, struct balloon_batch *batch, uint32_t n,
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

/*
 * A fill, from the frame source to the host. Frames are pending from their allocation until they are sealed:
 * relief may take them meanwhile, and what it takes is not allocated again, it is planned no more. They are
 * sealed once the design's lock is had: with the last allocation, if it can be had at once, so that a fill which
 * nobody hinders takes the driver's lock once.
 */
static bool fill(struct balloon_driver *driver, struct balloon_batch *batch, uint32_t n_wanted,
	uint64_t limit_ns, int *result)
{
	const enum balloon_driver_lock lock = driver_hold(driver, true)->lock;
	struct balloon_frames *frames = driver->config.frames;
	struct balloon_page *pages = batch->request.pages;
	bool is_locked = BALLOON_READ(batch->lock) != BALLOON_DRIVER_NO_LOCK;
	unsigned allocation =
		!is_locked && BALLOON_READ(batch->may_wait) ? BALLOON_ALLOCATION_MAY_RECLAIM : 0;
	bool is_shared = false;
	bool is_sealed = false;
	uint32_t n = 0;
	uint32_t n_missing = above_floor(driver, batch, n_wanted, &is_shared);
	for (bool is_last = false; n_missing > 0 && !is_last;) {
		int got = frames->ops->allocate(frames, pages + n, n_missing, allocation);
		if (got <= 0)
			break;
		unsigned effects = 0;
		struct driver_state *state = driver_lock(driver);
		uint32_t n_kept = BALLOON_READ(batch->life.n_pages);
		if (n_kept < n) /* relief took some: close up */
			for (int i = 0; i < got; i++)
				BALLOON_WRITE(pages[n_kept + (uint32_t)i],
					BALLOON_READ(pages[n + (uint32_t)i]));
		life_step(&state->counts, &batch->life, LIFE_ALLOCATED, (uint32_t)got);
		n = n_kept + (uint32_t)got;
		n_missing -= (uint32_t)got;
		/* Memory may have run out meanwhile: then what is there has to do. */
		is_last = n_missing == 0 || BALLOON_READ(state->n_relieving) > 0 ||
			  state_held_off_until(state);
		is_sealed =
			is_last && (is_locked || state_lock_request(state, batch, lock, LOCK_FILL));
		if (is_sealed)
			effects = batch_step(state, batch, LIFE_SEAL, 0);
		driver_unlock_after(driver, effects);
	}
	if (n == 0) {
		*result = fail_allocation(driver, batch, is_shared);
		return false;
	}
	if (is_sealed)
		return batch_tell(driver, batch, n, limit_ns, result);

	int error = is_locked ? 0 : batch_lock_by_design(driver, batch, limit_ns);
	struct driver_state *state = driver_lock(driver);
	n = BALLOON_READ(batch->life.n_pages);
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

static bool leak(struct balloon_driver *driver, struct balloon_batch *batch, uint32_t n_wanted,
	uint64_t limit_ns, int *result)
{
	bool is_ranged = BALLOON_READ(batch->range_end) > 0;
	int n = is_ranged ? take_range(driver, batch, n_wanted)
			  : balloon_pages_dequeue(driver->device, batch->request.pages, n_wanted);
	struct driver_state *state = driver_lock(driver);
	/* Is all that is left what the host keeps? */
	if (n == -EAGAIN && !is_ranged && refusals_next_ns(state, REFUSED_PAGE) != BALLOON_NEVER)
		n = -EIO;
	/* Pages that are just being inserted, and that no other leak is about to take: nobody says when they
	 * are there. */
	uint64_t n_others =
		BALLOON_READ(state->counts.n_planned_out) - BALLOON_READ(batch->life.n_planned);
	if (n == 0 && !is_ranged && BALLOON_READ(state->counts.places[PLACE_ENQUEUED]) > n_others)
		n = -EAGAIN;
	unsigned effects = n > 0 ? batch_step(state, batch, LIFE_GOT, (uint32_t)n) : 0;
	driver_unlock_after(driver, effects);
	if (n <= 0) {
		*result = batch_give_up(driver, batch, n);
		return false;
	}
	driver_moved(driver, driver->device, batch->request.pages, (uint32_t)n, false);
	return lock_and_tell(driver, batch, (uint32_t)n, limit_ns, result);
}

/*
 * Pages of the balloon, or of the quarantine, that the host is asked for again: first those that were not refused
 * before, else those that are refused again and again would be all.
 */
static bool leak_again(struct balloon_driver *driver, struct balloon_batch *batch,
	uint32_t n_wanted, uint64_t limit_ns, int *result)
{
	struct balloon_page *pages = batch->request.pages;
	bool is_quarantine = BALLOON_READ(batch->life.route) == ROUTE_QUARANTINE;
	struct balloon_device *device = is_quarantine ? driver->quarantine : driver->device;
	uint32_t n = 0;
	if (is_quarantine) {
		int got = balloon_pages_dequeue(device, pages, n_wanted);
		n = got > 0 ? (uint32_t)got : 0;
	}
	n += refusals_take_pages(
		driver, device, pages + n, n_wanted - n, balloon_platform_now_ns());
	if (n == 0) {
		*result = batch_give_up(driver, batch, -EAGAIN);
		return false;
	}
	driver_moved(driver, device, pages, n, false);
	unsigned effects = batch_step(driver_lock(driver), batch, LIFE_GOT, n);
	driver_unlock_after(driver, effects);
	/* Nobody else deals with quarantined pages: they need no lock of the design's. */
	if (is_quarantine)
		return batch_tell(driver, batch, n, limit_ns, result);
	return lock_and_tell(driver, batch, n, limit_ns, result);
}

bool batch_start(struct balloon_driver *driver, struct balloon_batch *batch, uint32_t n_pages,
	uint64_t limit_ns, int *result)
{
	enum life_route route = BALLOON_READ(batch->life.route);
	if (route == ROUTE_QUARANTINE || BALLOON_READ(batch->is_retry))
		return leak_again(driver, batch, n_pages, limit_ns, result);
	if (driver_hold(driver, route == ROUTE_FILL)->from == BALLOON_LOCK_FROM_PAGES &&
		BALLOON_READ(batch->lock) == BALLOON_DRIVER_NO_LOCK) {
		int error = batch_lock_by_design(driver, batch, limit_ns);
		if (error < 0) {
			*result = batch_give_up(driver, batch, error);
			return false;
		}
	}
	return route == ROUTE_FILL ? fill(driver, batch, n_pages, limit_ns, result)
				   : leak(driver, batch, n_pages, limit_ns, result);
}
