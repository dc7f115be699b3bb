/* SPDX-License-Identifier: MIT */
/* What the files of this directory share. The caller of each holds the channel's lock. */
#ifndef BALLOON_CHANNELS_CHANNEL_H
#define BALLOON_CHANNELS_CHANNEL_H

#include <balloon/channel.h>

/** Which event is signalled when this request completes. */
struct balloon_event *channel_event_of(
	struct balloon_channel *channel, const struct balloon_request *request);

/** The host is gone, unless it was already. */
void channel_fail(struct balloon_channel *channel, int error);

/** Whoever sleeps in balloon_channel_sleep() looks again. */
void channel_wake_sleepers(struct balloon_channel *channel);

#endif
