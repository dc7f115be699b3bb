/* SPDX-License-Identifier: MIT */
/* Channels as releasers: requests are prepared, submitted, waited for, one after the other. */
#ifndef SYSTEM_BY_CHANNEL_H
#define SYSTEM_BY_CHANNEL_H

#include <balloon/channel-ops.h>

#include "system/release.h"

/** A channel in the middle of its work. */
struct by_channel {
	struct balloon_channel *channel;
	struct balloon_request request;
	void *memory; /* the request's */
};

/** Make the request of an open channel. Returns 0 or a negative errno. */
int by_channel_init(struct by_channel *by_channel, uint32_t request_pages);
void by_channel_fini(struct by_channel *by_channel);

/** For releasers whose trial->own is a struct by_channel. */
int by_channel_inflate(struct trial *trial);
int by_channel_deflate(struct trial *trial);
int by_channel_cycle(struct trial *trial, uint32_t first, uint32_t n);
const char *by_channel_check(struct trial *trial);

#endif
