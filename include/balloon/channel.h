/* SPDX-License-Identifier: MIT */
/**
 * Host channels: how a balloon tells its host which pages it gives up and which it wants back.
 *
 * A request is a set of pages, as ranges. It is *prepared*, *submitted*, and later *completed*: the
 * host did a part of it from the start (all, as a rule) and gave a reason for stopping. Until then
 * the request's memory belongs to the channel: it is neither changed nor used again, however long the
 * host takes (H-27). Waiting for it has a deadline; a host that never answers makes an error, not a
 * hang (H-26).
 *
 *     balloon_request_init()                         once, with memory of the caller's
 *     request->pages[0 .. n) = ...                   FREE: the caller's
 *     balloon_request_prepare(request, kind, n)      sorted, merged into ranges
 *     balloon_request_submit(channel, request)       OUTSTANDING: the channel's
 *     balloon_request_wait(channel, request, until)  0: COMPLETE, the caller's again
 *
 * For whoever writes a channel: embed a struct balloon_channel, fill in an ops table, call
 * balloon_request_complete() for each request that submit() accepted. What the other side says is not
 * to be trusted: a completion that nobody waits for, or of more pages than were asked for, is refused
 * and counted, and changes nothing.
 *
 * Sources: VIRTIO 1.3, section 5.5 (inflate and deflate queues, acknowledgement by use of the
 * descriptor); ranges in place of single pages as proposed for virtio-balloon in 2017.
 */
#ifndef BALLOON_CHANNEL_H
#define BALLOON_CHANNEL_H

#include <balloon/balloon.h>
#include <balloon/sync.h>

