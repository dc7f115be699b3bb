/* SPDX-License-Identifier: MIT */
/**
 * Host channels: how a balloon tells its host which pages it gives up and which it wants back.
 *
 * A request is a set of pages, as ranges. It is *prepared*, *submitted*, and later *completed*: the
 * host did a part of it from the start (all, as a rule) and gave a reason for stopping. Until then
 * the request's memory belongs to the channel: it is neither changed nor used again, however long
 * the host takes (H-27). Waiting for it has a deadline; a host that never answers makes an error,
 * not a hang (H-26).
 *
 *     balloon_request_init()                         once, with memory of the caller's
 *     request->pages[0 .. n) = ...                   FREE: the caller's
 *     balloon_request_prepare(request, kind, n)      sorted, merged into ranges
 *     balloon_request_submit(channel, request)       OUTSTANDING: the channel's
 *     balloon_request_wait(channel, request, until)  0: COMPLETE, the caller's again
 *
 * Whoever waits for several requests, or for other things beside them, names one event of its own
 * for all of them (request->event, or balloon_request_redirect()), looks at their states, and
 * sleeps in balloon_channel_sleep() until that event is signalled:
 *
 *     seen = balloon_event_seen(&event)
 *     look at balloon_request_state() of each, and at everything else
 *     balloon_channel_sleep(channel, &event, seen, until)
 *
 * Some channels have to be polled for answers. One of the threads that wait does that, the others
 * sleep until what they wait for has happened; when the one leaves, another one takes over.
 *
 * For whoever writes a channel: embed a struct balloon_channel, call balloon_channel_init() with an
 * ops table, set its geometry and limits, and call balloon_request_complete() for each request that
 * submit() accepted. What the other side says is not to be trusted: a completion of a submission
 * that is not outstanding, or of more pages than were asked for, is refused and counted, and
 * changes nothing.
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

/*
 * Who may touch a request follows from its state. C1 (acquire) in balloon_request_state() pairs
 * with C2 (release) where the channel ends a submission: whoever has seen COMPLETE there may read
 * n_done and error and use the request again, without a lock. Without the pair it could read the
 * answer before the last one.
 */
struct balloon_request {
	/* The caller's to fill before balloon_request_prepare(), which sorts them. */
	struct balloon_page *pages;
	/* Made by balloon_request_prepare(): ascending, disjoint, and as few as possible. */
	struct balloon_range *ranges;
	uint32_t n_pages;
	uint32_t n_ranges;       /* 0: nothing is prepared */
	uint32_t capacity_pages; /* constant: room in pages and ranges */
	enum balloon_request_kind kind;
	/* Room for the channel while the request is outstanding: 16 bytes a page, aligned for any
	 * type, so that telling the host needs no memory. */
	void *scratch;
	/* Signalled when the request completes: the caller's to set before it is submitted, then the
	 * channel's lock protects it. NULL, as after balloon_request_init(): one of the channel's. */
	struct balloon_event *event;

	struct balloon_atomic_u32 state; /* enum balloon_request_state: balloon_request_state() */
	uint32_t n_done;                 /* COMPLETE: pages[0 .. n_done): what the host did */
	int error;                       /* COMPLETE: 0, or why no more: a negative errno */

	/* The channel's lock protects the rest. */
	bool is_awaited; /* somebody waits for it on its event */
	uint64_t id;     /* of the submission: unique on the channel, for ever; not 0 */
	struct balloon_request *next;  /* outstanding requests with the same hash, a list */
	struct balloon_request **link; /* what points to this one there */
};

/** Whose a request is. Cost: a load. Threads: any, while its memory is there. Order: C1. */
static inline enum balloon_request_state balloon_request_state(
	const struct balloon_request *request)
{
	uint32_t state = balloon_atomic_load(&request->state, BALLOON_ACQUIRE); /* C1 */
	if (state == BALLOON_REQUEST_COMPLETE)
		balloon_hook_observed(&request->state);
	return (enum balloon_request_state)state;
}

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
 * Sort the first n_pages of request->pages (by radix; the cost of a look if they are sorted) and
 * merge neighbours into ranges. Pages in descending order, as leaks give them, are reversed.
 *
 * Returns 0; -EINVAL: a null pointer, no pages, more than its capacity, a page twice; then nothing
 * is prepared; -EBUSY: the request is outstanding, and stays as it is. Threads: the request is the
 * caller's. Locks: none.
 */
