/* SPDX-License-Identifier: MIT */
/* Thread caches of a heap: see caches.c. What most calls need is here, for allocate.c to have it inline. */
#ifndef BALLOON_HEAP_CACHES_H
#define BALLOON_HEAP_CACHES_H

#include "heap/heap.h"

enum {
	BALLOON_CACHE_SIZE_MAX = 4096, /* bytes: larger blocks are not cached */
	BALLOON_CACHE_GRAIN = 16,      /* bytes: size classes from here on are multiples of it */
	BALLOON_CACHE_GRAINS = BALLOON_CACHE_SIZE_MAX / BALLOON_CACHE_GRAIN,
	BALLOON_CACHE_CLASSES = 32,
	BALLOON_CACHE_PLACES = 4, /* heaps that a thread finds the cache of at once */
};

/* Blocks of one size class, from base on; top is past the last one. What has no room is full at base. */
struct balloon_cache_front {
	void **top;
	void **full;
	void **base;
	uint32_t block_bytes;
};

struct balloon_cache {
	struct balloon_atomic_u32 is_busy;   /* the owner's */
	struct balloon_atomic_u32 is_wanted; /* written under the mutex */
	struct balloon_heap *heap;           /* NULL: it has ended */
	uint64_t heap_number;
	struct balloon_cache *next_of_heap;
	struct balloon_cache *next_of_thread;
	int flags; /* of jemalloc's calls: its cache behind, or none */
	bool is_backed;
	unsigned back;
	struct balloon_cache_front fronts[BALLOON_CACHE_CLASSES];
	void *slots[]; /* of all fronts */
};

extern _Thread_local __attribute__((tls_model("initial-exec"))) struct balloon_cache_place {
	uint64_t heap_number;
	struct balloon_cache *cache; /* NULL: there is none for this thread, or heap */
} balloon_cache_places[BALLOON_CACHE_PLACES];

/** Constant after the first heap with caches. A size of 0 is taken for 1. */
extern uint8_t balloon_cache_class_of_grains[BALLOON_CACHE_GRAINS + 1];

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

/* ---- What most calls need -------------------------------------------------------------------- */

/** This thread's cache; NULL: there is none, or it is not found at once. */
static inline struct balloon_cache *balloon_cache_here(const struct balloon_heap *heap)
{
	const struct balloon_cache_place *place =
		&balloon_cache_places[heap->number % BALLOON_CACHE_PLACES];
	return place->heap_number == heap->number ? place->cache : NULL;
}

/** Begin to use it (V1). False: somebody wants it, and the owner has not begun. */
static inline bool balloon_cache_enter(struct balloon_cache *cache)
{
	balloon_atomic_store(&cache->is_busy, 1, BALLOON_RELAXED);
	balloon_compiler_fence();
	if (__builtin_expect(!balloon_atomic_load(&cache->is_wanted, BALLOON_ACQUIRE), 1)) {
		balloon_hook_observed(&cache->is_wanted);
		return true;
	}
	balloon_hook_published(&cache->is_busy);
	balloon_atomic_store(&cache->is_busy, 0, BALLOON_RELEASE);
	return false;
}

/** End it (V2). False: somebody has come to want it; balloon_cache_yield(). */
static inline bool balloon_cache_leave(struct balloon_cache *cache)
{
	balloon_hook_published(&cache->is_busy);
	balloon_atomic_store(&cache->is_busy, 0, BALLOON_RELEASE);
	balloon_compiler_fence();
	return __builtin_expect(!balloon_atomic_load(&cache->is_wanted, BALLOON_RELAXED), 1);
}

/** Somebody wants the blocks: either has them by now, or the owner gives them. Returns the block, which the
 * owner has taken. */
void *balloon_cache_yield(struct balloon_cache *cache, void *block);

static inline struct balloon_cache_front *balloon_cache_front_of(
	struct balloon_cache *cache, size_t size)
{
	return &cache->fronts[balloon_cache_class_of_grains[(size + BALLOON_CACHE_GRAIN - 1) /
							    BALLOON_CACHE_GRAIN]];
}

/** By page, what blocks lie there. */
static inline struct balloon_atomic_u8 *balloon_cache_page_class(
	const struct balloon_heap *heap, const void *block)
{
	return &heap->page_classes[(size_t)((const char *)block - heap->base) /
				   BALLOON_HEAP_PAGE_SIZE];
}

/** A block, while the cache is entered; NULL: there is none in front. */
static inline void *balloon_cache_pop(struct balloon_cache_front *front)
{
	void **top = front->top;
	if (__builtin_expect(top == front->base, 0))
		return NULL;
	front->top = top - 1;
	return top[-1];
}

/** The other way; false: there is no room in front. */
static inline bool balloon_cache_push(struct balloon_cache_front *front, void *block)
{
	void **top = front->top;
	if (__builtin_expect(top == front->full, 0))
		return false;
	*top = block;
	front->top = top + 1;
	return true;
}

#endif
