/* SPDX-License-Identifier: MIT */
/*
 * split: a lock for inflating and one for deflating, each around telling the host alone.
 *
 * Source: posted for virtio-balloon in October 2017, and withdrawn.
 *
 * Lock 1 is for inflating, lock 2 for deflating. A fill holds the one from telling the host to its answer,
 * a leak the other; frames are allocated, inserted, dequeued and freed under neither. As only one direction
 * ever wants each, fills do not wait for each other, nor leaks: what the locks keep out is a migration,
 * which tells on both queues and takes both, without waiting unless its caller says so.
 *
 * Why a leak cannot pass a fill, as it could when posted (H-18): pages are inserted after the host
 * acknowledged them (the author's own next step), so what a leak dequeues the host has. Page numbers
 * belong to the request, not to a stack that is short when memory is (H-14, H-17). Counts change with the
 * state of the request, in one step (H-19). Whether the balloon is empty is decided by dequeue, in the
 * critical section in which it looked: two leaks do not take it for lost pages (H-21).
 *
 * Why relief makes progress while a fill is under way: it wants lock 2 alone, which no fill takes, and
 * whose holders allocate nothing.
 *
 * Choose it where a balloon fills and leaks at once: relief does not wait for a fill's host.
 */
#include <balloon/driver-design.h>

const struct balloon_driver_design balloon_driver_design_split = {
	.abi = BALLOON_DRIVER_DESIGN_ABI,
	.name = "split",
	.era = "posted for Linux 4.15, withdrawn (October 2017)",
	.relief = BALLOON_RELIEF_PROGRESS,
	.fill = {BALLOON_DRIVER_LOCK_1, BALLOON_LOCK_FROM_TELL, BALLOON_LOCK_UNTIL_ANSWERED},
	.leak = {BALLOON_DRIVER_LOCK_2, BALLOON_LOCK_FROM_TELL, BALLOON_LOCK_UNTIL_ANSWERED},
	.migration_locks = BALLOON_DRIVER_LOCK_1 | BALLOON_DRIVER_LOCK_2,
};
