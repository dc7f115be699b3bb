/* SPDX-License-Identifier: MIT */
/* Sleeping for events of a channel, and waking. */
#ifndef BALLOON_CHANNELS_WAIT_H
#define BALLOON_CHANNELS_WAIT_H

#include "channels/channel.h"

/** Signal an event, and wake nobody yet. Takes no lock. */
struct channel_notice channel_mark(struct balloon_event *event);

/** Wake those who sleep on it, or poll for it. Takes no lock. */
void channel_wake(struct balloon_channel *channel, struct channel_notice notice);

/** Whoever sleeps in balloon_channel_sleep() looks again. */
void channel_wake_sleepers(struct balloon_channel *channel);

/**
 * As balloon_channel_sleep(), and takes the lock as that does, but not once the host is gone: for an event that
 * nobody signals then.
 */
void channel_sleep_with_host(struct balloon_channel *channel, struct balloon_event *event,
	uint32_t seen, uint64_t deadline_ns);

#endif
