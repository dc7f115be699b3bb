/* SPDX-License-Identifier: MIT */
/* What the files of the library share of channels. The caller holds the channel's lock, if nothing else is said. */
#ifndef BALLOON_CHANNELS_CHANNEL_H
#define BALLOON_CHANNELS_CHANNEL_H

#include <balloon/channel-ops.h>
#include <balloon/sync.h>

#include "core/private-names.h"

/** Which event is signalled when this request completes. */
struct balloon_event *channel_event_of(
	struct balloon_channel *channel, const struct balloon_request *request);

/** No id of the one channel is given again by the other: a late answer there is none to a request here.
 * Takes the locks. */
void channel_continue_ids(struct balloon_channel *channel, struct balloon_channel *former);

/** The host is gone, unless it was already. */
void channel_fail(struct balloon_channel *channel, int error);

/** An event that was signalled; who sleeps on it is to be woken. */
struct channel_notice {
	struct balloon_event
		*event; /* or NULL; of a complete request perhaps nothing but an address */
	bool is_asleep; /* somebody is */
};

/** A deadline: now + for, or never. */
static inline uint64_t time_after(uint64_t now_ns, uint64_t for_ns)
{
	uint64_t at_ns = now_ns + for_ns;
	return at_ns < now_ns ? BALLOON_NEVER : at_ns;
}

#endif
