/* SPDX-License-Identifier: MIT */
/*
 * split: a lock for inflating and one for deflating, each around telling the host alone.
 *
 * Source: posted for virtio-balloon in October 2017, and withdrawn.
 *
 * Locks. inflate_lock and deflate_lock, rank DRIVER. A fill holds the one while it tells and waits for
 * the host, a leak the other; frames are allocated, entered, dequeued and freed under neither. Migration
 * tells on both queues and takes both by trylock.
 *
 * Why a leak cannot pass a fill, as it could when posted (H-18): pages are entered after the host
 * acknowledged them (the author's own next step), so what a leak dequeues the host has. Batches belong
 * to the driver, not to a stack that is short when memory is (H-14, H-17). Counts change with the pages,
 * under the books lock, not later (H-19). Whether the balloon is empty is decided by dequeue, in the
 * critical section in which it looked: two leaks do not take it for lost pages (H-21).
 *
 * Why relief makes progress while a fill is under way: it waits for deflate_lock alone, which no fill
 * takes, and whose holder allocates nothing.
 *
 * Choose it where a balloon fills and leaks at once: relief does not wait for a fill's host.
 */
#include <balloon/driver-design.h>

struct area {
	struct balloon_lock inflate_lock;
	struct balloon_lock deflate_lock;
};

static struct area *area_of(const struct balloon_driver *driver)
{
	return balloon_driver_area(driver);
}

static void init(struct balloon_driver *driver)
{
	balloon_driver_lock_init(driver, &area_of(driver)->inflate_lock);
	balloon_driver_lock_init(driver, &area_of(driver)->deflate_lock);
}

static void fini(struct balloon_driver *driver)
{
	balloon_lock_fini(&area_of(driver)->inflate_lock);
	balloon_lock_fini(&area_of(driver)->deflate_lock);
}

static int fill(struct balloon_driver *driver, struct balloon_batch *batch, uint32_t n_pages)
{
	int result = balloon_driver_allocate(driver, batch, n_pages);
	if (result < 0)
		return result;
	return balloon_driver_settle(driver, batch,
		balloon_driver_tell_under(driver, batch, &area_of(driver)->inflate_lock));
}

static int leak(struct balloon_driver *driver, struct balloon_batch *batch, uint32_t n_pages)
{
	int result = balloon_driver_dequeue(driver, batch, n_pages);
	if (result <= 0)
		return result;
	return balloon_driver_settle(driver, batch,
		balloon_driver_tell_under(driver, batch, &area_of(driver)->deflate_lock));
}

static int relieve(struct balloon_driver *driver, struct balloon_batch *batch, uint32_t n_pages)
{
	int result = balloon_driver_reclaim(driver, batch, n_pages);
	return result > 0 ? result : leak(driver, batch, n_pages);
}

BALLOON_LOCK_INTERNALS static int migrate_begin(struct balloon_driver *driver)
{
	if (!balloon_driver_trylock(driver, &area_of(driver)->inflate_lock))
		return -EAGAIN;
	if (balloon_driver_trylock(driver, &area_of(driver)->deflate_lock))
		return 0;
	balloon_lock_release(&area_of(driver)->inflate_lock);
	return -EAGAIN;
}

BALLOON_LOCK_INTERNALS static void migrate_end(struct balloon_driver *driver)
{
	balloon_lock_release(&area_of(driver)->deflate_lock);
	balloon_lock_release(&area_of(driver)->inflate_lock);
}

const struct balloon_driver_design balloon_driver_design_split = {
	.abi = BALLOON_DRIVER_DESIGN_ABI,
	.name = "split",
	.era = "posted for Linux 4.15, withdrawn (October 2017)",
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
