/* SPDX-License-Identifier: MIT */
/*
 * Allocating, as long as there is room: else shortage.c.
 *
 * No thread caches of jemalloc's own (MALLOCX_TCACHE_NONE): what lies in one, only its thread can give
 * back, and the balloon would wait for it. Those of caches.c, for a heap that has them, anybody can flush.
 */

#include "shortage.h"

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

void *balloon_heap_allocate(struct balloon_heap *heap, size_t size_bytes)
{
	void *block = NULL;
	if (!heap)
		return NULL;
	if (heap->number && size_bytes <= BALLOON_CACHE_SIZE_MAX)
		block = balloon_cache_allocate(heap, size_bytes ? size_bytes : 1);
	return block ? block : balloon_heap_allocate_as(heap, size_bytes, 0);
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

void balloon_heap_free(struct balloon_heap *heap, void *pointer)
{
	if (!heap || !pointer)
		return;
	if (!heap_has(heap, pointer)) {
		heap_book(heap, &heap->n_strays, 1);
		return;
	}
	balloon_shortage_freed(heap, pointer);
	if (!heap->number || !balloon_cache_free(heap, pointer))
		dallocx(pointer, MALLOCX_TCACHE_NONE);
}

size_t balloon_heap_usable_size(const struct balloon_heap *heap, const void *pointer)
{
	return heap && heap_has(heap, pointer) ? sallocx(pointer, 0) : 0;
}
