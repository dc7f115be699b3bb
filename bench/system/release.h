/* SPDX-License-Identifier: MIT */
/*
 * Release: all pages of the region are given up, request by request, taken back, and touched again.
 *
 * Pages are touched before; the release, the way back and the touching are timed apart. That the
 * memory is there before and gone afterwards is looked up page by page.
 */
#ifndef SYSTEM_RELEASE_H
#define SYSTEM_RELEASE_H

#include <balloon/channel-ops.h>

#include "system/region.h"
#include "system/system.h"

/** What the trials of a round have in common. */
struct release {
	struct region region;
	uint32_t request; /* pages of a request */
	bool has_neighbour;
};

/** Who releases. Each function returns 0, or a negative errno. */
struct releaser {
	const char *name, *kind, *channel, *call;

	size_t own_bytes;                 /* of trial->own: zeros */
	int (*open)(struct trial *trial); /* optional; after an error nothing is left */
	void (*close)(struct trial *trial);
	/** Release all pages, in the region's order. */
	int (*inflate)(struct trial *trial);
	/** Take them back. Optional. */
	int (*deflate)(struct trial *trial);
	/** Release n pages, at most a request, from the region's order, and take them back. Optional. */
	int (*cycle)(struct trial *trial, uint32_t first, uint32_t n);
	/** Hold everything against everything; all pages are back. NULL, or what is wrong. Optional. */
	const char *(*check)(struct trial *trial);
	/** A raw one's system call, on adjacent pages. */
	int (*give)(const struct region *region, struct balloon_page page, size_t n_pages);
};

static inline struct release *release_of(const struct trial *trial)
{
	return trial->round->shared;
}

static inline const struct region *region_of(const struct trial *trial)
{
	return &release_of(trial)->region;
}

/** What is held against: one call over everything; a call a page. */
int give_at_once(struct trial *trial);
int give_each(struct trial *trial);
int give_some(struct trial *trial, uint32_t first, uint32_t n);

/* Channels as releasers: requests are prepared, submitted, waited for, one after the other. */

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

/** What is held against; NULL after the last. */
extern const struct releaser *const raw_releasers[];
/** What the library offers; the driver once for each design. */
extern const struct releaser *const channel_releasers[];
extern const struct releaser driver_releaser;
/** On shared memory: raw ones, and the channel. */
extern const struct releaser *const memfd_releasers[];

/** trial->how is a releaser. */
extern const struct trial_ops release_ops;

#endif
