/* SPDX-License-Identifier: MIT */
/**
 * Host channels: how a balloon tells its host which pages it gives up and which it wants back.
 *
 * A program makes a channel of some kind (<balloon/madvise.h>, <balloon/memfd.h>, the null one below), gives it to
 * a driver (<balloon/driver.h>), and asks how it is. Who talks to a channel without a driver, or writes a
 * driver, finds requests in <balloon/request.h>; who writes a channel finds its parts in <balloon/channel-ops.h>.
 */
#ifndef BALLOON_CHANNEL_H
#define BALLOON_CHANNEL_H

#include <balloon/balloon.h>
#include <balloon/platform.h>

#ifdef __cplusplus
extern "C" {
#endif

struct balloon_channel;

/** What a host is asked. */
enum balloon_request_kind {
	BALLOON_REQUEST_INFLATE, /* the host may take these pages */
	BALLOON_REQUEST_DEFLATE, /* the guest wants these pages back; their contents are garbage */
};

struct balloon_channel_stats {
	uint64_t n_submitted;   /* requests that the host was given */
	uint64_t n_completed;   /* of these, answered, or taken back by a reset */
	uint64_t n_outstanding; /* requests that it has now */
	uint64_t n_stray;       /* answers that fit no outstanding request, and were refused */
};

/**
 * Does the channel reach every page of this map?
 *
 * Returns 0; -EINVAL: a null pointer, another page size, another first page frame number, or fewer
 * pages than the map has. Threads: any. Locks: none. Context: any.
 */
BALLOON_EXPORT int balloon_channel_covers(
	const struct balloon_channel *channel, const struct balloon_memmap *map);

/**
 * A file descriptor that is readable while balloon_driver_poll(), or balloon_channel_poll(), has
 * something to do; -1: there is none. It stays the channel's. Threads: any. Locks: none. Context: any.
 */
BALLOON_EXPORT int balloon_channel_descriptor(struct balloon_channel *channel);

/**
 * The host is gone: for channels, and for whoever finds out. Wakes everybody who waits. Outstanding
 * requests stay outstanding, and may still be completed; waiting for them ends in -ENODEV, and so
 * does submitting. The first reason stays. A negative result of ops->poll() is the same.
 *
 * error: why, a negative errno.
 * Returns 0 or -EINVAL. Threads: any, also in ops->submit() and ops->poll(). Locks: the channel's.
 * Context: thread.
 */
BALLOON_EXPORT int balloon_channel_fail(struct balloon_channel *channel, int error);

/** 0, or why the host is gone, a negative errno. Threads: any. Locks: none. Context: any. */
BALLOON_EXPORT int balloon_channel_error(const struct balloon_channel *channel);

/**
 * Ask the host to let go of everything. From now on submits are refused with -ENODEV.
 *
 * Returns 0: it has let go, and will touch nothing any more: each outstanding request is completed
 * with 0 pages and -ECANCELED. A negative errno: it has not said so, and may still do what it was
 * asked: outstanding requests stay outstanding, and this may be called again. -EINVAL: a null
 * pointer; -ETIMEDOUT: not in time; -EBUSY: requests are outstanding on a channel that cannot ask;
 * else what the channel says. A request whose balloon_request_submit() is still under way in another
 * thread is that thread's until the call returns, complete or not.
 * Threads: any. Locks: the channel's, shortly; none while the host is asked, which may take a
 * while. Context: thread.
 */
BALLOON_EXPORT int balloon_channel_reset(struct balloon_channel *channel);

/**
 * Take all outstanding requests back although the host has confirmed nothing: each is completed
 * with 0 pages and -ECANCELED, and submits are refused. Only for a caller who knows otherwise that
 * the host is dead: one that lives may still empty pages that are in use again.
 *
 * Returns 0 or -EINVAL. Threads: any. Locks: the channel's. Context: thread.
 */
BALLOON_EXPORT int balloon_channel_forget(struct balloon_channel *channel);

/** Counts of one moment. Returns 0 or -EINVAL. Threads: any. Locks: the channel's.
 * Context: thread. */
BALLOON_EXPORT int balloon_channel_stats(
	struct balloon_channel *channel, struct balloon_channel_stats *stats);

/**
 * The channel without a host, in memory of its own; hosted builds only: every request is done at once. For
 * tests, for measuring what the rest costs, and for balloons whose pages only have to be set aside.
 *
 * channel: receives it. Returns 0; -EINVAL; -ENOMEM. Context: thread.
 */
BALLOON_EXPORT int balloon_null_create(struct balloon_channel **channel);

/** End it. Returns 0; or as balloon_channel_fini(), and it is still there: -EINVAL, -EBUSY.
 * Context: thread. */
BALLOON_EXPORT int balloon_null_destroy(struct balloon_channel *channel);

#ifdef __cplusplus
}
#endif

#endif
