/* SPDX-License-Identifier: MIT */
/*
 * Waiting for a host, by events. Where a channel has to be polled for answers, one of the waiting
 * threads polls, and the others sleep, each on its event.
 *
 * No wake-up is lost: a thread remembers its event, looks at what it waits for, and sleeps or polls
 * only while the event is as remembered, which it looks at once more when it is known as a sleeper
 * or as the poller. And while there are sleepers and the host is there, somebody polls, or one of
 * the sleepers, the successor, has been told to: by the poller that left, or by a successor that
 * left in its turn. A thread that comes anew and finds nobody polling does it itself, and the
 * successor sleeps on.
 *
 * The successor is told by its event, as of everything. Whether something else has happened to that
 * event as well the number of signals says: if not, the thread polls without asking its caller.
 */
#include "channels/channel.h"
#include "channels/wait.h"

/* A thread in balloon_channel_sleep(), on its own stack. */
struct balloon_sleeper {
	struct balloon_event *event; /* constant */
	struct balloon_sleeper *next;
	struct balloon_sleeper **link; /* what points to this one */
};

struct channel_notice channel_mark(struct balloon_event *event)
{
	return (struct channel_notice){event, balloon_event_mark(event)};
}

void channel_wake(struct balloon_channel *channel, struct channel_notice notice)
{
	if (!notice.event)
		return;
	if (notice.is_asleep)
		balloon_event_wake(notice.event);
	balloon_atomic_fence(); /* F2 */
	if (balloon_atomic_load(&channel->polled_for, BALLOON_RELAXED) == (uintptr_t)notice.event &&
		channel->ops->wake)
		channel->ops->wake(channel);
}

void balloon_channel_signal(struct balloon_channel *channel, struct balloon_event *event)
{
	channel_wake(channel, channel_mark(event));
}

/* ---- Sleepers; the caller holds the lock ----------------------------------------------------- */

static void link_sleeper(struct balloon_channel *channel, struct balloon_sleeper *sleeper)
{
	struct balloon_sleeper *next = BALLOON_READ(channel->sleepers);
	BALLOON_WRITE(sleeper->next, next);
	BALLOON_WRITE(sleeper->link, &channel->sleepers);
	if (next)
		BALLOON_WRITE(next->link, &sleeper->next);
	BALLOON_WRITE(channel->sleepers, sleeper);
}

static void unlink_sleeper(struct balloon_sleeper *sleeper)
{
	struct balloon_sleeper *next = BALLOON_READ(sleeper->next);
	struct balloon_sleeper **link = BALLOON_READ(sleeper->link);
	BALLOON_WRITE(*link, next);
	if (next)
		BALLOON_WRITE(next->link, link);
}

void channel_wake_sleepers(struct balloon_channel *channel)
{
	for (struct balloon_sleeper *sleeper = BALLOON_READ(channel->sleepers); sleeper;
		sleeper = BALLOON_READ(sleeper->next))
		balloon_event_signal(sleeper->event);
}

static bool has_to_be_polled(struct balloon_channel *channel)
{
	return channel->ops->poll && !BALLOON_READ(channel->is_polled) &&
	       balloon_channel_error(channel) == 0;
}

/* See to it that somebody polls. Its event is there as long as it is known as a sleeper. */
static void appoint_successor(struct balloon_channel *channel)
{
	struct balloon_sleeper *sleeper = BALLOON_READ(channel->sleepers);
	if (!sleeper || BALLOON_READ(channel->successor) || !has_to_be_polled(channel))
		return;
	BALLOON_WRITE(channel->successor, sleeper);
	balloon_event_signal(sleeper->event);
}

/* ---- Polling --------------------------------------------------------------------------------- */

/* Poll, unless the event was signalled. With the lock, which is let go meanwhile. */
static void poll_host(struct balloon_channel *channel, struct balloon_event *event, uint32_t seen,
	uint64_t deadline_ns) BALLOON_REQUIRES(channel->lock)
{
	int result = 0;
	BALLOON_WRITE(channel->is_polled, true);
	balloon_lock_release(&channel->lock);
	balloon_atomic_store(&channel->polled_for, (uintptr_t)event, BALLOON_RELAXED);
	balloon_atomic_fence(); /* F1 */
	if (!event || !balloon_event_is_past(event, seen))
		result = channel->ops->poll(channel, deadline_ns);
	balloon_atomic_store(&channel->polled_for, 0, BALLOON_RELAXED);
	balloon_lock_acquire(&channel->lock);
	BALLOON_WRITE(channel->is_polled, false);
	if (result < 0)
		channel_fail(channel, result);
	appoint_successor(channel);
}

