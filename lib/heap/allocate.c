/* SPDX-License-Identifier: MIT */
/*
 * Allocating, as long as there is room: else shortage.c.
 *
 * No thread caches of jemalloc's own (MALLOCX_TCACHE_NONE): what lies in one, only its thread can give
 * back, and the balloon would wait for it. Those of caches.c, for a heap that has them, anybody can flush.
 */

#include "heap/allocate.h"
#include "heap/caches.h"
#include "heap/shortage.h"

static void *allocate(struct balloon_heap *heap, void *pointer, size_t size, int flags)
{
	flags |= (int)MALLOCX_ARENA(heap->arena) | MALLOCX_TCACHE_NONE;
	void *result = balloon_heap_try(pointer, size, flags);
	return result ? result : balloon_heap_allocate_short(heap, pointer, size, flags);
}

static void *noted(struct balloon_heap *heap, void *block)
{
	if (block && heap->number)
		balloon_cache_note(heap, block);
	return block;
}

void *balloon_heap_allocate_as(struct balloon_heap *heap, size_t size, int flags)
{
	return noted(heap, allocate(heap, NULL, size ? size : 1, flags));
}

/* What a thread cache has not at once. Not inline: most calls need neither this nor the registers that it
 * saves. */
__attribute__((noinline)) static void *allocate_past_cache(struct balloon_heap *heap, size_t size)
{
	void *block = NULL;
	if (heap->number && size <= BALLOON_CACHE_SIZE_MAX)
		block = balloon_cache_allocate(heap, size);
	return block ? block : balloon_heap_allocate_as(heap, size, 0);
}

void *balloon_heap_allocate(struct balloon_heap *heap, size_t size_bytes)
{
	struct balloon_cache *cache;
	if (!heap)
		return NULL;
	if (!heap->number || size_bytes > BALLOON_CACHE_SIZE_MAX ||
		!(cache = balloon_cache_here(heap)) || !balloon_cache_enter(cache))
		return allocate_past_cache(heap, size_bytes);
	void *block = balloon_cache_pop(balloon_cache_front_of(cache, size_bytes));
	bool is_quiet = balloon_cache_leave(cache);
	if (!block) /* that call finds out who wants the cache */
		return allocate_past_cache(heap, size_bytes);
	return is_quiet ? block : balloon_cache_yield(cache, block);
}

void *balloon_heap_allocate_aligned(
	struct balloon_heap *heap, size_t alignment_bytes, size_t size_bytes)
{
	if (!heap || alignment_bytes == 0 || alignment_bytes > heap->align_bytes ||
		(alignment_bytes & (alignment_bytes - 1)))
		return NULL;
	return balloon_heap_allocate_as(
		heap, size_bytes, MALLOCX_LG_ALIGN(__builtin_ctzll(alignment_bytes)));
}

void *balloon_heap_reallocate(struct balloon_heap *heap, void *pointer, size_t size_bytes)
{
	if (!heap || (pointer && !heap_has(heap, pointer)))
		return NULL;
	return noted(heap, allocate(heap, pointer, size_bytes ? size_bytes : 1, 0));
}

__attribute__((noinline)) static void free_past_cache(struct balloon_heap *heap, void *pointer)
{
	balloon_shortage_freed(heap, pointer);
	if (!heap->number || !balloon_cache_free(heap, pointer))
		dallocx(pointer, MALLOCX_TCACHE_NONE);
}

/* wanted: a cache that somebody wants; NULL. */
__attribute__((noinline)) static void end_free(
	struct balloon_heap *heap, void *pointer, bool is_done, struct balloon_cache *wanted)
{
	if (wanted)
		balloon_cache_yield(wanted, NULL);
	if (!is_done)
		free_past_cache(heap, pointer);
}

static void free_to_cache(struct balloon_heap *heap, struct balloon_cache *cache, void *pointer)
{
	uint32_t size_class =
		balloon_atomic_load(balloon_cache_page_class(heap, pointer), BALLOON_RELAXED);
	bool is_done = balloon_cache_push(&cache->fronts[size_class], pointer);
	bool is_quiet = balloon_cache_leave(cache);
	if (!is_done || !is_quiet)
		end_free(heap, pointer, is_done, is_quiet ? NULL : cache);
}

__attribute__((noinline, cold)) static void count_stray(struct balloon_heap *heap)
{
	heap_count(heap, &heap->n_strays, 1);
}

void balloon_heap_free(struct balloon_heap *heap, void *pointer)
{
	struct balloon_cache *cache;
	if (!heap || !pointer)
		return;
	if (!heap_has(heap, pointer))
		count_stray(heap);
	else if (balloon_shortage_counts(heap))
		free_past_cache(heap, pointer);
	else if (!heap->number)
		dallocx(pointer, MALLOCX_TCACHE_NONE);
	else if ((cache = balloon_cache_here(heap)) != NULL && balloon_cache_enter(cache))
		free_to_cache(heap, cache, pointer);
	else
		free_past_cache(heap, pointer);
}

size_t balloon_heap_usable_size(const struct balloon_heap *heap, const void *pointer)
{
	return heap && heap_has(heap, pointer) ? sallocx(pointer, 0) : 0;
}
