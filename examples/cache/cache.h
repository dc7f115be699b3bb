/* SPDX-License-Identifier: MIT */
/* The process: a table in a heap, a balloon on that heap, and how large all of it is to be. */
#ifndef CACHE_CACHE_H
#define CACHE_CACHE_H

#include <pthread.h>

#include <balloon/pool.h>

#include "table.h"

enum { MIB = 1 << 20, TARGETS_MAX = 64 };
#define NS_PER_S  UINT64_C(1000000000)
#define NS_PER_MS UINT64_C(1000000)

struct cache {
	/* Set by options. */
	uint64_t heap_mib;
	uint32_t n_threads;
	uint32_t n_keys;
	uint64_t deadline_s;
	bool is_waiting; /* for a line from standard input, at each target */
	uint64_t targets_mib[TARGETS_MAX];
	uint32_t n_targets;

	struct balloon_pool *pool;
	struct balloon_heap *heap;     /* the pool's */
	struct balloon_driver *driver; /* the pool's */
	struct table *table;
	int64_t other_bytes; /* resident memory of the process that is not the heap's */

	pthread_mutex_t lock; /* protects the rest */
	bool is_over;
	uint64_t n_full; /* how often an entry found no room */
};

/** Say what is wrong, and end with status 1. */
_Noreturn void fail(const char *what);

/** How often an entry found no room up to now; whether serving is over. */
uint64_t n_full(struct cache *c, bool *is_over);

/* build.c: the parts. Taking them apart fails if anything was lost. */
void build(struct cache *c);
void take_apart(struct cache *c);

/* steer.c: bring the process to its first size, before it serves; to a size, and hold it there. */
void begin_at(struct cache *c, int64_t target);
void go_to(struct cache *c, int64_t target);

#endif