#ifdef __cplusplus
extern "C" {
#endif

/** The pages first, first + 1, ... of a map. */
struct balloon_range {
	uint32_t first; /* index */
	uint32_t n_pages;
};

enum balloon_request_kind {
	BALLOON_REQUEST_INFLATE, /* the host may take these pages */
	BALLOON_REQUEST_DEFLATE, /* the guest wants these pages back; their contents are garbage */
};

enum balloon_request_state {
	BALLOON_REQUEST_FREE,        /* the caller's */
	BALLOON_REQUEST_OUTSTANDING, /* the channel's */
	BALLOON_REQUEST_COMPLETE,    /* the caller's, with an answer */
};

enum { BALLOON_REQUEST_PAGES_MAX = 1 << 24 };

struct balloon_request {
	/* The caller's to fill before balloon_request_prepare(), which sorts them. */
	struct balloon_page *pages;
	/* Made by balloon_request_prepare(): ascending, disjoint, and as few as possible. */
	struct balloon_range *ranges;
	uint32_t n_pages;
	uint32_t n_ranges;
	uint32_t capacity_pages; /* constant: room in pages and ranges */
	enum balloon_request_kind kind;
	/* Room for the channel while the request is outstanding: 16 bytes a page, aligned for any
	 * type, so that telling the host needs no memory. */
	void *scratch;

	/* The channel's lock protects the rest. */
	enum balloon_request_state state;
	uint32_t n_done;               /* pages[0 .. n_done): what the host did */
	int error;                     /* 0, or why the host did no more: a negative errno */
	uint64_t id;                   /* unique on the channel: for protocols */
	struct balloon_request *newer; /* outstanding requests, a list */
	struct balloon_request *older;
};

/** Bytes of memory for balloon_request_init(); 0 for a capacity out of bounds. */
BALLOON_EXPORT size_t balloon_request_size(uint32_t capacity_pages);

/**
 * Make a request of the caller's memory, which is aligned to 16 bytes and of
 * balloon_request_size(capacity_pages) bytes. It is FREE.
 *
 * Returns 0; -EINVAL: a null pointer, memory unaligned, a capacity of 0 or above
 * BALLOON_REQUEST_PAGES_MAX.
 */
BALLOON_EXPORT int balloon_request_init(
	struct balloon_request *request, void *memory, uint32_t capacity_pages);

/**
 * Sort the first n_pages of request->pages (by radix; the cost of a look if they are sorted) and merge
 * neighbours into ranges.
 *
 * Returns 0; -EINVAL: a null pointer, no pages, more than its capacity, a page twice; -EBUSY: the
 * request is outstanding. Threads: the request is the caller's. Locks: none.
 */
BALLOON_EXPORT int balloon_request_prepare(
	struct balloon_request *request, enum balloon_request_kind kind, uint32_t n_pages);

/** Was this page, one of the request's, done? The request is COMPLETE. Cost: one comparison. */
static inline bool balloon_request_did(
	const struct balloon_request *request, struct balloon_page page)
{
	return request->n_done > 0 && page.index <= request->pages[request->n_done - 1].index;
}

struct balloon_channel;

/** What a kind of channel does. Any number of threads may be in any of these at once. */
struct balloon_channel_ops {
	const char *name;
	/**
	 * Give a request to the host. 0: balloon_request_complete() is or will be called for it, by any
	 * thread, perhaps before this returns. A negative errno: it will not, and the host knows nothing
	 * of it; -ENODEV: the host is gone. Does not wait for the host; allocates nothing.
	 */
	int (*submit)(struct balloon_channel *channel, struct balloon_request *request);
	/**
	 * Look for answers of the host and complete what they name; if there is none, sleep until there
	 * is, or until the deadline, or less. One thread at a time, without a lock. 0, or a negative
	 * errno: the host is gone. Optional: channels without it complete requests by threads of the
	 * program's own.
	 */
	int (*poll)(struct balloon_channel *channel, uint64_t deadline_ns);
	/** Forget all requests: none of them will be completed or touched again. Optional. */
	void (*reset)(struct balloon_channel *channel);
};

struct balloon_channel_stats {
	uint64_t n_submitted;   /* requests that the host was given */
	uint64_t n_completed;   /* requests that it answered */
	uint64_t n_outstanding; /* requests that it has now */
	uint64_t n_stray;       /* answers that fit no outstanding request, and were refused */
};

struct balloon_channel {
	const struct balloon_channel_ops *ops; /* constant */
	struct balloon_lock lock;              /* protects the rest, and the state of requests */
	struct balloon_event event;            /* something was completed, or polling is free */
	struct balloon_atomic_word n_contended;
	struct balloon_request *newest; /* outstanding */
	struct balloon_channel_stats stats;
	uint64_t last_id; /* of requests: each has its own, for ever */
	bool is_polled;   /* a thread is in poll() */
	int error;        /* 0, or why there is no host any more */
};

/** Make the common part of a channel. Threads: before it is shared. */
BALLOON_EXPORT void balloon_channel_init(
	struct balloon_channel *channel, const struct balloon_channel_ops *ops);
/** End it. Returns 0; -EINVAL; -EBUSY: requests are outstanding. */
BALLOON_EXPORT int balloon_channel_fini(struct balloon_channel *channel);

/**
 * Give a prepared request to the host.
 *
 * Returns 0: the request is the channel's until it is COMPLETE. A negative errno: the host was not
 * told, the request is the caller's; -EINVAL: a null pointer, or nothing prepared; -EBUSY: it is
 * outstanding already; -ENODEV: the host is gone; else what the channel says.
 * Threads: any. Locks: the channel's, shortly; none while the channel's submit() runs.
 */
BALLOON_EXPORT int balloon_request_submit(
	struct balloon_channel *channel, struct balloon_request *request);

/**
 * Wait until a request is COMPLETE.
 *
 * deadline_ns: a time of balloon_platform_now_ns(); 0: only look; BALLOON_NEVER.
 * Returns 0; -EINVAL; -ETIMEDOUT: not yet, the request stays the channel's; -ENODEV: not yet, and the
 * host is gone.
 * Threads: any number, for one request or several. Locks: the channel's, shortly. May sleep.
 * Order: what the completer did before is visible.
 */
BALLOON_EXPORT int balloon_request_wait(
	struct balloon_channel *channel, struct balloon_request *request, uint64_t deadline_ns);

/** Wait until anything happens on the channel after `seen` (balloon_event_seen(&channel->event)), or
 * the deadline. For who waits for several requests. Returns 0 or -ENODEV. */
BALLOON_EXPORT int balloon_channel_wait(
	struct balloon_channel *channel, uint32_t seen, uint64_t deadline_ns);

/**
 * Answer a request: for channels.
 *
 * n_done: how many of its pages, in their order, the host did. error: 0 if that is all of them, else
 * why it stopped, a negative errno.
 * Returns 0; -ESTALE: it is not outstanding (answered twice, or never asked); -EPROTO: more pages than
 * asked for, or fewer without a reason. Refused answers are counted and change nothing.
 * Threads: any. Locks: the channel's.
 */
BALLOON_EXPORT int balloon_request_complete(struct balloon_channel *channel,
	struct balloon_request *request, uint32_t n_done, int error);

/**
 * Answer the outstanding request with this id: for channels whose host names requests by number.
 *
 * Returns as balloon_request_complete(); -ESTALE: no such request.
 */
BALLOON_EXPORT int balloon_request_complete_id(
	struct balloon_channel *channel, uint64_t id, uint32_t n_done, int error);

/** Count an answer that makes no sense at all: for channels. */
BALLOON_EXPORT void balloon_channel_count_stray(struct balloon_channel *channel);

/**
 * Take all outstanding requests back: the host is gone, or has promised to forget them. Each is
 * completed with 0 pages done and -ECANCELED. Further submits are refused with -ENODEV.
 *
 * Returns 0 or -EINVAL. Threads: any.
 */
BALLOON_EXPORT int balloon_channel_reset(struct balloon_channel *channel);

/** Counts of one moment. Returns 0 or -EINVAL. Threads: any. Locks: the channel's. */
BALLOON_EXPORT int balloon_channel_stats(
	struct balloon_channel *channel, struct balloon_channel_stats *stats);

/**
 * The channel without a host: every request is done at once. For tests, for measuring what the rest
 * costs, and for balloons whose pages only have to be set aside.
 */
BALLOON_EXPORT extern const struct balloon_channel_ops balloon_null_channel_ops;

#ifdef __cplusplus
}
#endif

#endif
