/* SPDX-License-Identifier: MIT */
/*
 * alloc-outside@4.15: as coarse, but frames are allocated before the lock is taken, onto a private list; Linux 4.15
 * (January 2018). What a leak dequeues is on a list of its own, too.
 *
 * - Frames on the private list are nobody's to take. Memory that runs out while a fill allocates more finds an empty
 *   balloon, and a process is killed (H-13).
 *
 * alloc-outside@4.15-rc1: the first two candidates. The cursor goes on before the page is stored at it: the host is
 * told of whatever slot 0 held before, and not of the last page (H-16).
 */
#include "driver.h"

/* A page is stored so many slots beyond the cursor at which it is counted: 0, but for the candidates. */
BALLOON_LOCK_INTERNALS static void fill_at(
	struct historical_driver *driver, uint32_t n, uint32_t n_beyond)
{
	struct balloon_page list[HISTORICAL_PFNS];
	uint32_t n_got = 0;
	while (n_got < n && historical_allocate(driver, &list[n_got]))
		n_got++;
	balloon_lock_acquire(&driver->balloon_lock);
	BALLOON_WRITE(driver->n_pfns, 0);
	for (uint32_t i = 0; i < n_got; i++) {
		historical_enqueue(driver, list[i]);
		BALLOON_WRITE(driver->n_pfns, i + 1);
		BALLOON_WRITE(driver->pfns[i + n_beyond], list[i]);
		balloon_atomic_add(&driver->n_pages, 1, BALLOON_RELAXED);
	}
	historical_tell(
		driver, BALLOON_REQUEST_INFLATE, driver->pfns, BALLOON_READ(driver->n_pfns));
	balloon_lock_release(&driver->balloon_lock);
}

static void fill(struct historical_driver *driver, uint32_t n)
{
	fill_at(driver, n, 0);
}

static void fill_with_cursor_ahead(struct historical_driver *driver, uint32_t n)
{
	fill_at(driver, n, 1);
}

BALLOON_LOCK_INTERNALS static uint32_t leak(struct historical_driver *driver, uint32_t n)
{
	struct balloon_page list[HISTORICAL_PFNS];
	uint32_t n_freed = 0;
	balloon_lock_acquire(&driver->balloon_lock);
	n = historical_at_most(driver, n);
	while (n_freed < n && historical_dequeue(driver, &list[n_freed]))
		n_freed++;
	balloon_atomic_sub(&driver->n_pages, n_freed, BALLOON_RELAXED);
	historical_tell(driver, BALLOON_REQUEST_DEFLATE, list, n_freed);
	historical_free(driver, list, n_freed);
	balloon_lock_release(&driver->balloon_lock);
	return n_freed;
}

const struct historical_driver_form historical_alloc_outside_4_15_rc1 = {
	.design = HISTORICAL_DESIGN("alloc-outside@4.15-rc1", "Linux 4.15-rc1 (November 2017)"),
	.fill = fill_with_cursor_ahead,
	.leak = leak,
};

const struct historical_driver_form historical_alloc_outside_4_15 = {
	.design = HISTORICAL_DESIGN("alloc-outside@4.15", "Linux 4.15 (January 2018)"),
	.fill = fill,
	.leak = leak,
};
