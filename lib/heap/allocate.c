/* SPDX-License-Identifier: MIT */
/*
 * Allocating, as long as there is room: else shortage.c.
 *
 * No thread caches (MALLOCX_TCACHE_NONE): what lies in the cache of a thread, only that thread can
 * give back, and the balloon would wait for it. A pair of calls costs 50 ns in place of 17, tried with
 * 64 bytes from a slab in use.
 */

#include "shortage.h"

enum { ALIGNMENT_MAX = 4 << 20 };

static void *allocate(struct balloon_heap *heap, void *pointer, size_t size, int flags)
{
	flags |= (int)MALLOCX_ARENA(heap->arena) | MALLOCX_TCACHE_NONE;
	void *result = balloon_heap_try(pointer, size, flags);
	return result ? result : balloon_heap_allocate_short(heap, pointer, size, flags);
}

void *balloon_heap_allocate(struct balloon_heap *heap, size_t size_bytes)
{
	return heap ? allocate(heap, NULL, size_bytes ? size_bytes : 1, 0) : NULL;
}

void *balloon_heap_allocate_aligned(
	struct balloon_heap *heap, size_t alignment_bytes, size_t size_bytes)
{
	if (!heap || alignment_bytes == 0 || alignment_bytes > ALIGNMENT_MAX ||
		(alignment_bytes & (alignment_bytes - 1)))
		return NULL;
	return allocate(heap, NULL, size_bytes ? size_bytes : 1, MALLOCX_ALIGN(alignment_bytes));
}

void *balloon_heap_reallocate(struct balloon_heap *heap, void *pointer, size_t size_bytes)
{
	if (!heap || (pointer && !heap_has(heap, pointer)))
		return NULL;
	return allocate(heap, pointer, size_bytes ? size_bytes : 1, 0);
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
	dallocx(pointer, MALLOCX_TCACHE_NONE);
}

size_t balloon_heap_usable_size(const struct balloon_heap *heap, const void *pointer)
{
	return heap && heap_has(heap, pointer) ? sallocx(pointer, 0) : 0;
}
