/* SPDX-License-Identifier: MIT */
/* Thread caches of a heap: see caches.c. */
#ifndef BALLOON_HEAP_CACHES_H
#define BALLOON_HEAP_CACHES_H

#include <stdbool.h>
#include <stddef.h>

struct balloon_heap;

enum { BALLOON_CACHE_SIZE_MAX = 4096 }; /* bytes: larger blocks are not cached */

/** Before the heap is shared. Returns 0; -ENOMEM: the system has no more thread keys. */
int balloon_caches_init(struct balloon_heap *heap);
/** Nobody is inside the heap any more. Its blocks are the arena's again. */
void balloon_caches_fini(struct balloon_heap *heap);

/** A block of so many bytes or more, from this thread's cache; NULL: the arena has none at once. */
void *balloon_cache_allocate(struct balloon_heap *heap, size_t size);
/** A block of a heap with caches has come from jemalloc past them. */
void balloon_cache_note(struct balloon_heap *heap, const void *block);
/** Take a block of the heap into this thread's cache; false: it is not for caches. */
bool balloon_cache_free(struct balloon_heap *heap, void *block);

/** Give the arena what all caches have, those of threads that are in the middle of a call when that ends. */
void balloon_caches_flush(struct balloon_heap *heap);

/** Over a fork nobody changes caches. In the child those of other threads are left as they are, for good. */
void balloon_caches_before_fork(void);
void balloon_caches_after_fork(void);
void balloon_caches_abandon(struct balloon_heap *heap);

#endif
