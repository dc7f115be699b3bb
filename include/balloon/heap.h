/* SPDX-License-Identifier: MIT */
/**
 * balloon_heap: a jemalloc arena on balloon frames, which allocates without thread caches unless told to.
 * A program that allocates much should tell it to (thread_caches in its configuration, see below).
 *
 * A program's allocations and its balloon compete for the same memory.
 *
 * A heap is a stretch of address space, a memory map of its pages, a zone of its frames, and an arena
 * whose extents come from that zone. A driver on the heap's map, with the heap's zone as its frame
 * source and a madvise channel as its host, inflates from what the heap has free, and what it has
 * inflated the heap cannot allocate:
 *
 *     balloon_heap_create(&config, &heap);
 *     ... a channel on balloon_heap_base(heap), page i of the map being at base + 4096 * i
 *         (or unit_bytes * i, see below);
 *     ... a driver with .map = balloon_heap_memmap(heap),
 *                       .frames = balloon_zone_units(balloon_heap_zone(heap));
 *     balloon_heap_set_driver(heap, driver);
 *
 * When an allocation finds no room, the program's own `shortage` is called, if it has one, until it gave
 * up as much as is wanted or has nothing to give. Then a stretch of frames is reserved that nobody has but
 * the balloon, and cleared: what the balloon has of it is moved to frames that are free elsewhere, if there
 * are enough, else deflated, and the allocation gets it. So an allocation fails if there is no such stretch,
 * and costs the balloon no more than its own size (or 1 MiB, for the next small ones), in whole units. All
 * of that happens outside of any lock, and of calls that want little at once one does it for all.
 *
 * What linking this does to a program. It is in a library of its own, libballoon-jemalloc, because it
 * needs jemalloc; the core does not. jemalloc as distributions build it defines malloc(), free() and
 * the rest: from the moment that the library is linked, malloc() of the whole process is jemalloc's.
 * Ordinary malloc() does not allocate from heaps: it has arenas of its own, which no balloon sees.
 * And what a heap allocated must be freed by balloon_heap_free(), not by free(): jemalloc would take
 * it, and hand it out for malloc() from a cache of its own.
 *
 * Thread caches. With them blocks of up to 4 KiB that a thread freed wait for its next allocation of their
 * size: 8 ns for an allocation and its end in place of 50, as with malloc()'s own. They are not free
 * meanwhile, for the balloon as for other threads: up to 2 MiB of blocks for each thread and heap that it
 * uses, any of which may be all that keeps a slab, of up to 28 KiB, from going back. What all threads have so
 * goes back when an allocation finds no room, by balloon_heap_purge() and balloon_heap_set_driver(), whoever
 * calls them; when a thread ends, what it has. A thread that is inside a call just then gives its own back
 * at the end of that call, so purge again to be sure; where the kernel has no membarrier(), since 4.14,
 * each thread does so with its next call. Program and balloon share best if whoever raises the target
 * purges. Behind our 16 to 128 blocks of each size stands a cache of jemalloc's, which has some 4,000 of these
 * for a process: threads times heaps. The next thread gets ours alone.
 *
 * Loading it at run time, by dlopen(), fails: jemalloc, as distributions build it, wants its thread-local data in
 * memory that the C library sets aside at the start of a program ("cannot allocate memory in static TLS
 * block"). With the environment LD_PRELOAD=libjemalloc.so.2, or with glibc 2.33 and later
 * GLIBC_TUNABLES=glibc.rtld.optional_static_tls=4096, it works.
 *
 * How many. A process has some 4,000 heaps at once, as jemalloc has arenas: balloon_heap_create() says -ENODEV
 * from then on. Systems with pages of other sizes than 4096 bytes have none.
 *
 * Locked memory. A heap's memory is not locked, though the process said MCL_FUTURE: what is locked cannot be given
 * back. A program that locks it (mlock(), mlockall(MCL_CURRENT)) has the kernel refuse what the balloon wants.
 *
 * Contents. A page that comes back from a balloon, or was freed before, holds zeros or anything.
 *
 * Fork. A heap survives the fork of a program with threads, as malloc() does: the child has what the thread
 * that forked had allocated, what others had stays allocated, and it allocates and frees in memory of its
 * own. Its heaps have no driver, and it calls neither driver nor channel of its parent; but what the balloon
 * had is free memory in the child, from its first allocation on that finds no other: nothing lies there, and
 * the parent's balloon is as full as before. So a server with a full balloon can have a child write its
 * snapshot. A child that is to keep less than its parent could makes a heap of its own.
 * balloon_heap_create() registers the handlers. A fork from a function of the program that a heap calls is not
 * allowed, nor is vfork() followed by any call.
 *
 * Threads. Any number of threads may make any calls on one heap at once, but for create, destroy and
 * set_driver. Locks: jemalloc's, the zone's, and the heap's own, a leaf. No user code runs under
 * any of them.
 */
#ifndef BALLOON_HEAP_H
#define BALLOON_HEAP_H

#include <balloon/balloon.h>
#include <balloon/driver.h>
#include <balloon/zone.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { BALLOON_HEAP_PAGE_SIZE = 4096 }; /* bytes; jemalloc must have been built for it */

