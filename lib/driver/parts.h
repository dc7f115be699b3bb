/* SPDX-License-Identifier: MIT */
/* What the files of the driver share, beside what designs see. */
#ifndef DRIVER_PARTS_H
#define DRIVER_PARTS_H

#include <balloon/driver-design.h>

#include "internal.h"

/* ---- books.c: what the books lock protects --------------------------------------------------- */

/** Lock the books, and see them. */
struct balloon_driver_books *driver_books(struct balloon_driver *driver)
	BALLOON_ACQUIRES(driver->books_lock);
void driver_books_close(struct balloon_driver *driver) BALLOON_RELEASES(driver->books_lock);

/** Pages go from one place to another: the only way in which the places' counts change. */
void driver_move(struct balloon_driver *driver, uint64_t n_pages, enum balloon_place from,
	enum balloon_place to);
/** The same; the caller has the books. */
void books_move(struct balloon_driver_books *books, uint64_t n_pages, enum balloon_place from,
	enum balloon_place to);

/** a - b, or 0. */
static inline uint64_t difference(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

/** Pages that the balloon will hold when all is done that is under way. */
uint64_t books_expected(const struct balloon_driver_books *books);
/** Is anything on its way? */
bool books_are_in_motion(const struct balloon_driver_books *books);
/** The target is reached, and nothing is on its way. */
bool books_are_settled(const struct balloon_driver_books *books);

/** Book n events. */
void driver_count(struct balloon_driver *driver, uint64_t *events, uint64_t n);

/** A call that moves pages begins: 0, -EBUSY if the driver is quiesced, -ECANCELED if stopped. */
int driver_enter(struct balloon_driver *driver);
/** It is over. Returns its result. */
int driver_leave(struct balloon_driver *driver, int result);

/** Nothing is inflated for a while. */
void driver_hold_off(struct balloon_driver *driver, uint64_t for_ns);
bool driver_is_held_off(struct balloon_driver *driver);

/** Bring the state up to date; the caller has the books. */
void books_note_state(struct balloon_driver_books *books);

/* ---- batch.c --------------------------------------------------------------------------------- */

/** A free batch for the calling thread, empty. is_relief: the one kept for relief will do. NULL. */
struct balloon_batch *driver_take_batch(struct balloon_driver *driver, bool is_relief);
/** It is free again, or late, if it is not settled. */
void driver_give_batch(struct balloon_driver *driver, struct balloon_batch *batch);

/** Give it to the host, whose answer to await(). Returns 0 or an error: it was not told. */
int driver_submit(struct balloon_driver *driver, struct balloon_batch *batch);
/** Returns 0: ANSWERED, or the error with which it was not. */
int driver_await(struct balloon_driver *driver, struct balloon_batch *batch, uint64_t deadline_ns);

/** Settle all late batches that were answered meanwhile. */
void driver_reap(struct balloon_driver *driver);

/** Book the host's answer about pages. change: -1, it has them now, +1, it gave them back. */
void driver_acknowledge(struct balloon_driver *driver, const struct balloon_page *pages,
	uint32_t n_pages, int change);
void driver_free(struct balloon_driver *driver, const struct balloon_page *pages, uint32_t n_pages);
/** Insert the batch's pages that have to be, up to a deadline; the rest is late. */
void driver_insert(
	struct balloon_driver *driver, struct balloon_batch *batch, struct balloon_device *device);
/** Sleep for a moment. */
void driver_nap(struct balloon_driver *driver);

#endif
