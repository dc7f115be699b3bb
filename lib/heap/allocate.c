/* SPDX-License-Identifier: MIT */
/*
 * Allocating, and what is done when there is no room.
 *
 * No thread caches of jemalloc's own (MALLOCX_TCACHE_NONE): what lies in one, only its thread can give
 * back, and the balloon would wait for it. Those of caches.c, for a heap that has them, anybody can flush.
 */

#include "parts.h"

enum {
	/* Pages, as in Linux since 3.8: few at a time would leave a hole each, too small for the next
	 * allocation of this size. */
	RELIEF_MIN = 256,
	NS_PER_MS = 1000000,
};

static uint32_t n_pages_for(size_t size)
{
	size_t n = size / BALLOON_HEAP_PAGE_SIZE + 2; /* begun ones, and the extent's page more */
	return n > RELIEF_MIN ? (uint32_t)n : RELIEF_MIN;
}

/* Another thread is being relieved, or a fill is under way: what it brings may do. */
static void wait_a_little(void)
{
	const uint32_t word = 0;
	balloon_platform_wait_until(&word, 0, balloon_platform_now_ns() + NS_PER_MS);
}

/* Ask the balloon. Returns whether it is worth trying again. */
static bool relieve(struct balloon_heap *heap, size_t size)
{
	if (!heap->driver)
		return false;
	int result = balloon_driver_relieve(heap->driver, n_pages_for(size), NULL);
	balloon_lock_acquire(&heap->books);
	BALLOON_BOOK(heap->n_reliefs, 1);
	if (result > 0)
		BALLOON_BOOK(heap->n_relieved, (uint64_t)result);
	balloon_lock_release(&heap->books);
	if (result == -EBUSY || result == -EAGAIN)
		wait_a_little();
	return result > 0 || result == -EBUSY || result == -EAGAIN;
}

static bool ask_program(struct balloon_heap *heap, size_t size)
{
	if (!heap->shortage)
		return false;
	heap_book(heap, &heap->n_shortages, 1);
	return heap->shortage(heap->shortage_context, size);
}

static uint64_t n_held(struct balloon_heap *heap)
{
	balloon_lock_acquire(&heap->books);
	uint64_t n = BALLOON_READ(heap->n_held);
	balloon_lock_release(&heap->books);
	return n;
}

/* With a decay time the arena may have memory in a form that does not fit. Returns whether it had. */
static bool purge(struct balloon_heap *heap)
{
	uint64_t n_before = n_held(heap);
	balloon_arena_purge(heap);
	return n_held(heap) < n_before;
}

/* The try number `n_tried` failed. Returns whether there is to be another one. In a kernel's order:
 * what can be had again is given up first, and the balloon last. */
static bool make_room(struct balloon_heap *heap, size_t size, uint32_t n_tried)
{
	if (n_tried > heap->n_retries)
		return false;
	return (n_tried == 1 && purge(heap)) || ask_program(heap, size) || relieve(heap, size);
}

static void *allocate(struct balloon_heap *heap, void *pointer, size_t size, int flags)
{
	flags |= (int)MALLOCX_ARENA(heap->arena) | MALLOCX_TCACHE_NONE;
	for (uint32_t n_tried = 1; size <= heap->size_bytes; n_tried++) {
		void *result = pointer ? rallocx(pointer, size, flags) : mallocx(size, flags);
		if (result)
			return result;
		if (!make_room(heap, size, n_tried))
			break;
	}
	heap_book(heap, &heap->n_failures, 1);
	return NULL;
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
	if (!heap_has(heap, pointer))
		heap_book(heap, &heap->n_strays, 1);
	else if (!heap->number || !balloon_cache_free(heap, pointer))
		dallocx(pointer, MALLOCX_TCACHE_NONE);
}

size_t balloon_heap_usable_size(const struct balloon_heap *heap, const void *pointer)
{
	return heap && heap_has(heap, pointer) ? sallocx(pointer, 0) : 0;
}
