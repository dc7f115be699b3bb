/* SPDX-License-Identifier: MIT */
/* The arena of jemalloc's that a heap is. */
#ifndef BALLOON_HEAP_ARENA_H
#define BALLOON_HEAP_ARENA_H

#include "heap/heap.h"

/** The arena. Each returns 0 or a negative errno. */
int balloon_arena_create(struct balloon_heap *heap, uint32_t decay_ms);

int balloon_arena_destroy(struct balloon_heap *heap);

int balloon_arena_purge(struct balloon_heap *heap);

/** What jemalloc counts in the arena: 0 where it was built without statistics. */
void balloon_arena_usage(const struct balloon_heap *heap, struct balloon_heap_usage *usage);

#endif
