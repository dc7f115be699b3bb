/* SPDX-License-Identifier: MIT */
/* The pages that are in no balloon, shared by all threads of a run. */
#ifndef REPLAY_POOL_H
#define REPLAY_POOL_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include <balloon/balloon.h>

struct pool {
	pthread_mutex_t mutex;
	struct balloon_page *pages; /* a stack */
	uint32_t n_pages;
	uint32_t n_total;
};

/** Make a pool of pages 0 to n_total - 1. Returns 0, or -1: no memory. */
int pool_init(struct pool *pool, uint32_t n_total);
void pool_fini(struct pool *pool);

/** Returns false if there is no page, or (give) if there are too many. Threads: any. */
bool pool_take(struct pool *pool, struct balloon_page *page);
bool pool_give(struct pool *pool, struct balloon_page page);

/** Is each page of the pool there once? Returns 1, 0, or -1: no memory. */
int pool_is_sound(const struct pool *pool);

#endif
