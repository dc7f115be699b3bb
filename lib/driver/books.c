/* SPDX-License-Identifier: MIT */
/*
 * The books of a driver: where its pages are, who is at work, what came of it.
 *
 * One short lock, a leaf. Pages are booked into `enqueued` before they are inserted and out of it after
 * they were dequeued, so that no leak takes the count below what it took.
 */
#include "driver/parts.h"

BALLOON_LOCK_INTERNALS struct balloon_driver_books *driver_books(struct balloon_driver *driver)
{
	balloon_lock_acquire(&driver->books_lock);
	return &driver->books;
}

BALLOON_LOCK_INTERNALS void driver_books_close(struct balloon_driver *driver)
{
	balloon_lock_release(&driver->books_lock);
}

void books_move(struct balloon_driver_books *books, uint64_t n_pages, enum balloon_place from,
	enum balloon_place to)
{
	if (from != BALLOON_PLACE_OUTSIDE) {
		BALLOON_ASSERT(BALLOON_READ(books->places[from]) >= n_pages);
		BALLOON_BOOK(books->places[from], -n_pages);
	}
	if (to != BALLOON_PLACE_OUTSIDE)
		BALLOON_BOOK(books->places[to], n_pages);
}

void driver_move(struct balloon_driver *driver, uint64_t n_pages, enum balloon_place from,
	enum balloon_place to)
{
	books_move(driver_books(driver), n_pages, from, to);
	driver_books_close(driver);
}

/* A migration may shrink the balloon below what a step has claimed of it. */
uint64_t books_expected(const struct balloon_driver_books *books)
{
	uint64_t n_in = BALLOON_READ(books->places[BALLOON_PLACE_PENDING]) +
			BALLOON_READ(books->places[BALLOON_PLACE_INFLATING]) +
			BALLOON_READ(books->places[BALLOON_PLACE_ENQUEUED]) +
			BALLOON_READ(books->n_claimed_in);
	return difference(n_in, BALLOON_READ(books->n_claimed_out));
}

bool books_are_in_motion(const struct balloon_driver_books *books)
{
	return BALLOON_READ(books->places[BALLOON_PLACE_PENDING]) ||
	       BALLOON_READ(books->places[BALLOON_PLACE_INFLATING]) ||
	       BALLOON_READ(books->places[BALLOON_PLACE_DEFLATING]) || BALLOON_READ(books->n_late);
}

bool books_are_settled(const struct balloon_driver_books *books)
{
	return !books_are_in_motion(books) &&
	       BALLOON_READ(books->places[BALLOON_PLACE_QUARANTINED]) == 0 &&
	       BALLOON_READ(books->places[BALLOON_PLACE_ENQUEUED]) ==
		       BALLOON_READ(books->progress.target);
}

static enum balloon_driver_state state_of(const struct balloon_driver_books *books, uint64_t now_ns)
{
	if (BALLOON_READ(books->is_stopped))
		return BALLOON_DRIVER_STOPPED;
	if (BALLOON_READ(books->is_quiesced))
		return BALLOON_DRIVER_QUIESCED;
	if (books_are_settled(books))
		return BALLOON_DRIVER_IDLE;
	if (books_expected(books) < BALLOON_READ(books->progress.target) &&
		now_ns < BALLOON_READ(books->hold_until_ns))
		return BALLOON_DRIVER_HELD_OFF;
	return BALLOON_READ(books->has_failed) ? BALLOON_DRIVER_STALLED
					       : BALLOON_DRIVER_PROGRESSING;
}

void books_note_state(struct balloon_driver_books *books)
{
	uint64_t now_ns = balloon_platform_now_ns();
	enum balloon_driver_state state = state_of(books, now_ns);
	if (state == BALLOON_READ(books->progress.state) && BALLOON_READ(books->progress.since_ns))
		return;
	BALLOON_WRITE(books->progress.state, state);
	BALLOON_WRITE(books->progress.since_ns, now_ns);
}

void driver_count(struct balloon_driver *driver, uint64_t *events, uint64_t n)
{
	driver_books(driver);
	BALLOON_BOOK(*events, n);
	driver_books_close(driver);
}

int driver_enter(struct balloon_driver *driver)
{
	int result = 0;
	struct balloon_driver_books *books = driver_books(driver);
	bool has_late = BALLOON_READ(books->n_late) > 0;
	if (BALLOON_READ(books->is_stopped))
		result = -ECANCELED;
	else if (BALLOON_READ(books->is_quiesced))
		result = -EBUSY;
	else
		BALLOON_BOOK(books->n_active, 1);
	driver_books_close(driver);
	if (result == 0 && has_late)
		driver_reap(driver);
	return result;
}

int driver_leave(struct balloon_driver *driver, int result)
{
	struct balloon_driver_books *books = driver_books(driver);
	BALLOON_BOOK(books->n_active, -1u);
	if (result < 0) {
		BALLOON_WRITE(books->progress.last_error, result);
		BALLOON_WRITE(books->progress.last_error_ns, balloon_platform_now_ns());
	}
	if (result != 0)
		BALLOON_WRITE(books->has_failed, result < 0);
	/* Nothing new otherwise: two runs would wake each other for ever. */
	bool is_news =
		result != 0 || BALLOON_READ(books->is_quiesced) || BALLOON_READ(books->is_stopped);
	books_note_state(books);
	driver_books_close(driver);
	if (is_news)
		balloon_event_signal(&driver->event);
	return result;
}

void driver_hold_off(struct balloon_driver *driver, uint64_t for_ns)
{
	uint64_t until_ns = balloon_platform_now_ns() + for_ns;
	struct balloon_driver_books *books = driver_books(driver);
	if (until_ns > BALLOON_READ(books->hold_until_ns))
		BALLOON_WRITE(books->hold_until_ns, until_ns);
	driver_books_close(driver);
}

bool driver_is_held_off(struct balloon_driver *driver)
{
	struct balloon_driver_books *books = driver_books(driver);
	uint64_t until_ns = BALLOON_READ(books->hold_until_ns);
	driver_books_close(driver);
	return until_ns && balloon_platform_now_ns() < until_ns;
}
