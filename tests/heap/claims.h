/* SPDX-License-Identifier: MIT */
/*
 * Claims about heaps, in a plain program: jemalloc is the malloc() of it all, and a test runner that
 * forks for each test would be in the way of that.
 */
#ifndef HEAP_CLAIMS_H
#define HEAP_CLAIMS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <balloon/heap.h>
#include <balloon/madvise.h>

#include "check.h"
#include "deadlines.h"
#include "scale.h"

/** The first strategy that is built in. */
const struct balloon_strategy *some_strategy(void);

/** A heap of so many pages, as the config says otherwise. */
struct balloon_heap *make_heap(struct balloon_heap_config config, uint32_t n_pages);
/** Every frame is back in the zone, which is sound; then the heap ends. */
void end_heap(struct balloon_heap *heap);
struct balloon_heap_stats stats_of(struct balloon_heap *heap);
struct balloon_heap_usage usage_of(struct balloon_heap *heap);

/** A balloon on a heap: a driver, and the kernel as its host. */
struct balloon {
	struct balloon_channel *channel;
	struct balloon_driver *driver;
};

struct balloon make_balloon(struct balloon_heap *heap);
struct balloon make_balloon_of(
	struct balloon_heap *heap, const struct balloon_driver_design *design);
/** Make it hold so many pages. */
void bring_to(struct balloon *balloon, uint64_t n_pages);
/** Make it take all that is free. */
void inflate_all(struct balloon *balloon);
void end_balloon(struct balloon_heap *heap, struct balloon *balloon);
uint64_t n_inflated(struct balloon *balloon);

/** Write marks all over memory, of its address and a number, and see whether they are still there. */
void mark(void *memory, size_t size, uint32_t number);
bool is_marked(const void *memory, size_t size, uint32_t number);

void allocation_claims(void);
void calls_claims(void);
void caches_claims(void);
/** In a run of its own: with any argument. */
void caches_stress_claims(void);
void adapters_claims(void);
void balloon_claims(void);
void pool_claims(void);
void shortage_claims(void);
void range_claims(void);
void units_claims(void);
void arena_claims(void);

#endif
