/* SPDX-License-Identifier: MIT */
/**
 * Requests: what is asked of a host through a channel, by a driver or without one.
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
 * Sources: VIRTIO 1.3, section 5.5 (inflate and deflate queues, acknowledgement by use of the
 * descriptor); ranges in place of single pages as proposed for virtio-balloon in 2017.
 */
#ifndef BALLOON_REQUEST_H
#define BALLOON_REQUEST_H

#include <balloon/channel.h>
#include <balloon/sync.h>

#ifdef __cplusplus
extern "C" {
#endif

/** The pages first, first + 1, ... of a map. */
struct balloon_range {
	uint32_t first; /* index */
	uint32_t n_pages;
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

/** Bytes of memory for balloon_request_init(); 0 for a capacity out of bounds. Context: any. */
BALLOON_EXPORT size_t balloon_request_size(uint32_t capacity_pages);

/**
 * Make a request of the caller's memory, which is aligned to 16 bytes and of
 * balloon_request_size(capacity_pages) bytes. It is FREE.
 *
 * Returns 0; -EINVAL: a null pointer, memory unaligned, a capacity of 0 or above
 * BALLOON_REQUEST_PAGES_MAX. Context: any.
 */
BALLOON_EXPORT int balloon_request_init(
	struct balloon_request *request, void *memory, uint32_t capacity_pages);

/**
 * Sort the first n_pages of request->pages (by radix; the cost of a look if they are sorted) and
 * merge neighbours into ranges. Pages in descending order, as leaks give them, are reversed.
 *
 * Returns 0; -EINVAL: a null pointer, no pages, more than its capacity, a page twice; then nothing
 * is prepared; -EBUSY: the request is outstanding, and stays as it is. Threads: the request is the
 * caller's. Locks: none. Context: any.
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

/**
 * Claim the channel for one owner, who alone submits on it from now on. Nothing but other claims is
 * held to that.
 *
 * owner: any address that is the caller's; not looked at. event: NULL, or the owner's, signalled when the
 * host is gone.
 * Returns 0; -EINVAL: a null pointer; -EBUSY: it is claimed already. Threads: any. Locks: the
 * channel's. Context: thread.
 */
BALLOON_EXPORT int balloon_channel_claim(
	struct balloon_channel *channel, const void *owner, struct balloon_event *event);

/**
 * Give up a claim, if this owner has it. When it returns, events that were named for requests which
 * are complete are not touched any more, but for a futex(2) wake of their address: their memory may
 * go. Threads: any. Locks: the channel's. Context: thread.
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
 * Context: thread.
 */
BALLOON_EXPORT int balloon_request_submit(
	struct balloon_channel *channel, struct balloon_request *request);

/**
 * Let another event be signalled when the request completes; NULL: one of the channel's.
 *
 * Returns whether the request is still outstanding. False: it is complete, nothing will be
 * signalled. Who waits for the request on the former event looks again, on the new one; until then
 * the former event is there.
 * Threads: any. Locks: the channel's. Context: thread.
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
 * Threads: any number, for one request or several. Locks: the channel's, shortly.
 * Order: what the completer did before is visible. Context: thread.
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
 * Threads: any number, also for one event. Locks: the channel's, shortly. Context: thread.
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
 * Threads: any, in a signal handler or an interrupt too. Locks: none. Context: any.
 */
BALLOON_EXPORT void balloon_channel_signal(
	struct balloon_channel *channel, struct balloon_event *event);

/**
 * Look for answers once, without sleeping; nothing where there is nothing to poll, or somebody else
 * polls.
 *
 * Returns 0; -EINVAL; or why the host is gone, as balloon_channel_error(). Threads: any.
 * Locks: the channel's, shortly. Context: thread.
 */
BALLOON_EXPORT int balloon_channel_poll(struct balloon_channel *channel);

#ifdef __cplusplus
}
#endif

#endif
