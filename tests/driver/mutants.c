/* SPDX-License-Identifier: MIT */
/*
 * Designs that are broken on purpose, each as history or a careless hand would. The claims have to find
 * them: see `mutants`.
 */
#include "claims.h"

/* ---- What they do ---------------------------------------------------------------------------- */

/* The one lock of coarse and alloc-outside. */
static struct balloon_lock *lock_of(struct balloon_driver *driver)
{
	return balloon_driver_area(driver);
}

/* H-18: pages are in the balloon before the host was told. */
static int enters_first(
	struct balloon_driver *driver, struct balloon_batch *batch, uint32_t n_pages)
{
	int result = balloon_driver_allocate(driver, batch, n_pages);
	if (result > 0) {
		balloon_pages_insert(
			balloon_driver_device(driver), batch->request.pages, (size_t)result);
		balloon_lock_acquire(&driver->books_lock);
		BALLOON_BOOK(driver->books.places[BALLOON_PLACE_ENQUEUED], (uint64_t)result);
		balloon_lock_release(&driver->books_lock);
		result = balloon_driver_settle(driver, batch, balloon_driver_tell(driver, batch));
	}
	return result;
}

/* H-12: relief waits for the lock that the fill holds while it allocates. */
static int waits_for_the_fill(
	struct balloon_driver *driver, struct balloon_batch *batch, uint32_t n_pages)
{
	return driver->config.design->leak(driver, batch, n_pages);
}

/* H-13: what a fill has in hand is invisible. */
static int hides_pending(
	struct balloon_driver *driver, struct balloon_batch *batch, uint32_t n_pages)
{
	return driver->config.design->leak(driver, batch, n_pages);
}

/* H-27 with a lock too few: a migration does not mind a fill that waits for the host. */
static int begins_at_once(struct balloon_driver *driver)
{
	(void)driver;
	return 0;
}

static void ends_nothing(struct balloon_driver *driver)
{
	(void)driver;
}

/* H-14, in effect: pages are freed while the host still has them. */
static int frees_first(struct balloon_driver *driver, struct balloon_batch *batch, uint32_t n_pages)
{
	struct balloon_frames *frames = driver->config.frames;
	int result = balloon_driver_dequeue(driver, batch, n_pages);
	if (result <= 0)
		return result;
	frames->ops->free(frames, batch->request.pages, (size_t)result);
	return balloon_driver_settle(driver, batch, balloon_driver_tell(driver, batch));
}

/* The answer to a leak is not looked at. */
static int settles_nothing(
	struct balloon_driver *driver, struct balloon_batch *batch, uint32_t n_pages)
{
	int result = balloon_driver_dequeue(driver, batch, n_pages);
	return result > 0 ? balloon_driver_tell(driver, batch) : result;
}

/* The lock stays taken when there is no memory. */
BALLOON_LOCK_INTERNALS static int keeps_the_lock(
	struct balloon_driver *driver, struct balloon_batch *batch, uint32_t n_pages)
{
	if (!balloon_driver_lock(driver, lock_of(driver)))
		return -EAGAIN;
	int result = balloon_driver_allocate(driver, batch, n_pages);
	if (result < 0)
		return result;
	result = balloon_driver_settle(driver, batch, balloon_driver_tell(driver, batch));
	balloon_lock_release(lock_of(driver));
	return result;
}

/* ---- The table ------------------------------------------------------------------------------- */

static struct balloon_driver_design mutant(const char *name, const char *of)
{
	struct balloon_driver_design design = *balloon_driver_design_find(of);
	design.name = name;
	return design;
}

const struct balloon_driver_design *design_at(size_t index)
{
	static struct balloon_driver_design all[7];
	if (!all[0].name) {
		all[0] = mutant("enters-first", "split");
		all[0].fill = enters_first;
		all[1] = mutant("waits-for-the-fill", "coarse");
		all[1].relieve = waits_for_the_fill;
		all[2] = mutant("hides-pending", "alloc-outside");
		all[2].relieve = hides_pending;
		all[3] = mutant("begins-at-once", "coarse");
		all[3].migrate_begin = begins_at_once;
		all[3].migrate_end = ends_nothing;
		all[4] = mutant("frees-first", "split");
		all[4].leak = frees_first;
		all[5] = mutant("settles-nothing", "split");
		all[5].leak = settles_nothing;
		all[6] = mutant("keeps-the-lock", "coarse");
		all[6].fill = keeps_the_lock;
	}
	return index < sizeof(all) / sizeof(all[0]) ? &all[index] : NULL;
}
