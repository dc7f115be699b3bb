/* SPDX-License-Identifier: MIT */
/* The calls that programs make beside malloc(), realloc() and free(). */

#include <string.h>

#include "heap/allocate.h"
#include "heap/caches.h"

/*
 * jemalloc asks the extent hook for zeros where the block is an extent of its own, and the hook lets
 * the kernel bring them: what was never touched stays so.
 */
void *balloon_heap_calloc(struct balloon_heap *heap, size_t n_items, size_t item_bytes)
{
	size_t size;
	if (!heap)
		return NULL;
	if (__builtin_mul_overflow(n_items, item_bytes, &size))
		size = SIZE_MAX; /* what can never be is refused in one place */
	if (heap->number && size <= BALLOON_CACHE_SIZE_MAX) {
		void *block = balloon_heap_allocate(heap, size);
		return block ? memset(block, 0, size) : NULL;
	}
	return balloon_heap_allocate_as(heap, size, MALLOCX_ZERO);
}

char *balloon_heap_strndup(struct balloon_heap *heap, const char *string, size_t n_max)
{
	if (!heap || !string)
		return NULL;
	const char *end = memchr(string, '\0', n_max);
	size_t length = end ? (size_t)(end - string) : n_max;
	if (length == SIZE_MAX)
		return NULL;
	char *copy = balloon_heap_allocate(heap, length + 1);
	if (copy) {
		memcpy(copy, string, length);
		copy[length] = '\0';
	}
	return copy;
}

char *balloon_heap_strdup(struct balloon_heap *heap, const char *string)
{
	return string ? balloon_heap_strndup(heap, string, strlen(string)) : NULL;
}

bool balloon_heap_owns(const struct balloon_heap *heap, const void *pointer)
{
	return heap && heap_has(heap, pointer);
}

size_t balloon_heap_good_size(const struct balloon_heap *heap, size_t size_bytes)
{
	if (!heap || size_bytes > heap->size_bytes)
		return 0;
	return nallocx(size_bytes ? size_bytes : 1, 0);
}

int balloon_heap_resize(struct balloon_heap *heap, void *pointer, size_t size_bytes)
{
	if (!heap || !pointer || !heap_has(heap, pointer))
		return -EINVAL;
	if (size_bytes > heap->size_bytes)
		return -ENOMEM;
	size_t size = size_bytes ? size_bytes : 1;
	return xallocx(pointer, size, 0, MALLOCX_TCACHE_NONE) >= size ? 0 : -ENOMEM;
}

/* jemalloc believes the size that it is told, and a wrong one would ruin a slab: it is looked up. */
void balloon_heap_free_sized(struct balloon_heap *heap, void *pointer, size_t size_bytes)
{
	if (!heap || !pointer)
		return;
	if (heap_has(heap, pointer) && size_bytes <= sallocx(pointer, 0))
		balloon_heap_free(heap, pointer);
	else
		heap_count(heap, &heap->n_strays, 1);
}
