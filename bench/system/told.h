/* SPDX-License-Identifier: MIT */
/* Channels as releasers: requests are prepared, submitted, waited for, one after the other. */
#ifndef SYSTEM_TOLD_H
#define SYSTEM_TOLD_H

#include <balloon/channel.h>

#include "system/release.h"

/** A channel in the middle of its work. */
struct told {
	struct balloon_channel *channel;
	struct balloon_request request;
	void *memory; /* the request's */
};

/** Make the request of an open channel. Returns 0 or a negative errno. */
int told_init(struct told *told, uint32_t request_pages);
void told_fini(struct told *told);

/** For releasers whose trial->own is a struct told. */
int told_inflate(struct trial *trial);
int told_deflate(struct trial *trial);
int told_cycle(struct trial *trial, uint32_t first, uint32_t n);
const char *told_check(struct trial *trial);

#endif
