/* SPDX-License-Identifier: MIT */
/* Making the balloon as large as it is asked to be: fill, leak, step, run. */

#include "driver/parts.h"

int balloon_driver_set_target(struct balloon_driver *driver, uint64_t n_pages)
{
	if (!driver)
		return -EINVAL;
	struct balloon_driver_books *books = driver_books(driver);
	BALLOON_WRITE(books->progress.target, n_pages);
	books_note_state(books);
	driver_books_close(driver);
	balloon_event_signal(&driver->event);
	return 0;
}

/* ---- Fill and leak --------------------------------------------------------------------------- */

static uint32_t fit(const struct balloon_driver *driver, uint64_t n_pages)
{
	uint32_t max = driver->config.request_pages;
	return n_pages < max ? (uint32_t)n_pages : max;
}

/* Without a batch: what is called may migrate, which needs two. */
static void prepare_fill(struct balloon_driver *driver, uint32_t n_pages)
{
	if (driver->config.before_fill && !driver_is_held_off(driver))
		driver->config.before_fill(driver->config.before_fill_context, n_pages);
}

static int fill_batch(struct balloon_driver *driver, struct balloon_batch *batch, uint32_t n_pages)
{
	if (driver_is_held_off(driver))
		return -EAGAIN;
	return driver->config.design->fill(driver, batch, n_pages);
}

static int leak_batch(struct balloon_driver *driver, struct balloon_batch *batch, uint32_t n_pages)
{
	return driver->config.design->leak(driver, batch, n_pages);
}

static int do_batch(struct balloon_driver *driver, uint32_t n_pages,
	int (*work)(struct balloon_driver *, struct balloon_batch *, uint32_t))
{
	struct balloon_batch *batch = driver_take_batch(driver, false);
	if (!batch)
		return -EAGAIN;
	int result = work(driver, batch, fit(driver, n_pages));
	driver_give_batch(driver, batch);
	return result;
}

int balloon_driver_fill(struct balloon_driver *driver, uint32_t n_pages)
{
	if (!driver || n_pages == 0)
		return -EINVAL;
	int result = driver_enter(driver);
	if (result < 0)
		return result;
	prepare_fill(driver, fit(driver, n_pages));
	return driver_leave(driver, do_batch(driver, n_pages, fill_batch));
}

int balloon_driver_leak(struct balloon_driver *driver, uint32_t n_pages)
{
	if (!driver || n_pages == 0)
		return -EINVAL;
	int result = driver_enter(driver);
	return result < 0 ? result : driver_leave(driver, do_batch(driver, n_pages, leak_batch));
}

/* ---- The quarantine -------------------------------------------------------------------------- */

/* Is it time to ask again? Then the next time is set, so that one thread does. */
static bool claim_retry(struct balloon_driver *driver)
{
	uint64_t now_ns = balloon_platform_now_ns();
	struct balloon_driver_books *books = driver_books(driver);
	bool is_due = BALLOON_READ(books->places[BALLOON_PLACE_QUARANTINED]) > 0 &&
		      now_ns >= BALLOON_READ(books->retry_at_ns);
	if (is_due)
		BALLOON_WRITE(books->retry_at_ns, now_ns + driver->config.retry_ns);
	driver_books_close(driver);
	return is_due;
}

/* Needs no lock of the design's: nobody else deals with these pages. */
static int leak_quarantine(struct balloon_driver *driver, struct balloon_batch *batch)
{
	int n = balloon_pages_dequeue(
		driver->quarantine, batch->request.pages, driver->config.request_pages);
	if (n <= 0)
		return n == -EAGAIN ? 0 : n;
	batch->kind = BALLOON_REQUEST_DEFLATE;
	batch->home = driver->quarantine;
	batch->n_pages = (uint32_t)n;
	driver_move(driver, batch->n_pages, BALLOON_PLACE_QUARANTINED, BALLOON_PLACE_DEFLATING);
	return balloon_driver_settle(driver, batch, balloon_driver_tell(driver, batch));
}

/* As a leak. */
static int retry_quarantine(struct balloon_driver *driver)
{
	struct balloon_batch *batch = claim_retry(driver) ? driver_take_batch(driver, false) : NULL;
	if (!batch)
		return 0;
	int result = leak_quarantine(driver, batch);
	driver_give_batch(driver, batch);
	return result;
}

/* ---- Step ------------------------------------------------------------------------------------ */

/*
 * What one step is to do: more than 0 pages to fill, less to leak. It is claimed in the books at once,
 * so that two threads do not fill the same gap (H-28).
 */
static int64_t plan(struct balloon_driver *driver, struct balloon_batch *batch)
{
	struct balloon_driver_books *books = driver_books(driver);
	uint64_t target = BALLOON_READ(books->progress.target);
	uint64_t expected = books_expected(books);
	int64_t n = 0;
	if (expected < target) {
		n = fit(driver, target - expected);
		batch->kind = BALLOON_REQUEST_INFLATE;
		batch->n_claimed = (uint32_t)n;
		BALLOON_BOOK(books->n_claimed_in, batch->n_claimed);
	} else if (expected > target) {
		/* What is on its way in cannot leak yet. */
		uint64_t n_there = difference(BALLOON_READ(books->places[BALLOON_PLACE_ENQUEUED]),
			BALLOON_READ(books->n_claimed_out));
		uint64_t n_surplus = expected - target;
		batch->n_claimed = fit(driver, n_surplus < n_there ? n_surplus : n_there);
		batch->kind = BALLOON_REQUEST_DEFLATE;
		BALLOON_BOOK(books->n_claimed_out, batch->n_claimed);
		n = -(int64_t)batch->n_claimed;
	}
	driver_books_close(driver);
	return n;
}

