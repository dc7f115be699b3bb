/* SPDX-License-Identifier: MIT */
/*
 * coarse: one sleeping lock over all of fill and all of leak, allocation included.
 *
 * Source: Linux 3.8 (December 2012) to 4.14; before that one thread filled and leaked, and needed no
 * lock. Migration takes the lock by trylock and answers "again".
 *
 * Locks. balloon_lock, rank DRIVER, over allocation, telling, entering, dequeueing and freeing. So two
 * threads are never in two of these at once, and what a leak dequeues was entered by a fill that is
 * over.
 *
 * Why it cannot deadlock, as it did (H-12): frames are allocated under the lock, and an allocator that
 * has run out calls relieve(), on this thread or on one that somebody else waits for. relieve() takes
 * the lock by trylock alone: while a fill is under way it answers -EBUSY at once, which is what the
 * design declares. Compaction from within an allocation meets migrate_begin(), a trylock too (H-34).
 *
 * Not in history: pages are told first and counted afterwards (H-38).
 *
 * Choose it to see what was, or where memory never runs out while the balloon grows: a fill that waits
 * for a slow host keeps everybody else waiting.
 */
#include <balloon/driver-design.h>

struct area {
	struct balloon_lock balloon_lock;
};

static struct balloon_lock *lock_of(const struct balloon_driver *driver)
{
	return &((struct area *)balloon_driver_area(driver))->balloon_lock;
}

static void init(struct balloon_driver *driver)
{
	balloon_driver_lock_init(driver, lock_of(driver));
}

static void fini(struct balloon_driver *driver)
{
	balloon_lock_fini(lock_of(driver));
}

static int fill(struct balloon_driver *driver, struct balloon_batch *batch, uint32_t n_pages)
{
	struct balloon_lock *lock = lock_of(driver);
	if (!balloon_driver_lock(driver, lock))
		return -EAGAIN;
	int result = balloon_driver_allocate(driver, batch, n_pages);
	if (result > 0)
		result = balloon_driver_settle(driver, batch, balloon_driver_tell(driver, batch));
	balloon_lock_release(lock);
	return result;
}

/* Caller holds the lock. */
static int leak_locked(struct balloon_driver *driver, struct balloon_batch *batch, uint32_t n_pages)
{
	balloon_lock_assert_held(lock_of(driver));
	int result = balloon_driver_dequeue(driver, batch, n_pages);
	if (result > 0)
		result = balloon_driver_settle(driver, batch, balloon_driver_tell(driver, batch));
	return result;
}

static int leak(struct balloon_driver *driver, struct balloon_batch *batch, uint32_t n_pages)
{
	struct balloon_lock *lock = lock_of(driver);
	if (!balloon_driver_lock(driver, lock))
		return -EAGAIN;
	int result = leak_locked(driver, batch, n_pages);
	balloon_lock_release(lock);
	return result;
}

static int relieve(struct balloon_driver *driver, struct balloon_batch *batch, uint32_t n_pages)
{
	struct balloon_lock *lock = lock_of(driver);
	if (!balloon_driver_trylock(driver, lock))
		return -EBUSY;
	int result = leak_locked(driver, batch, n_pages);
	balloon_lock_release(lock);
	return result;
}

BALLOON_LOCK_INTERNALS static int migrate_begin(struct balloon_driver *driver)
{
	return balloon_driver_trylock(driver, lock_of(driver)) ? 0 : -EAGAIN;
}

BALLOON_LOCK_INTERNALS static void migrate_end(struct balloon_driver *driver)
{
	balloon_lock_release(lock_of(driver));
}

const struct balloon_driver_design balloon_driver_design_coarse = {
	.abi = BALLOON_DRIVER_DESIGN_ABI,
	.name = "coarse",
	.era = "Linux 3.8 to 4.14 (December 2012)",
	.relief = BALLOON_RELIEF_BUSY,
	.area_bytes = sizeof(struct area),
	.init = init,
	.fini = fini,
	.fill = fill,
	.leak = leak,
	.relieve = relieve,
	.migrate_begin = migrate_begin,
	.migrate_end = migrate_end,
};
