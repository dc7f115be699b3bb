/* SPDX-License-Identifier: MIT */
/*
 * split-coalesce: as split, and a relief that meets a leak under way does not start a second one. It
 * waits, and reports what that one freed.
 *
 * Source: sketched in the thread of October 2017.
 *
 * Locks as in split. Besides, one leak at a time owns the mark "a leak is under way that may be joined",
 * taken in one critical section (as sketched: test, then set, H-20). A plain leak owns the mark if it is
 * free, and goes on without if it is not: it was asked for pages of its own. A relief that finds it taken
 * joins: it leaves a note in the driver and sleeps, with a bound; the sketch was busy-waiting on an owner
 * that perhaps did not run. When the owner's call ends it writes its own result into each note: what a
 * joiner reports is exactly what that leak freed, whatever others fill and leak meanwhile (the sketch took
 * the difference of a shared counter).
 *
 * Why relief makes progress while a fill is under way: as in split; what a joiner waits for is a leak,
 * which takes no lock of a fill's and allocates nothing.
 *
 * Choose it where many threads run out of memory at once: they deflate once, not each for itself.
 */
#include <balloon/driver-design.h>

const struct balloon_driver_design balloon_driver_design_split_coalesce = {
	.abi = BALLOON_DRIVER_DESIGN_ABI,
	.name = "split-coalesce",
	.era = "sketched for Linux 4.15 (October 2017)",
	.relief = BALLOON_RELIEF_PROGRESS,
	.fill = {BALLOON_DRIVER_LOCK_1, BALLOON_LOCK_FROM_TELL, BALLOON_LOCK_UNTIL_ANSWERED},
	.leak = {BALLOON_DRIVER_LOCK_2, BALLOON_LOCK_FROM_TELL, BALLOON_LOCK_UNTIL_ANSWERED},
	.joins_leaks = true,
	.migration_locks = BALLOON_DRIVER_LOCK_1 | BALLOON_DRIVER_LOCK_2,
};
