/* SPDX-License-Identifier: MIT */
/*
 * split@2017-10: a lock for inflating and one for deflating, each around telling the host alone; posted in October
 * 2017, and withdrawn. Arrays of page frame numbers are the caller's.
 *
 * - A page is in the balloon before the host is told of it. A leak dequeues it, asks the host for what the host does
 *   not have, and frees it (H-18).
 * - The count follows when all is done. Who looks meanwhile finds nothing to leak (H-13, H-19), or, as another leak,
 *   pages that are gone already; and the check for lost pages stops the machine (H-21).
 */
#include "driver.h"

BALLOON_LOCK_INTERNALS static void fill(struct historical_driver *driver, uint32_t n)
{
	struct balloon_page pfns[HISTORICAL_PFNS];
	uint32_t n_got = 0;
	for (; n_got < n && historical_allocate(driver, &pfns[n_got]); n_got++)
		historical_enqueue(driver, pfns[n_got]);
	balloon_lock_acquire(&driver->balloon_lock);
	historical_tell(driver, BALLOON_REQUEST_INFLATE, pfns, n_got);
	balloon_lock_release(&driver->balloon_lock);
	balloon_atomic_add(&driver->n_pages, n_got, BALLOON_RELAXED);
}

BALLOON_LOCK_INTERNALS static uint32_t leak(struct historical_driver *driver, uint32_t n)
{
	struct balloon_page pfns[HISTORICAL_PFNS];
	uint32_t n_freed = 0;
	n = historical_at_most(driver, n);
	while (n_freed < n && historical_dequeue(driver, &pfns[n_freed]))
		n_freed++;
	balloon_lock_acquire(&driver->deflate_lock);
	historical_tell(driver, BALLOON_REQUEST_DEFLATE, pfns, n_freed);
	balloon_lock_release(&driver->deflate_lock);
	historical_free(driver, pfns, n_freed);
	balloon_atomic_sub(&driver->n_pages, n_freed, BALLOON_RELAXED);
	return n_freed;
}

const struct historical_driver_form historical_split_2017_10 = {
	.design = HISTORICAL_DESIGN("split@2017-10", "posted for Linux 4.15 (October 2017)"),
	.fill = fill,
	.leak = leak,
};
