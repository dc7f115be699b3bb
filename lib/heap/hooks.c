/* SPDX-License-Identifier: MIT */
/*
 * Extents of the arena are ranges of the heap's zone.
 *
 * What jemalloc 5.3 asks for, as tried:
 *
 *  - With its option retain, the default on Linux, it first asks for address space in reserve, 2 MiB
 *    and more each time (alignment of a page, *commit false), cuts the extent out of it, and keeps the
 *    rest for ever: that never comes back through dalloc. Then, if it got nothing, it asks for the
 *    extent itself (*commit true). There is nothing in reserve here: the former is refused. So every
 *    extent has just the frames that it needs, and they all come back. Setting
 *    arena.<i>.retain_grow_limit does not do: the first request stays at 2 MiB, later ones are rounded
 *    up to size classes, and the rest is kept.
 *  - With both decay times at 0, what becomes free goes to dalloc at once. dalloc is always called for
 *    hooks of one's own, whatever retain says.
 *  - Large extents are a page longer than the allocation, which starts at a random cache line of it.
 *  - An extent may be freed in parts when its allocation shrinks, and free neighbours as one: hence
 *    split and merge agree. Frames have no memory of belonging together.
 *
 * The hooks run inside of mallocx() and dallocx(), whatever jemalloc holds then, and must not allocate.
 * They take the zone's lock and the heap's, which are leaves.
 */

#define _GNU_SOURCE 1 /* madvise() */

#include <string.h>
#include <sys/mman.h>

#include "core/probe.h"
#include "heap/shortage.h"

enum { ZERO_BY_KERNEL = 128 * 1024 }; /* bytes: from here on new pages cost less than zeros */

static struct balloon_heap *heap_of(extent_hooks_t *hooks)
{
	return (struct balloon_heap *)(void *)hooks;
}

static uint32_t n_pages_in(size_t size)
{
	return (uint32_t)(size / BALLOON_HEAP_PAGE_SIZE);
}

static struct balloon_page page_at(const struct balloon_heap *heap, const void *address)
{
	return balloon_page(n_pages_in((size_t)((const char *)address - heap->base)));
}

/* Whatever was there before, zeros are there now. */
static bool zero(void *address, size_t size)
{
	if (size >= ZERO_BY_KERNEL)
		return madvise(address, size, MADV_DONTNEED) == 0;
	memset(address, 0, size);
	return true;
}

/* A call that finds no room makes some for what it wanted here: shortage.c. base is aligned as far as any
 * allocation: an address is as its index. */
static int take_anywhere(
	struct balloon_heap *heap, uint32_t n, uint32_t align, struct balloon_page *first)
{
	struct shortage *shortage = balloon_shortage_here(heap);
	if (shortage && balloon_shortage_take(heap, shortage, n, align, first))
		return 0;
	int result = balloon_zone_allocate_range(heap->zone, n, align, first);
	if (result < 0 && shortage) {
		shortage->n_frames = n;
		shortage->align_frames = align;
	}
	return result;
}

/* Frames at one address, or anywhere. */
static int take(struct balloon_heap *heap, const void *wanted, size_t size, size_t alignment,
	struct balloon_page *first)
{
	if (size > heap->size_bytes)
		return -ENOMEM;
	if (!wanted)
		return take_anywhere(heap, n_pages_in(size), n_pages_in(alignment), first);
	*first = page_at(heap, wanted); /* past the last page the zone says no */
	return balloon_zone_take_frames(heap->zone, *first, n_pages_in(size));
}

/*
 * Contents are garbage of former lives, or zeros where a balloon was, and nobody knows which: *is_zero
 * stays false unless zeros were asked for.
 */
static void *extent_alloc(extent_hooks_t *hooks, void *wanted, size_t size, size_t alignment,
	bool *is_zero, bool *commit, unsigned arena)
{
	struct balloon_heap *heap = heap_of(hooks);
	struct balloon_page first;
	(void)arena;
	if (!*commit) /* a reserve, see above */
		return NULL;
	if (take(heap, wanted, size, alignment, &first) < 0)
		return NULL;
	void *address = heap->base + (size_t)first.index * BALLOON_HEAP_PAGE_SIZE;
	if (*is_zero && !zero(address, size)) {
		balloon_zone_free_range(heap->zone, first, n_pages_in(size));
		return NULL;
	}
	heap_count(heap, &heap->n_held, n_pages_in(size));
	BALLOON_PROBE(heap__take, heap, address, size);
	return address;
}

static bool give(struct balloon_heap *heap, void *address, size_t size)
{
	/* Counted first: the frames may be others' as soon as they are free. */
	heap_count(heap, &heap->n_held, -(uint64_t)n_pages_in(size));
	int result = balloon_zone_free_range(heap->zone, page_at(heap, address), n_pages_in(size));
	BALLOON_ASSERT(result == 0);
	BALLOON_PROBE(heap__give, heap, address, size);
	return result == 0;
}

/* True: no, keep it. */
static bool extent_dalloc(
	extent_hooks_t *hooks, void *address, size_t size, bool committed, unsigned arena)
{
	(void)committed;
	(void)arena;
	return !give(heap_of(hooks), address, size);
}

static void extent_destroy(
	extent_hooks_t *hooks, void *address, size_t size, bool committed, unsigned arena)
{
	(void)committed;
	(void)arena;
	give(heap_of(hooks), address, size);
}

/* jemalloc wants to know that zeros are there from now on, and to give the memory up meanwhile. */
static bool extent_purge_forced(extent_hooks_t *hooks, void *address, size_t size, size_t offset,
	size_t length, unsigned arena)
{
	(void)hooks;
	(void)size;
	(void)arena;
	return madvise((char *)address + offset, length, MADV_DONTNEED) != 0;
}

static bool extent_split(extent_hooks_t *hooks, void *address, size_t size, size_t size_a,
	size_t size_b, bool committed, unsigned arena)
{
	(void)hooks;
	(void)address;
	(void)size;
	(void)size_a;
	(void)size_b;
	(void)committed;
	(void)arena;
	return false; /* yes */
}

static bool extent_merge(extent_hooks_t *hooks, void *address_a, size_t size_a, void *address_b,
	size_t size_b, bool committed, unsigned arena)
{
	(void)hooks;
	(void)address_a;
	(void)size_a;
	(void)address_b;
	(void)size_b;
	(void)committed;
	(void)arena;
	return false; /* yes */
}

/*
 * No commit and no decommit: an extent either has its frames or goes back to the zone; in between there
 * is nothing. No lazy purge: with a muzzy decay time of 0 nobody would ask for it, and pages that the
 * kernel may take or not are not what a balloon counts.
 */
const extent_hooks_t balloon_heap_hooks = {
	.alloc = extent_alloc,
	.dalloc = extent_dalloc,
	.destroy = extent_destroy,
	.purge_forced = extent_purge_forced,
	.split = extent_split,
	.merge = extent_merge,
};
