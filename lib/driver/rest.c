/* SPDX-License-Identifier: MIT */
/* Rest: quiesce and resume, stop, and taking everything back from a host that is gone. */

#include "driver/parts.h"

/* Is anything under way? */
static bool is_busy(struct balloon_driver *driver, bool counts_motion)
{
	const struct balloon_driver_books *books = driver_books(driver);
	bool result =
		BALLOON_READ(books->n_active) > 0 || (counts_motion && books_are_in_motion(books));
	driver_books_close(driver);
	return result;
}

/*
 * Wait until nothing is under way. Answers come from the channel, the end of calls from the event: sleep
 * on the one or the other, and not for long on the former.
 */
static int wait_for_rest(struct balloon_driver *driver, bool counts_motion, uint64_t deadline_ns)
{
	enum { LOOK_NS = 10000000 };
	for (;;) {
		uint32_t seen = balloon_event_seen(&driver->event);
		if (counts_motion)
			driver_reap(driver);
		uint64_t now_ns = balloon_platform_now_ns();
		if (!is_busy(driver, counts_motion))
			return 0;
		if (now_ns >= deadline_ns)
			return -ETIMEDOUT;
		uint64_t look_ns = counts_motion ? now_ns + LOOK_NS : deadline_ns;
		balloon_event_wait(
			&driver->event, seen, look_ns < deadline_ns ? look_ns : deadline_ns);
	}
}

/* Set one of the flags. Returns 0, or -ECANCELED if the driver is stopped. */
static int set_flag(struct balloon_driver *driver, bool *flag, bool value)
{
	struct balloon_driver_books *books = driver_books(driver);
	int result = BALLOON_READ(books->is_stopped) ? -ECANCELED : 0;
	if (result == 0)
		BALLOON_WRITE(*flag, value);
	books_note_state(books);
	driver_books_close(driver);
	balloon_event_signal(&driver->event);
	return result;
}

int balloon_driver_quiesce(struct balloon_driver *driver, uint64_t deadline_ns)
{
	if (!driver)
		return -EINVAL;
	int result = set_flag(driver, &driver->books.is_quiesced, true);
	return result < 0 ? result : wait_for_rest(driver, true, deadline_ns);
}

int balloon_driver_resume(struct balloon_driver *driver)
{
	return driver ? set_flag(driver, &driver->books.is_quiesced, false) : -EINVAL;
}

int balloon_driver_stop(struct balloon_driver *driver, uint64_t deadline_ns)
{
	if (!driver)
		return -EINVAL;
	set_flag(driver, &driver->books.is_stopped, true);
	return wait_for_rest(driver, false, deadline_ns);
}

/* ---- A host that is gone --------------------------------------------------------------------- */

/* All pages of a device go back to the source. Returns 0 or -EAGAIN. */
static int drain(struct balloon_driver *driver, struct balloon_batch *batch,
	struct balloon_device *device, enum balloon_place place)
{
	int n;
	while ((n = balloon_pages_dequeue(
			device, batch->request.pages, driver->config.request_pages)) > 0) {
		driver_acknowledge(driver, batch->request.pages, (uint32_t)n, +1);
		driver_free(driver, batch->request.pages, (uint32_t)n);
		driver_move(driver, (uint64_t)n, place, BALLOON_PLACE_OUTSIDE);
	}
	return n;
}

static int take_back(struct balloon_driver *driver)
{
	balloon_channel_reset(driver->config.channel);
	/* What was with the host is refused now: it is free, or where it came from. */
	driver_reap(driver);
	struct balloon_batch *batch = driver_take_batch(driver, true);
	if (!batch)
		return -EAGAIN;
	int result = drain(driver, batch, driver->quarantine, BALLOON_PLACE_QUARANTINED);
	if (result == 0)
		result = drain(driver, batch, driver->device, BALLOON_PLACE_ENQUEUED);
	driver_give_batch(driver, batch);
	return result;
}

/* One reset at a time: it counts as a call under way. */
static int enter_reset(struct balloon_driver *driver)
{
	struct balloon_driver_books *books = driver_books(driver);
	int result = -EBUSY;
	if (BALLOON_READ(books->is_stopped) && BALLOON_READ(books->n_active) == 0) {
		BALLOON_WRITE(books->n_active, 1);
		result = 0;
	}
	driver_books_close(driver);
	return result;
}

int balloon_driver_reset(struct balloon_driver *driver)
{
	if (!driver)
		return -EINVAL;
	int result = enter_reset(driver);
	return result < 0 ? result : driver_leave(driver, take_back(driver));
}
