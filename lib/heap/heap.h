/* SPDX-License-Identifier: MIT */
/* A heap, inside. */
#ifndef BALLOON_HEAP_HEAP_H
#define BALLOON_HEAP_HEAP_H

/* Where jemalloc was built with a prefix: the names of its header are those of its library. */
#define JEMALLOC_MANGLE
#include <jemalloc/jemalloc.h>

#include <balloon/frames-ops.h>
#include <balloon/heap.h>
#include <balloon/sync.h>

struct balloon_heap {
	extent_hooks_t hooks; /* constant; the first member, for the hooks */
	char *base;           /* constant, as all up to the lock */
	uint64_t size_bytes;
	uint64_t align_bytes; /* a power of two: base is a multiple of it */
	uint32_t unit_order;  /* of frames in a page of the map */
	struct balloon_memmap *map;
	struct balloon_zone *zone;
	unsigned arena;
	uint64_t shortage_ns;
	bool (*shortage)(void *context, size_t size_bytes);
	void *shortage_context;
	struct balloon_driver *driver; /* the caller serialises */
	struct balloon_heap *next;     /* of all heaps: fork.c */
	bool is_inherited; /* constant: in a child, whose map and driver are its parent's */
	struct balloon_atomic_u32
		has_parents_balloon; /* and is not taken yet; written under fork.c's mutex */
	/* Calls that ask the program to give something up, and the bytes that were freed meanwhile. */
	struct balloon_atomic_u32 n_asking;
	struct balloon_atomic_word freed_bytes;
	struct balloon_atomic_u32 n_shortages_now;
	/* Stretches that they reserve: counted before one is, and after it is not any more. */
	struct balloon_atomic_u32 n_stretches_begun;
	struct balloon_atomic_u32 n_stretches_ended;
	struct balloon_event relieved; /* signalled under no lock when is_relieving has ended */
	uint64_t number; /* constant: never another heap's; 0: without thread caches */
	struct balloon_atomic_u8 *page_classes; /* for caches: by page, what blocks lie there */
	struct balloon_cache *caches;           /* of all threads, under the mutex of caches.c */
	struct balloon_atomic_word n_contended;
	struct balloon_lock lock; /* protects the rest */
	struct shortage *shortages;
	bool is_relieving; /* for all calls that want little */
	uint64_t n_held;
	uint64_t n_failures;
	uint64_t n_reliefs;
	uint64_t n_relieved;
	uint64_t n_moved;
	uint64_t n_shortages;
	uint64_t n_strays;
};

static inline bool heap_has(const struct balloon_heap *heap, const void *pointer)
{
	return (uintptr_t)pointer - (uintptr_t)heap->base < heap->size_bytes;
}

/** Frames for the balloon: pages of the map. */
static inline struct balloon_frames *heap_units(const struct balloon_heap *heap)
{
	return balloon_zone_units(heap->zone);
}

/** Raise one of the counts by so many. */
static inline void heap_count(struct balloon_heap *heap, uint64_t *count, uint64_t difference)
{
	balloon_lock_acquire(&heap->lock);
	BALLOON_ADD(*count, difference);
	balloon_lock_release(&heap->lock);
}

/** What the arena calls. */
extern const extent_hooks_t balloon_heap_hooks;

#endif