BALLOON_EXPORT int balloon_request_prepare(
	struct balloon_request *request, enum balloon_request_kind kind, uint32_t n_pages);

/** Was this page, one of the request's, done? The request is COMPLETE. Cost: one comparison. */
static inline bool balloon_request_did(
	const struct balloon_request *request, struct balloon_page page)
{
	uint32_t n_done = BALLOON_READ(request->n_done);
	const struct balloon_page *pages = BALLOON_READ(request->pages);
	return n_done > 0 && page.index <= BALLOON_READ(pages[n_done - 1].index);
}

struct balloon_channel;

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

struct balloon_channel_stats {
	uint64_t n_submitted;   /* requests that the host was given */
	uint64_t n_completed;   /* of these, answered, or taken back by a reset */
	uint64_t n_outstanding; /* requests that it has now */
	uint64_t n_stray;       /* answers that fit no outstanding request, and were refused */
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

/** Make the common part of a channel: no geometry, no limits. Threads: before it is shared. */
BALLOON_EXPORT void balloon_channel_init(
	struct balloon_channel *channel, const struct balloon_channel_ops *ops);

/**
 * End it. Returns 0; -EINVAL; -EBUSY: requests are outstanding, or somebody polls or sleeps, or it
 * is claimed. Threads: the caller serialises it against every other call.
 */
BALLOON_EXPORT int balloon_channel_fini(struct balloon_channel *channel);

/**
 * Does the channel reach every page of this map?
 *
 * Returns 0; -EINVAL: a null pointer, another page size, another first page frame number, or fewer
 * pages than the map has. Threads: any. Locks: none.
 */
BALLOON_EXPORT int balloon_channel_covers(
	const struct balloon_channel *channel, const struct balloon_memmap *map);

/**
 * Claim the channel for one owner, who alone submits on it from now on. Nothing but other claims is
 * held to that.
 *
 * owner: any address that is the caller's; not looked at. event: NULL, or the owner's, signalled when the
 * host is gone.
 * Returns 0; -EINVAL: a null pointer; -EBUSY: it is claimed already. Threads: any. Locks: the
 * channel's.
 */
BALLOON_EXPORT int balloon_channel_claim(
	struct balloon_channel *channel, const void *owner, struct balloon_event *event);

/**
 * Give up a claim, if this owner has it. When it returns, events that were named for requests which
 * are complete are not touched any more, but for a futex(2) wake of their address: their memory may
 * go. Threads: any. Locks: the channel's.
 */
BALLOON_EXPORT void balloon_channel_release(struct balloon_channel *channel, const void *owner);

/**
 * Give a prepared request to the host.
 *
 * It gets an id of its own, in request->id; the id before is gone for ever. request->event: NULL,
 * or the event that is signalled at its completion, under the channel's lock.
 * Returns 0: the request is the channel's until it is COMPLETE. A negative errno: the host was not
 * told, the request is the caller's; -EINVAL: a null pointer, or nothing prepared; -EBUSY: it is
 * outstanding already; -E2BIG: above the channel's limits for a request; -EAGAIN: there is no room
 * now, and will be after another completion; -ENODEV: the host is gone, or a reset was asked for;
 * else what the channel says.
 * Threads: any. Locks: the channel's, shortly; none while the channel's submit() runs. Cost: with
 * the completion four atomic read-modify-writes, if nobody waits and no event is named.
 */
BALLOON_EXPORT int balloon_request_submit(
	struct balloon_channel *channel, struct balloon_request *request);

/**
 * Let another event be signalled when the request completes; NULL: one of the channel's.
 *
 * Returns whether the request is still outstanding. False: it is complete, nothing will be
 * signalled. Who waits for the request on the former event looks again, on the new one; until then
 * the former event is there.
 * Threads: any. Locks: the channel's.
 */
BALLOON_EXPORT bool balloon_request_redirect(struct balloon_channel *channel,
	struct balloon_request *request, struct balloon_event *event);

/**
 * Wait until a request is COMPLETE.
 *
 * deadline_ns: a time of balloon_platform_now_ns(); 0: only look; BALLOON_NEVER. Where answers have
 * to be polled for, it looks for some at least once, unless somebody else polls.
 * Returns 0; -EINVAL: a null pointer, or it was not submitted; -ETIMEDOUT: not yet, the request
 * stays the channel's; -ENODEV: not yet, and the host is gone.
 * Threads: any number, for one request or several. Locks: the channel's, shortly. May sleep.
 * Order: what the completer did before is visible.
 */
BALLOON_EXPORT int balloon_request_wait(
	struct balloon_channel *channel, struct balloon_request *request, uint64_t deadline_ns);

/**
 * Sleep until an event is signalled after `seen`, or until the deadline; perhaps less: the caller
 * looks again. The one place where threads wait for a host.
 *
 * On a polled channel whose host is there and that nobody polls, this thread polls meanwhile.
 * event: the caller's, or one that a request names; it is signalled by balloon_channel_signal(), by
 * completions of requests that name it, and by balloon_channel_fail() if somebody sleeps for it or
 * an outstanding request names it.
 * Threads: any number, also for one event. Locks: the channel's, shortly. May sleep.
 */
BALLOON_EXPORT void balloon_channel_sleep(struct balloon_channel *channel,
	struct balloon_event *event, uint32_t seen, uint64_t deadline_ns);

/**
 * Signal an event that threads may sleep for in balloon_channel_sleep().
 *
 * F1 (full fence) in balloon_channel_sleep(), between naming the event that is polled for and
 * looking at its word, pairs with F2 (full fence) here, between raising the word and looking which
 * event is polled for: one of the two sees the other. Without either, the poller could fall asleep
 * with its event signalled and nobody to wake it.
 * Threads: any, in a signal handler or an interrupt too. Locks: none.
 */
BALLOON_EXPORT void balloon_channel_signal(
	struct balloon_channel *channel, struct balloon_event *event);

/**
 * Look for answers once, without sleeping; nothing where there is nothing to poll, or somebody else
 * polls.
 *
 * Returns 0; -EINVAL; or why the host is gone, as balloon_channel_error(). Threads: any.
 * Locks: the channel's, shortly.
 */
BALLOON_EXPORT int balloon_channel_poll(struct balloon_channel *channel);

/**
 * A file descriptor that is readable while balloon_channel_poll() has something to do; -1: there is
 * none. It stays the channel's. Threads: any. Locks: none.
 */
BALLOON_EXPORT int balloon_channel_descriptor(struct balloon_channel *channel);

/**
 * Answer a request: for channels.
 *
 * id: of the submission that is answered: what request->id was in the channel's submit(). n_done:
 * how many of its pages, in their order, the host did. error: 0 if that is all of them, else why it
 * stopped, a negative errno.
 * Returns 0; -EINVAL: a null pointer; -ESTALE: that submission is not outstanding (answered twice,
 * or never asked); -EPROTO: more pages than asked for, or fewer without a reason. Refused answers
 * are counted and change nothing.
 * Threads: any, while the request's memory is there. Locks: the channel's.
 */
BALLOON_EXPORT int balloon_request_complete(struct balloon_channel *channel,
	struct balloon_request *request, uint64_t id, uint32_t n_done, int error);

/**
 * Answer the outstanding request with this id: for channels whose host names requests by number.
 *
 * Returns as balloon_request_complete(); -ESTALE: no such request. Cost: a look into a hash table.
 */
BALLOON_EXPORT int balloon_request_complete_id(
	struct balloon_channel *channel, uint64_t id, uint32_t n_done, int error);

/** Count an answer that makes no sense at all: for channels. */
BALLOON_EXPORT void balloon_channel_count_stray(struct balloon_channel *channel);

/**
 * The host is gone: for channels, and for whoever finds out. Wakes everybody who waits. Outstanding
 * requests stay outstanding, and may still be completed; waiting for them ends in -ENODEV, and so
 * does submitting. The first reason stays. A negative result of ops->poll() is the same.
 *
 * error: why, a negative errno.
 * Returns 0 or -EINVAL. Threads: any, also in ops->submit() and ops->poll(). Locks: the channel's.
 */
BALLOON_EXPORT int balloon_channel_fail(struct balloon_channel *channel, int error);

/** 0, or why the host is gone, a negative errno. Threads: any. Locks: none. */
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
 * while.
 */
BALLOON_EXPORT int balloon_channel_reset(struct balloon_channel *channel);

/**
 * Take all outstanding requests back although the host has confirmed nothing: each is completed
 * with 0 pages and -ECANCELED, and submits are refused. Only for a caller who knows otherwise that
 * the host is dead: one that lives may still empty pages that are in use again.
 *
 * Returns 0 or -EINVAL. Threads: any. Locks: the channel's.
 */
BALLOON_EXPORT int balloon_channel_forget(struct balloon_channel *channel);

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
