/* SPDX-License-Identifier: MIT */
/*
 * The tests' frame source, which does what it is told: fails at the n-th call, gives few frames at a time,
 * calls out. It knows whose each frame is, and holds what comes back against the host's counts.
 */
#ifndef SUPPORT_SOURCE_H
#define SUPPORT_SOURCE_H

#include <balloon/frames-ops.h>

#include "host.h"

struct source {
	struct balloon_frames frames;
	struct host *host;
	/* Called at the beginning of each allocation, with no lock held. Returning false makes it fail. */
	bool (*on_allocate)(void *context, uint64_t n_calls);
	void *context;
	uint32_t max_per_call; /* 0: as many as are asked for */

	struct runtime_lock lock; /* protects the rest */
	uint32_t n_pages;
	struct balloon_page *free; /* a stack */
	unsigned char *is_out;
	uint32_t n_free;
	uint32_t least_free; /* so few at any time */
	uint64_t n_calls;
	unsigned last_allocation; /* what it might do at the last call */
	uint64_t fail_at;         /* this call gets nothing, 0: none */
	const char *violation;
};

/** All n_pages frames are free. */
void source_init(struct source *source, uint32_t n_pages, struct host *host);
void source_fini(struct source *source);

/** Let the n-th allocation from now fail. */
void source_fail_at(struct source *source, uint64_t n);

/** Take frames as any other user of memory would. Returns how many. */
uint32_t source_take(struct source *source, struct balloon_page *pages, uint32_t n_pages);
void source_give(struct source *source, const struct balloon_page *pages, uint32_t n_pages);

uint32_t source_n_free(struct source *source);

#endif
