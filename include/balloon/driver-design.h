/* SPDX-License-Identifier: MIT */
/**
 * For whoever writes a driver design: what it decides, as a table.
 *
 * A design decides what is locked while frames are allocated, while the host is told, and while pages go
 * in and out of the balloon; whether relief waits; and whether a relief joins a leak that is under way. A
 * driver has two locks for it to use. All else is the driver's and the same for all designs: a page is
 * inserted into the balloon after the host took it, and freed after the host gave it back (H-18, H-38).
 *
 * The locks are held by requests, not by threads. A request takes its lock where `from` says, waiting for
 * it as long as the call may, and gives it up where `until` says, whichever thread does that; a request
 * that the host does not answer in time gives it up then. Requests of one direction (fills, leaks) hold
 * a lock together, as the batches of one loop under the lock did in history, and are with the host at the
 * same time. Once one of another direction waits, at most 16 more join, and none if it is a migration;
 * then those that wait come first.
 * So the directions exclude each other and take turns, but not for every single request. A migration
 * holds locks alone, and does not wait for them unless its caller says so (H-34). docs/driver.md shows
 * the built-in designs side by side.
 */
#ifndef BALLOON_DRIVER_DESIGN_H
#define BALLOON_DRIVER_DESIGN_H

#include <balloon/driver.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Changes whenever the table changes its layout or meaning. */
#define BALLOON_DRIVER_DESIGN_ABI 2u

/** The driver's two locks. Bits. */
enum balloon_driver_lock {
	BALLOON_DRIVER_NO_LOCK = 0,
	BALLOON_DRIVER_LOCK_1 = 1 << 0,
	BALLOON_DRIVER_LOCK_2 = 1 << 1,
};

enum balloon_lock_from {
	BALLOON_LOCK_FROM_PAGES, /* before frames are allocated, or pages dequeued */
	/* before the host is told: frames that were allocated are pending while the lock is waited for */
	BALLOON_LOCK_FROM_TELL,
};

enum balloon_lock_until {
	BALLOON_LOCK_UNTIL_ANSWERED, /* until the host has answered */
	BALLOON_LOCK_UNTIL_PLACED,   /* until pages are inserted, or freed */
};

/** What a request of one direction holds. One lock at most. */
struct balloon_driver_hold {
	enum balloon_driver_lock lock;
	enum balloon_lock_from from;
	enum balloon_lock_until until;
};

struct balloon_driver_design {
	uint32_t abi;     /* BALLOON_DRIVER_DESIGN_ABI */
	const char *name; /* of a to z, 0 to 9, '-', '@' and '.' */
	const char *era;  /* where the design comes from */
	/** PROGRESS: relief takes the frames that fills have pending; if there are none it leaks, and
	 * waits for the leak's lock. BUSY: it does neither; if the lock cannot be had it is -EBUSY at
	 * once (H-12). */
	enum balloon_relief relief;
	struct balloon_driver_hold fill;
	struct balloon_driver_hold leak;
	/** A relief that meets a leak under way does not start a second one: it waits for that one,
	 * host_timeout_ns at most, and reports what came of it. */
	bool joins_leaks;
	/** What a migration holds, alone: bits of enum balloon_driver_lock. */
	unsigned migration_locks;
};

#ifdef __cplusplus
}
#endif

#endif
