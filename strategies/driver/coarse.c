/* SPDX-License-Identifier: MIT */
/*
 * coarse: one sleeping lock over all of fill and all of leak, allocation included.
 *
 * Source: Linux 3.8 (December 2012) to 4.14; before that one thread filled and leaked, and needed no
 * lock. Migration takes the lock by trylock and answers "again", unless its caller may wait.
 *
 * Lock 1 (history's balloon_lock) is held over allocation, telling, inserting, dequeueing and freeing. So
 * a fill and a leak are never under way at once, and what a leak dequeues was inserted by a fill that is
 * over. Fills that come one after the other are one hold, as the batches of one loop were: the host has
 * several of their requests at once, and a leak waits until the last of them is finished; while it does, 16
 * more join at most.
 *
 * Why it cannot deadlock, as it did (H-12): frames are allocated under the lock, and an allocator that
 * has run out calls relief, on this thread or on one that somebody else waits for. Relief does not wait
 * for the lock: while a fill is under way it answers -EBUSY at once, which is what the design declares.
 * Compaction from within an allocation does not wait for it either (H-34).
 *
 * Not in history: pages are told first and counted afterwards (H-38).
 *
 * Choose it to see what was, or where memory never runs out while the balloon grows: a fill that waits
 * for a slow host keeps every leak waiting.
 */
#include <balloon/driver-design.h>

const struct balloon_driver_design balloon_driver_design_coarse = {
	.abi = BALLOON_DRIVER_DESIGN_ABI,
	.name = "coarse",
	.era = "Linux 3.8 to 4.14 (December 2012)",
	.relief = BALLOON_RELIEF_BUSY,
	.fill = {BALLOON_DRIVER_LOCK_1, BALLOON_LOCK_FROM_PAGES, BALLOON_LOCK_UNTIL_PLACED},
	.leak = {BALLOON_DRIVER_LOCK_1, BALLOON_LOCK_FROM_PAGES, BALLOON_LOCK_UNTIL_PLACED},
	.migration_locks = BALLOON_DRIVER_LOCK_1,
};
