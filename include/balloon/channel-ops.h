/* SPDX-License-Identifier: MIT */
/**
 * For whoever writes a host channel: its ops table, and the part that all channels have.
 *
 * Embed a struct balloon_channel, call balloon_channel_init() with an ops table, set its geometry and
 * limits, and call balloon_request_complete() for each request that submit() accepted. What the other
 * side says is not to be trusted: a completion of a submission that is not outstanding, or of more pages
 * than were asked for, is refused and counted, and changes nothing.
 */
#ifndef BALLOON_CHANNEL_OPS_H
#define BALLOON_CHANNEL_OPS_H

#include <balloon/request.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What a kind of channel does. Any number of threads may be in any of these at once. */
struct balloon_channel_ops {
	const char *name;
	/**
	 * Give a request to the host. 0: balloon_request_complete() is or will be called for it, by
	 * any thread, perhaps before this returns: whoever needs request->id afterwards reads it
	 * before. A negative errno: it will not, and the host knows nothing of it; -EAGAIN: there
	 * is no room for it, and will be after another completion; -ENODEV: the host is gone. Does
	 * not wait for the host; allocates nothing. Null: there is no host, and a request is done as
	 * soon as it is submitted.
	 */
	int (*submit)(struct balloon_channel *channel, struct balloon_request *request);
	/**
	 * Look for answers of the host and complete what they name; if there is none, sleep until
	 * there is, or until the deadline (0: do not sleep), or less. One thread at a time, without
	 * a lock. 0, or a negative errno: the host is gone. Optional: channels without it complete
	 * requests by threads of the program's own.
	 */
	int (*poll)(struct balloon_channel *channel, uint64_t deadline_ns);
	/**
	 * Make the poll() in progress, or else the next one, return soon. From any thread, beside
	 * anything, in a signal handler or an interrupt too: takes no lock. Optional for channels
	 * whose poll() does not sleep.
	 */
	void (*wake)(struct balloon_channel *channel);
	/**
	 * A file descriptor that is readable while poll() has something to do; -1: none. For
	 * programs that sleep in an event loop of their own. Optional.
	 */
	int (*descriptor)(struct balloon_channel *channel);
	/**
	 * Ask the host to let go of all requests. 0: it has, and touches nothing any more. A
	 * negative errno: it has not said so, and may still do what it was asked; -ETIMEDOUT: not
	 * in time. It may complete requests. Nothing is submitted meanwhile or afterwards, but for
	 * what was inside submit() already; poll() may run beside it. Optional.
	 */
	int (*reset)(struct balloon_channel *channel);
};

/** Any first page frame number. */
#define BALLOON_PFN_ANY UINT64_MAX

/** The pages that a channel can tell its host about. */
struct balloon_geometry {
	uint64_t first_pfn;       /* of page 0; BALLOON_PFN_ANY: the host does not care */
	uint32_t n_pages;         /* so many at most */
	uint32_t page_size_bytes; /* 0: there is no geometry, every map fits */
};

/** What is too much for the host. 0: there is no such limit. */
struct balloon_channel_limits {
	uint32_t request_pages;  /* pages in a request */
	uint32_t request_ranges; /* ranges in a request */
	uint32_t n_requests;     /* outstanding requests */
};

enum {
	BALLOON_CHANNEL_BUCKETS = 128, /* of outstanding requests, by id */
	BALLOON_CHANNEL_EVENTS = 16,   /* of waiters for requests, by id */
};

struct balloon_channel {
	const struct balloon_channel_ops *ops; /* constant */
	/* The maker's to set after balloon_channel_init(), before the channel is shared; constant. */
	struct balloon_geometry geometry;
	struct balloon_channel_limits limits;

	struct balloon_atomic_u32 error;       /* 0, or minus why there is no host any more */
	struct balloon_atomic_word polled_for; /* the event that the polling thread waits for */
	struct balloon_event events[BALLOON_CHANNEL_EVENTS];
	struct balloon_atomic_word n_contended;
	struct balloon_lock lock; /* protects the rest, and outstanding requests */
	struct balloon_request *buckets[BALLOON_CHANNEL_BUCKETS]; /* outstanding, by id */
	struct balloon_sleeper *sleepers;                         /* the newest first */
	struct balloon_sleeper *successor; /* was told to take polling over */
	struct balloon_channel_stats stats;
	uint64_t last_id;                  /* of submissions: each has its own, for ever */
	const void *owner;                 /* who has claimed it */
	struct balloon_event *owner_event; /* signalled when the host is gone; NULL */
	bool is_polled;                    /* a thread is in poll() */
	bool is_closed;                    /* for submits: reset was asked for */
};

/** Make the common part of a channel: no geometry, no limits. Threads: before it is shared.
 * Context: thread. */
BALLOON_EXPORT void balloon_channel_init(
	struct balloon_channel *channel, const struct balloon_channel_ops *ops);

/**
 * End it. Returns 0; -EINVAL; -EBUSY: requests are outstanding, or somebody polls or sleeps, or it
 * is claimed. Threads: the caller serialises it against every other call. Context: thread.
 */
BALLOON_EXPORT int balloon_channel_fini(struct balloon_channel *channel);

/**
 * Answer a request: for channels.
 *
 * id: of the submission that is answered: what request->id was in the channel's submit(). n_done:
 * how many of its pages, in their order, the host did. error: 0 if that is all of them, else why it
 * stopped, a negative errno.
 * Returns 0; -EINVAL: a null pointer; -ESTALE: that submission is not outstanding (answered twice,
 * or never asked); -EPROTO: more pages than asked for, or fewer without a reason. Refused answers
 * are counted and change nothing.
 * Threads: any, while the request's memory is there. Locks: the channel's. Context: thread.
 */
BALLOON_EXPORT int balloon_request_complete(struct balloon_channel *channel,
	struct balloon_request *request, uint64_t id, uint32_t n_done, int error);

/**
 * Answer the outstanding request with this id: for channels whose host names requests by number.
 *
 * Returns as balloon_request_complete(); -ESTALE: no such request. Cost: a look into a hash table.
 * Context: thread.
 */
BALLOON_EXPORT int balloon_request_complete_id(
	struct balloon_channel *channel, uint64_t id, uint32_t n_done, int error);

/** Count an answer that makes no sense at all: for channels. Context: thread. */
BALLOON_EXPORT void balloon_channel_count_stray(struct balloon_channel *channel);

/** The channel without a host: balloon_null_create(), in memory of the caller's. */
BALLOON_EXPORT extern const struct balloon_channel_ops balloon_null_channel_ops;

#ifdef __cplusplus
}
#endif

#endif
