/* SPDX-License-Identifier: MIT */
/*
 * alloc-outside: as coarse, but frames are allocated before the lock is taken.
 *
 * Source: Linux 4.15 (January 2018), and since.
 *
 * Locks. balloon_lock, rank DRIVER, over telling, entering, dequeueing and freeing; never over an
 * allocation.
 *
 * Why relief makes progress while a fill is under way: the holder of the lock waits for the host at
 * most, and for no memory, so whoever waits for the lock is not waiting for itself (H-12). Before it
 * waits, relief takes the frames that fills have allocated and not told yet: in history they were on a
 * private list, and a process was killed for want of memory that a fill had in hand (H-13).
 *
 * Choose it for one balloon that fills and leaks by turns, the usual case.
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

/* The batch goes back to the source by settling it as "not told". */
static int fill(struct balloon_driver *driver, struct balloon_batch *batch, uint32_t n_pages)
{
	struct balloon_lock *lock = lock_of(driver);
	int result = balloon_driver_allocate(driver, batch, n_pages);
	if (result < 0)
		return result;
	if (!balloon_driver_lock(driver, lock))
		return balloon_driver_settle(driver, batch, -EAGAIN);
	result = balloon_driver_settle(driver, batch, balloon_driver_tell(driver, batch));
	balloon_lock_release(lock);
	return result;
}

static int leak(struct balloon_driver *driver, struct balloon_batch *batch, uint32_t n_pages)
{
	struct balloon_lock *lock = lock_of(driver);
	if (!balloon_driver_lock(driver, lock))
		return -EAGAIN;
	int result = balloon_driver_dequeue(driver, batch, n_pages);
	if (result > 0)
		result = balloon_driver_settle(driver, batch, balloon_driver_tell(driver, batch));
	balloon_lock_release(lock);
	return result;
}

static int relieve(struct balloon_driver *driver, struct balloon_batch *batch, uint32_t n_pages)
{
	int result = balloon_driver_reclaim(driver, batch, n_pages);
	return result > 0 ? result : leak(driver, batch, n_pages);
}

BALLOON_LOCK_INTERNALS static int migrate_begin(struct balloon_driver *driver)
{
	return balloon_driver_trylock(driver, lock_of(driver)) ? 0 : -EAGAIN;
}

BALLOON_LOCK_INTERNALS static void migrate_end(struct balloon_driver *driver)
{
	balloon_lock_release(lock_of(driver));
}

const struct balloon_driver_design balloon_driver_design_alloc_outside = {
	.abi = BALLOON_DRIVER_DESIGN_ABI,
	.name = "alloc-outside",
	.era = "Linux 4.15 (January 2018)",
	.relief = BALLOON_RELIEF_PROGRESS,
	.area_bytes = sizeof(struct area),
	.init = init,
	.fini = fini,
	.fill = fill,
	.leak = leak,
	.relieve = relieve,
	.migrate_begin = migrate_begin,
	.migrate_end = migrate_end,
};
