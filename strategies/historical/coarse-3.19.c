/* SPDX-License-Identifier: MIT */
/*
 * coarse@3.19: one sleeping lock over all of fill and all of leak, Linux 3.19 to 4.14 (the array: to 4.4).
 *
 * - A fill allocates under the lock. If it waits there for memory, whoever relieves it waits for the lock (H-12).
 * - One array of page frame numbers serves both directions. A leak reads from it what to free once it has released
 *   the lock, when a fill may have written its own pages there (H-14).
 */
#include "driver.h"

BALLOON_LOCK_INTERNALS static void fill(struct historical_driver *driver, uint32_t n)
{
	struct balloon_page page;
	balloon_lock_acquire(&driver->balloon_lock);
	BALLOON_WRITE(driver->n_pfns, 0);
	for (uint32_t i = 0; i < n && historical_allocate(driver, &page); i++) {
		historical_enqueue(driver, page);
		BALLOON_WRITE(driver->pfns[i], page);
		BALLOON_WRITE(driver->n_pfns, i + 1);
		balloon_atomic_add(&driver->n_pages, 1, BALLOON_RELAXED);
	}
	historical_tell(
		driver, BALLOON_REQUEST_INFLATE, driver->pfns, BALLOON_READ(driver->n_pfns));
	balloon_lock_release(&driver->balloon_lock);
}

BALLOON_LOCK_INTERNALS static uint32_t leak(struct historical_driver *driver, uint32_t n)
{
	struct balloon_page page;
	uint32_t n_freed = 0;
	balloon_lock_acquire(&driver->balloon_lock);
	n = historical_at_most(driver, n);
	for (; n_freed < n && historical_dequeue(driver, &page); n_freed++)
		BALLOON_WRITE(driver->pfns[n_freed], page);
	BALLOON_WRITE(driver->n_pfns, n_freed);
	balloon_atomic_sub(&driver->n_pages, n_freed, BALLOON_RELAXED);
	historical_tell(driver, BALLOON_REQUEST_DEFLATE, driver->pfns, n_freed);
	balloon_lock_release(&driver->balloon_lock);
	for (uint32_t i = 0; i < BALLOON_READ(driver->n_pfns); i++) {
		page = BALLOON_READ(driver->pfns[i]);
		historical_free(driver, &page, 1);
	}
	return n_freed;
}

const struct historical_driver_form historical_coarse_3_19 = {
	.design = HISTORICAL_DESIGN("coarse@3.19", "Linux 3.19 (February 2015)"),
	.fill = fill,
	.leak = leak,
};
