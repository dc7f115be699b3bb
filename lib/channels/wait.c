/* SPDX-License-Identifier: MIT */
/*
 * Waiting for answers, by an event. Where a channel has to be polled for them, one of the waiting threads
 * polls and the others sleep on the event, which is also signalled when that thread has its own answer
 * and leaves.
 */
#include <balloon/channel.h>

#include "internal.h"

/* Is it this thread that polls now? */
static bool begin_polling(struct balloon_channel *channel)
{
	bool is_ours = false;
	if (!channel->ops->poll)
		return false;
	balloon_lock_acquire(&channel->lock);
	if (!BALLOON_READ(channel->is_polled) && !BALLOON_READ(channel->error)) {
		BALLOON_WRITE(channel->is_polled, true);
		is_ours = true;
	}
	balloon_lock_release(&channel->lock);
	return is_ours;
}

static void poll_host(struct balloon_channel *channel, uint64_t deadline_ns)
{
	int result = channel->ops->poll(channel, deadline_ns);
	balloon_lock_acquire(&channel->lock);
	BALLOON_WRITE(channel->is_polled, false);
	if (result < 0)
		BALLOON_WRITE(channel->error, result);
	balloon_lock_release(&channel->lock);
	balloon_event_signal(&channel->event); /* somebody else may want to poll */
}

static int channel_error(struct balloon_channel *channel)
{
	balloon_lock_acquire(&channel->lock);
	int result = BALLOON_READ(channel->error) ? -ENODEV : 0;
	balloon_lock_release(&channel->lock);
	return result;
}

int balloon_channel_wait(struct balloon_channel *channel, uint32_t seen, uint64_t deadline_ns)
{
	if (!channel)
		return -EINVAL;
	if (begin_polling(channel))
		poll_host(channel, deadline_ns);
	else if (channel_error(channel) == 0)
		balloon_event_wait(&channel->event, seen, deadline_ns);
	return channel_error(channel);
}

static enum balloon_request_state state_of(
	struct balloon_channel *channel, const struct balloon_request *request)
{
	balloon_lock_acquire(&channel->lock);
	enum balloon_request_state state = BALLOON_READ(request->state);
	balloon_lock_release(&channel->lock);
	return state;
}

int balloon_request_wait(
	struct balloon_channel *channel, struct balloon_request *request, uint64_t deadline_ns)
{
	if (!channel || !request)
		return -EINVAL;
	/* Where answers have to be fetched, somebody looks whether there is one before giving up. */
	bool has_looked = !channel->ops->poll;
	for (;;) {
		uint32_t seen = balloon_event_seen(&channel->event);
		enum balloon_request_state state = state_of(channel, request);
		if (state != BALLOON_REQUEST_OUTSTANDING)
			return state == BALLOON_REQUEST_COMPLETE ? 0 : -EINVAL;
		bool is_over = deadline_ns == 0 || balloon_platform_now_ns() >= deadline_ns;
		if (is_over && has_looked)
			return -ETIMEDOUT;
		has_looked |= is_over;
		int result = balloon_channel_wait(channel, seen, is_over ? 0 : deadline_ns);
		if (result < 0 && state_of(channel, request) == BALLOON_REQUEST_OUTSTANDING)
			return result;
	}
}