struct balloon_heap;

/** What a heap is to be. Zero-initialise it and set what differs. */
struct balloon_heap_config {
	/** The design of the memory map. */
	const struct balloon_strategy *strategy;
	/** How large it is: a multiple of 4096, up to BALLOON_PAGES_MAX pages. Address space: memory is
	 * used for what is touched. */
	uint64_t size_bytes;
	/**
	 * What the balloon takes and gives at once, bytes: a page of the heap's map. A power of two, up to
	 * 4 MiB, of which size_bytes is a multiple; 0 means 4096. With 2 MiB, say, and huge_pages, the kernel
	 * gets whole huge pages, and has no holes to fill; the balloon takes what is free in whole units alone,
	 * and an allocation that finds no room has whole ones deflated.
	 */
	uint32_t unit_bytes;
	/** Device slots of the map; 0 means BALLOON_DRIVER_DEVICES, enough for one driver. */
	uint32_t n_devices;
	/**
	 * How long the arena keeps memory that was freed, before it goes back to the zone: milliseconds.
	 * 0: not at all, so that the balloon finds every free frame. More saves work for a program that
	 * frees and allocates much, until balloon_heap_purge() or a shortage.
	 */
	uint32_t decay_ms;
	/** How long one allocation may take in all to make room for itself, milliseconds; 0 means 10 s. */
	uint32_t shortage_ms;
	/** Keep freed blocks of up to 4 KiB for the thread that freed them: see the head of this file. */
	bool thread_caches;
	/**
	 * Let the kernel back the heap with huge pages. Not by default: it fills holes again that a
	 * balloon made in them, so that the process grows by what it gave back.
	 */
	bool huge_pages;
	/**
	 * Called when an allocation of so many bytes found no room: say, to evict from a cache. Called
	 * without locks; it may call anything but what allocates from this heap. Returns whether it gave
	 * something up: then it is called again, until as many bytes were freed as are wanted, 1 MiB at least; if it has
	 * nothing, or frees nothing, the balloon is asked. Optional.
	 */
	bool (*shortage)(void *context, size_t size_bytes);
	void *shortage_context;
};

/**
 * Make a heap. All its frames are free.
 *
 * Returns 0; -ENOENT: strategy is NULL; -EINVAL: another null pointer, a size or slots out of bounds, a
 * strategy that a map refuses;
 * -ENOMEM: of address space, or of memory for map and zone (ordinary memory: what the strategy's
 * descriptors take, 12 to 32 bytes a page, and three tenths of a byte a page; with thread caches one more);
 * -ENODEV: jemalloc has
 * another page size, or makes no arena. Context: thread.
 */
BALLOON_EXPORT int balloon_heap_create(
	const struct balloon_heap_config *config, struct balloon_heap **heap);

/**
 * End a heap, its map, its zone, and all that is allocated in it.
 *
 * Returns 0; -EINVAL; -EBUSY: a driver is on its map, or somebody else than the heap has frames of its
 * zone: nothing has changed. Threads: the caller serialises it against every other call.
 * jemalloc keeps 2 MiB of address space of each heap that there was, without memory in it, unless the
 * program runs with its option retain:false. Context: thread.
 */
BALLOON_EXPORT int balloon_heap_destroy(struct balloon_heap *heap);

/** Parts of a heap; they live as long as it does. NULL for a null heap. Context: any. */
BALLOON_EXPORT struct balloon_memmap *balloon_heap_memmap(const struct balloon_heap *heap);
BALLOON_EXPORT struct balloon_zone *balloon_heap_zone(const struct balloon_heap *heap);
/** The address of page 0: a multiple of 4 MiB, and of the largest power of two up to the heap's size,
 * unless address space is too scarce for that. Context: any. */
BALLOON_EXPORT void *balloon_heap_base(const struct balloon_heap *heap);

/**
 * Say whose balloon is to be relieved when memory runs out; NULL: none. It is on the heap's map, and
 * outlives its time here. Returns 0; -EINVAL: a null heap; -EXDEV: a driver of another map; -EBUSY: a
 * driver, in a child of fork(), where the map is its parent's.
 * Threads: the caller serialises it against allocations. Context: thread.
 */
BALLOON_EXPORT int balloon_heap_set_driver(
	struct balloon_heap *heap, struct balloon_driver *driver);

/**
 * Allocate, as malloc(), calloc(), aligned_alloc() and realloc() do.
 *
 * alignment_bytes: a power of two, up to the heap's size or 4 MiB if that is more. A size of 0 is taken
 * for 1. pointer: NULL, or from this heap; when reallocation fails, it is what it was.
 * Returns NULL: no memory, though the balloon was relieved, or a parameter that cannot be: a size above
 * the heap's, say, or n_items times item_bytes beyond what a size can be.
 * Zeros: from 128 KiB on the kernel brings them, when a page is touched; smaller blocks are written.
 * Cost: a lock of jemalloc's even for the smallest ones, unless a thread cache has the block. Where frames
 * are needed or become free, twenty times that: an allocation and its end cost 50 ns and 1 us.
 * Threads: any. May sleep: for the balloon's host, in relief. Context: thread.
 */
