/* SPDX-License-Identifier: MIT */
/* What takes a look at all of a heap to know. */

#define _GNU_SOURCE 1 /* mincore() */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "heap/arena.h"
#include "heap/heap.h"

enum { LOOK_PAGES = 1 << 16 }; /* in one call of the kernel's, and bytes of its answer */

static uint64_t n_set(const unsigned char *flags, size_t n)
{
	uint64_t n_set = 0;
	for (size_t i = 0; i < n; i++)
		n_set += flags[i] & 1;
	return n_set;
}

static int count_resident(
	const struct balloon_heap *heap, unsigned char *flags, uint64_t *n_resident)
{
	uint64_t n_pages = heap->size_bytes / BALLOON_HEAP_PAGE_SIZE;
	for (uint64_t page = 0; page < n_pages; page += LOOK_PAGES) {
		size_t n = n_pages - page < LOOK_PAGES ? (size_t)(n_pages - page) : LOOK_PAGES;
		char *start = heap->base + page * BALLOON_HEAP_PAGE_SIZE;
		if (mincore(start, n * BALLOON_HEAP_PAGE_SIZE, flags))
			return -errno;
		*n_resident += n_set(flags, n);
	}
	return 0;
}

static int look_at_pages(const struct balloon_heap *heap, uint64_t *n_resident)
{
	int saved = errno; /* the library leaves errno alone */
	unsigned char *flags = malloc(LOOK_PAGES);
	int result = flags ? count_resident(heap, flags, n_resident) : -ENOMEM;
	free(flags);
	errno = saved;
	return result;
}

int balloon_heap_usage(struct balloon_heap *heap, struct balloon_heap_usage *usage)
{
	uint64_t n_resident = 0;
	if (!heap || !usage)
		return -EINVAL;
	int result = look_at_pages(heap, &n_resident);
	if (result < 0)
		return result;
	usage->resident_bytes = n_resident * BALLOON_HEAP_PAGE_SIZE;
	balloon_arena_usage(heap, usage);
	return 0;
}
