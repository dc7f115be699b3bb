/* SPDX-License-Identifier: MIT */
/* A heap, inside. */
#ifndef BALLOON_HEAP_PARTS_H
#define BALLOON_HEAP_PARTS_H

/* Where jemalloc was built with a prefix: the names of its header are those of its library. */
#define JEMALLOC_MANGLE
#include <jemalloc/jemalloc.h>

#include <balloon/heap.h>
#include <balloon/strategy.h>

struct balloon_heap {
	extent_hooks_t hooks; /* constant; the first member, for the hooks */
	char *base;           /* constant, as all up to the lock */
	uint64_t size_bytes;
	struct balloon_memmap *map;
	struct balloon_zone *zone;
	unsigned arena;
	uint64_t shortage_ns;
	bool (*shortage)(void *context, size_t size_bytes);
	void *shortage_context;
	struct balloon_driver *driver; /* the caller serialises */
	struct balloon_heap *next;     /* of all heaps: fork.c */
	/* Calls that ask the program to give something up, and the bytes that were freed meanwhile. */
	struct balloon_atomic_u32 n_asking;
	struct balloon_atomic_word freed_bytes;
	struct balloon_atomic_u32 n_shortages_now;
	struct balloon_event relieved; /* signalled under no lock when is_relieving has ended */
	struct balloon_atomic_word n_contended;
	struct balloon_lock books; /* protects the rest */
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

/** Raise one of the counts by so many. */
static inline void heap_book(struct balloon_heap *heap, uint64_t *count, uint64_t difference)
{
	balloon_lock_acquire(&heap->books);
	BALLOON_BOOK(*count, difference);
	balloon_lock_release(&heap->books);
}

/** What the arena calls. */
extern const extent_hooks_t balloon_heap_hooks;

/** The arena. Each returns 0 or a negative errno. */
int balloon_arena_create(struct balloon_heap *heap, uint32_t decay_ms);
int balloon_arena_destroy(struct balloon_heap *heap);
int balloon_arena_purge(struct balloon_heap *heap);
uint64_t balloon_arena_allocated_bytes(const struct balloon_heap *heap);

#endif
