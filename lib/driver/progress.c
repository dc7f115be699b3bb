/* SPDX-License-Identifier: MIT */
/* How far a driver is, and whether its books are right. */

#include "driver/parts.h"

static void copy_places(
	struct balloon_driver_progress *progress, const struct balloon_driver_books *books)
{
	progress->n_pending = BALLOON_READ(books->places[BALLOON_PLACE_PENDING]);
	progress->n_inflating = BALLOON_READ(books->places[BALLOON_PLACE_INFLATING]);
	progress->n_enqueued = BALLOON_READ(books->places[BALLOON_PLACE_ENQUEUED]);
	progress->n_deflating = BALLOON_READ(books->places[BALLOON_PLACE_DEFLATING]);
	progress->n_quarantined = BALLOON_READ(books->places[BALLOON_PLACE_QUARANTINED]);
}

/* Any call may be the one that takes a late answer: this one, too. */
static void take_late_answers(struct balloon_driver *driver)
{
	const struct balloon_driver_books *books = driver_books(driver);
	bool has_late = BALLOON_READ(books->n_late) > 0;
	driver_books_close(driver);
	if (has_late)
		driver_reap(driver);
}

int balloon_driver_progress(struct balloon_driver *driver, struct balloon_driver_progress *progress)
{
	struct balloon_device_stats stats;
	if (!driver || !progress)
		return -EINVAL;
	take_late_answers(driver);
	struct balloon_driver_books *books = driver_books(driver);
	books_note_state(books);
	*progress = BALLOON_READ(books->progress);
	copy_places(progress, books);
	driver_books_close(driver);
	int result = balloon_device_stats(driver->device, &stats);
	progress->n_isolated = stats.n_isolated;
	return result;
}

const char *balloon_driver_state_name(enum balloon_driver_state state)
{
	switch (state) {
	case BALLOON_DRIVER_IDLE:
		return "idle";
	case BALLOON_DRIVER_PROGRESSING:
		return "progressing";
	case BALLOON_DRIVER_STALLED:
		return "stalled";
	case BALLOON_DRIVER_HELD_OFF:
		return "held off";
	case BALLOON_DRIVER_QUIESCED:
		return "quiesced";
	case BALLOON_DRIVER_STOPPED:
		return "stopped";
	}
	return "unknown";
}

/* ---- Validity -------------------------------------------------------------------------------- */

static uint64_t n_held(struct balloon_device *device)
{
	struct balloon_device_stats stats = {0, 0, 0, 0, 0, 0, 0, 0};
	balloon_device_stats(device, &stats);
	return stats.n_listed + stats.n_isolated;
}

/* The pages of late batches that are with the host. */
static uint64_t n_unanswered(const struct balloon_driver *driver, enum balloon_request_kind kind)
{
	uint64_t n = 0;
	for (uint32_t i = 0; i < driver->n_batches; i++) {
		const struct balloon_batch *batch = &driver->batches[i];
		if (batch->phase == BALLOON_BATCH_LATE && batch->kind == kind &&
			batch->answer == BALLOON_BATCH_UNANSWERED)
			n += batch->n_pages;
	}
	return n;
}

/* The pages of late batches that are booked into a place and wait to be inserted there. */
static uint64_t n_uninserted(const struct balloon_driver *driver, bool is_quarantine)
{
	uint64_t n = 0;
	for (uint32_t i = 0; i < driver->n_batches; i++) {
		const struct balloon_batch *batch = &driver->batches[i];
		bool is_to_quarantine =
			batch->kind == BALLOON_REQUEST_DEFLATE && batch->home == driver->quarantine;
		if (batch->phase == BALLOON_BATCH_LATE && is_to_quarantine == is_quarantine &&
			batch->answer != BALLOON_BATCH_UNANSWERED)
			n += batch->end_insert - batch->first_insert;
	}
	return n;
}

static const char *find_defect(struct balloon_driver *driver)
{
	const struct balloon_driver_books *books = &driver->books;
	const uint64_t *at = books->places;
	if (books->n_active > 0)
		return "a call is counted as under way";
	if (books->n_claimed_in || books->n_claimed_out)
		return "a step's claim is left over";
	if (at[BALLOON_PLACE_PENDING])
		return "frames are pending and no fill is under way";
	if (at[BALLOON_PLACE_INFLATING] != n_unanswered(driver, BALLOON_REQUEST_INFLATE))
		return "inflating pages are not those of unanswered requests";
	if (at[BALLOON_PLACE_DEFLATING] != n_unanswered(driver, BALLOON_REQUEST_DEFLATE))
		return "deflating pages are not those of unanswered requests";
	if (at[BALLOON_PLACE_ENQUEUED] != n_held(driver->device) + n_uninserted(driver, false))
		return "enqueued pages are not those of the balloon";
	if (at[BALLOON_PLACE_QUARANTINED] !=
		n_held(driver->quarantine) + n_uninserted(driver, true))
		return "quarantined pages are not those of the quarantine";
	if (books->progress.n_acknowledged != at[BALLOON_PLACE_ENQUEUED] +
						      at[BALLOON_PLACE_DEFLATING] +
						      at[BALLOON_PLACE_QUARANTINED])
		return "acknowledged is not what the host has";
	if (books->progress.n_acknowledged !=
		books->progress.n_inflated - books->progress.n_deflated)
		return "acknowledged is not what was inflated less what was deflated";
	return NULL;
}

int balloon_driver_validate(struct balloon_driver *driver, const char **what)
{
	if (!driver)
		return -EINVAL;
	const char *defect = find_defect(driver);
	if (what)
		*what = defect;
	return defect ? -EUCLEAN : 0;
}