int balloon_channel_poll(struct balloon_channel *channel)
{
	if (!channel)
		return -EINVAL;
	balloon_lock_acquire(&channel->lock);
	if (has_to_be_polled(channel))
		poll_host(channel, NULL, 0, 0);
	balloon_lock_release(&channel->lock);
	return balloon_channel_error(channel);
}

/* ---- Sleeping -------------------------------------------------------------------------------- */

/* Sleep on the event. With the lock, which is let go meanwhile. Returns what was seen of it then. */
static uint32_t sleep_as_known(struct balloon_channel *channel, struct balloon_event *event,
	uint32_t seen, uint64_t deadline_ns) BALLOON_REQUIRES(channel->lock)
{
	struct balloon_sleeper self = {.event = event};
	link_sleeper(channel, &self);
	balloon_lock_release(&channel->lock);
	balloon_event_wait(event, seen, deadline_ns);
	balloon_lock_acquire(&channel->lock);
	unlink_sleeper(&self);
	if (BALLOON_READ(channel->successor) != &self)
		return seen;
	BALLOON_WRITE(channel->successor, NULL);
	return seen + BALLOON_EVENT_STEP;
}

/* With the lock, which is let go meanwhile. */
static void sleep_or_poll(struct balloon_channel *channel, struct balloon_event *event,
	uint32_t seen, uint64_t deadline_ns) BALLOON_REQUIRES(channel->lock)
{
	while (!balloon_event_is_past(event, seen)) {
		if (has_to_be_polled(channel)) {
			poll_host(channel, event, seen, deadline_ns);
			break;
		}
		uint32_t told = sleep_as_known(channel, event, seen, deadline_ns);
		if (told == seen)
			break;
		seen = told;
	}
	appoint_successor(channel);
}

void balloon_channel_sleep(struct balloon_channel *channel, struct balloon_event *event,
	uint32_t seen, uint64_t deadline_ns)
{
	balloon_lock_acquire(&channel->lock);
	sleep_or_poll(channel, event, seen, deadline_ns);
	balloon_lock_release(&channel->lock);
}

void channel_sleep_with_host(struct balloon_channel *channel, struct balloon_event *event,
	uint32_t seen, uint64_t deadline_ns)
{
	balloon_lock_acquire(&channel->lock);
	if (balloon_channel_error(channel) == 0)
		sleep_or_poll(channel, event, seen, deadline_ns);
	balloon_lock_release(&channel->lock);
}

/* 0 or why waiting is over; 1: it is not. The caller holds the lock. */
static int outcome(const struct balloon_channel *channel, const struct balloon_request *request)
{
	switch (balloon_request_state(request)) {
	case BALLOON_REQUEST_COMPLETE:
		return 0;
	case BALLOON_REQUEST_OUTSTANDING:
		return balloon_channel_error(channel) < 0 ? -ENODEV : 1;
	default:
		return -EINVAL;
	}
}

int balloon_request_wait(
	struct balloon_channel *channel, struct balloon_request *request, uint64_t deadline_ns)
{
	if (!channel || !request)
		return -EINVAL;
	/* Where answers have to be fetched, somebody looks whether there is one before giving up. */
	bool has_looked = !channel->ops->poll;
	int result;
	if (balloon_request_state(request) == BALLOON_REQUEST_COMPLETE)
		return 0;
	balloon_lock_acquire(&channel->lock);
	while ((result = outcome(channel, request)) > 0) {
		bool is_over = deadline_ns == 0 || balloon_platform_now_ns() >= deadline_ns;
		if (is_over && has_looked) {
			result = -ETIMEDOUT;
			break;
		}
		has_looked |= is_over;
		struct balloon_event *event = channel_event_of(channel, request);
		uint32_t seen = balloon_event_seen(event);
		if (!is_over) {
			BALLOON_WRITE(request->is_awaited, true);
			sleep_or_poll(channel, event, seen, deadline_ns);
		} else if (has_to_be_polled(channel)) {
			poll_host(channel, event, seen, 0);
		}
	}
	balloon_lock_release(&channel->lock);
	return result;
}