static int step_batch(struct balloon_driver *driver, struct balloon_batch *batch)
{
	int64_t n = plan(driver, batch);
	if (n > 0)
		return fill_batch(driver, batch, (uint32_t)n);
	return n < 0 ? leak_batch(driver, batch, (uint32_t)-n) : 0;
}

/* How many pages are missing, as far as one can see without claiming them. */
static uint64_t n_missing(struct balloon_driver *driver)
{
	const struct balloon_driver_books *books = driver_books(driver);
	uint64_t n = difference(BALLOON_READ(books->progress.target), books_expected(books));
	driver_books_close(driver);
	return n;
}

static int step(struct balloon_driver *driver)
{
	int retried = retry_quarantine(driver);
	if (retried != 0)
		return retried;
	uint32_t n = fit(driver, n_missing(driver));
	if (n > 0)
		prepare_fill(driver, n);
	struct balloon_batch *batch = driver_take_batch(driver, false);
	if (!batch)
		return -EAGAIN;
	int result = step_batch(driver, batch);
	driver_give_batch(driver, batch);
	return result;
}

int balloon_driver_step(struct balloon_driver *driver)
{
	if (!driver)
		return -EINVAL;
	int result = driver_enter(driver);
	return result < 0 ? result : driver_leave(driver, step(driver));
}

/* ---- Run ------------------------------------------------------------------------------------- */

/* The longest sleep: somebody may look at the progress. */
static const uint64_t nap_ns = 100000000;

static bool is_settled(struct balloon_driver *driver)
{
	bool result = books_are_settled(driver_books(driver));
	driver_books_close(driver);
	return result;
}

/* When it is worth while to try again after a step that moved nothing. */
static uint64_t next_try_ns(struct balloon_driver *driver, int result)
{
	uint64_t now_ns = balloon_platform_now_ns();
	struct balloon_driver_books *books = driver_books(driver);
	uint64_t hold_until_ns = BALLOON_READ(books->hold_until_ns);
	driver_books_close(driver);
	if (result == 0)
		return now_ns; /* whatever happens next may be a reason */
	if (result == -ENOMEM || (result == -EAGAIN && hold_until_ns > now_ns))
		return hold_until_ns;
	return now_ns + driver->config.retry_ns;
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/*
 * Sleep until something happens, for as long as a nap at most. Late answers are the channel's to tell,
 * everything else comes from calls on this driver.
 */
static void nap(struct balloon_driver *driver, uint32_t seen, uint64_t until_ns)
{
	until_ns = earlier(until_ns, balloon_platform_now_ns() + nap_ns);
	balloon_channel_sleep(driver->config.channel, &driver->event, seen, until_ns);
}

struct run {
	uint64_t deadline_ns;
	uint64_t try_at_ns; /* no step before */
	balloon_progress_callback callback;
	void *context;
};

static bool tell_progress(struct balloon_driver *driver, const struct run *run)
{
	struct balloon_driver_progress progress;
	if (!run->callback)
		return true;
	balloon_driver_progress(driver, &progress);
	return run->callback(run->context, &progress);
}

/* Was the driver quiesced or stopped? The error of a step may be the host's own. */
static int halted(struct balloon_driver *driver)
{
	const struct balloon_driver_books *books = driver_books(driver);
	int result = BALLOON_READ(books->is_quiesced) ? -EBUSY : 0;
	if (BALLOON_READ(books->is_stopped))
		result = -ECANCELED;
	driver_books_close(driver);
	return result;
}

/* A step, if it is time for one. Returns 1: go on; else the result of the run. */
static int advance(struct balloon_driver *driver, struct run *run)
{
	uint32_t seen = balloon_event_seen(&driver->event);
	uint64_t now_ns = balloon_platform_now_ns();
	if (now_ns >= run->try_at_ns) {
		int result = balloon_driver_step(driver);
		if (result > 0)
			return 1;
		if (result < 0 && halted(driver) < 0)
			return halted(driver);
		if (result == -ENODEV)
			return result;
		run->try_at_ns = next_try_ns(driver, result);
		seen = balloon_event_seen(&driver->event); /* a step signals, too */
	}
	if (is_settled(driver))
		return 0;
	if (now_ns >= run->deadline_ns)
		return -ETIMEDOUT;
	nap(driver, seen, earlier(run->try_at_ns, run->deadline_ns));
	return 1;
}

int balloon_driver_run(struct balloon_driver *driver, uint64_t deadline_ns,
	balloon_progress_callback callback, void *context)
{
	struct run run = {deadline_ns, 0, callback, context};
	if (!driver)
		return -EINVAL;
	for (;;) {
		int result = advance(driver, &run);
		bool goes_on = tell_progress(driver, &run);
		if (result <= 0)
			return result;
		if (!goes_on)
			return -ECANCELED;
		if (balloon_platform_now_ns() >= deadline_ns && !is_settled(driver))
			return -ETIMEDOUT;
	}
}
