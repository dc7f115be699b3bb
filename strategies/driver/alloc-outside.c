/* SPDX-License-Identifier: MIT */
/*
 * alloc-outside: as coarse, but frames are allocated before the lock is taken.
 *
 * Source: Linux 4.15 (January 2018), and since.
 *
 * Lock 1 (history's balloon_lock) is held over telling, inserting, dequeueing and freeing; never over an
 * allocation. Fills that come one after the other are one hold, and so are leaks: the host has several of
 * their requests at once. While the other direction waits, 16 more join at most.
 *
 * Why relief makes progress while a fill is under way: the requests that hold the lock wait for the host
 * at most, and for no memory, so whoever waits for the lock is not waiting for itself (H-12). Before it
 * waits, relief takes the frames that fills have allocated and not told yet: in history they were on a
 * private list, and a process was killed for want of memory that a fill had in hand (H-13).
 *
 * Choose it for one balloon that fills and leaks by turns, the usual case.
 */
#include <balloon/driver-design.h>

const struct balloon_driver_design balloon_driver_design_alloc_outside = {
	.abi = BALLOON_DRIVER_DESIGN_ABI,
	.name = "alloc-outside",
	.era = "Linux 4.15 (January 2018)",
	.relief = BALLOON_RELIEF_PROGRESS,
	.fill = {BALLOON_DRIVER_LOCK_1, BALLOON_LOCK_FROM_TELL, BALLOON_LOCK_UNTIL_PLACED},
	.leak = {BALLOON_DRIVER_LOCK_1, BALLOON_LOCK_FROM_PAGES, BALLOON_LOCK_UNTIL_PLACED},
	.migration_locks = BALLOON_DRIVER_LOCK_1,
};