BALLOON_EXPORT void *balloon_heap_allocate(struct balloon_heap *heap, size_t size_bytes);
BALLOON_EXPORT void *balloon_heap_calloc(
	struct balloon_heap *heap, size_t n_items, size_t item_bytes);
BALLOON_EXPORT void *balloon_heap_allocate_aligned(
	struct balloon_heap *heap, size_t alignment_bytes, size_t size_bytes);
BALLOON_EXPORT void *balloon_heap_reallocate(
	struct balloon_heap *heap, void *pointer, size_t size_bytes);

/** A copy of a string, of n_max bytes of it at most. NULL: as allocate, or a null pointer.
 * Context: thread. */
BALLOON_EXPORT char *balloon_heap_strdup(struct balloon_heap *heap, const char *string);
BALLOON_EXPORT char *balloon_heap_strndup(
	struct balloon_heap *heap, const char *string, size_t n_max);

/**
 * Make a block larger or smaller where it is.
 *
 * pointer: from this heap. Its contents stay, up to the smaller of both sizes.
 * Returns 0: so many bytes may be used; -ENOMEM: not in place, and nothing has changed; -EINVAL: a null
 * pointer, or one from elsewhere. A small block moves within its size class (balloon_heap_good_size()),
 * a large one shrinks to any size, and its frames go back; it grows into frames past it that are free
 * only if jemalloc asks for them, which its option retain:false makes it do. Threads: any. Asks nobody
 * for room. Context: thread.
 */
BALLOON_EXPORT int balloon_heap_resize(struct balloon_heap *heap, void *pointer, size_t size_bytes);

/** Free what this heap allocated; NULL is nothing. What lies outside of the heap is left alone, and
 * counted. Context: thread. */
BALLOON_EXPORT void balloon_heap_free(struct balloon_heap *heap, void *pointer);

/** The same, told how large the block is: as asked for, or usable, or between. A size that the block
 * does not have shows a mistake: it is left alone, and counted as a stray. Context: thread. */
BALLOON_EXPORT void balloon_heap_free_sized(
	struct balloon_heap *heap, void *pointer, size_t size_bytes);

/** How many bytes may be used there, at least as many as were asked for; 0 for what is not the heap's.
 * Context: thread.
 */
BALLOON_EXPORT size_t balloon_heap_usable_size(
	const struct balloon_heap *heap, const void *pointer);

/** How many bytes could be used if so many were allocated: asking for them wastes nothing. 0: more than
 * the heap could have, or a null heap. Context: any. */
BALLOON_EXPORT size_t balloon_heap_good_size(const struct balloon_heap *heap, size_t size_bytes);

/** Does this address lie in the heap's memory, so that whatever is there is this heap's to free? Any
 * address may be asked about, allocated or not. Context: any. */
BALLOON_EXPORT bool balloon_heap_owns(const struct balloon_heap *heap, const void *pointer);

/** Give the zone what thread caches and the arena have free: of use with thread_caches and decay_ms.
 * Returns 0; -EINVAL. Context: thread. */
BALLOON_EXPORT int balloon_heap_purge(struct balloon_heap *heap);

struct balloon_heap_stats {
	uint64_t n_frames; /* in all */
	uint64_t n_free;   /* frames: free in the zone */
	uint64_t n_held;   /* frames: the arena's, for allocations */
	/* Events since the beginning; they never fall. */
	uint64_t n_failures;  /* allocations that got nothing */
	uint64_t n_reliefs;   /* requests to the driver to deflate pages */
	uint64_t n_relieved;  /* pages of the map that those brought */
	uint64_t n_moved;     /* of those of the balloon, moved out of an allocation's way */
	uint64_t n_shortages; /* calls of shortage() */
	uint64_t n_strays;    /* frees of what was not the heap's, or not of that size */
};

/** Counts, of almost one moment. Returns 0; -EINVAL. Cost: two locks, however many heaps there are.
 * Context: thread. */
BALLOON_EXPORT int balloon_heap_stats(struct balloon_heap *heap, struct balloon_heap_stats *stats);

struct balloon_heap_usage {
	uint64_t allocated_bytes; /* by the program, rounded up, and what lies in thread caches */
	uint64_t active_bytes; /* of held frames, those with allocations in them: the rest decays */
	uint64_t resident_bytes; /* of the heap's address space, as the kernel says */
};

/**
 * What takes a look at everything to know.
 *
 * Returns 0; -EINVAL; -ENOMEM: 64 KiB of ordinary memory; what else the kernel says if it does not tell
 * which pages are resident, as under a filter on system calls.
 * Cost: jemalloc's statistics of all arenas, 0.1 ms for each that there is, and a byte written and read
 * for each page of the heap. jemalloc built without statistics says 0 for the first two.
 * Context: thread.
 */
BALLOON_EXPORT int balloon_heap_usage(struct balloon_heap *heap, struct balloon_heap_usage *usage);

#ifdef __cplusplus
}
#endif

#endif
