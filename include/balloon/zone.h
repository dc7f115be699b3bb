/* SPDX-License-Identifier: MIT */
/**
 * A zone: page frames of one stretch of a memory map, handed out in blocks of orders 0 to 10.
 *
 * A block of order k is 2^k adjacent frames, the first of which has a page frame number that is a
 * multiple of 2^k: blocks are the map's, wherever the zone begins, so a block of huge pages' size is one.
 *
 * The zone is a bitmap with summaries above it: a bit a frame, one for what is reserved, and less than half
 * of one for the summaries, three tenths of a byte in all; no list, and no search over all frames. In a zone of 2^24
 * frames a call looks at 2,000 words at most to find its frames, however they are fragmented. What it takes or
 * frees costs a step for 64 frames, and a word for each level of the summaries.
 *
 * Small blocks come from stretches that are in use already, so that whole ones stay whole; bulk
 * allocation of single frames takes whole stretches first, so that a host gets long ranges.
 *
 * Threads. Any number may make any calls on one zone at once, but for init and fini.
 */
#ifndef BALLOON_ZONE_H
#define BALLOON_ZONE_H

#include <balloon/balloon.h>
#include <balloon/frames.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { BALLOON_ZONE_ORDER_MAX = 10 };

struct balloon_zone;

struct balloon_zone_config {
	uint32_t first;    /* index of the first frame's page in the map */
	uint32_t n_frames; /* 1 to BALLOON_PAGES_MAX - first */
	/* The map's: the page frame number of page 0, from which alignments are counted. 0: they are
	 * counted from page 0. The frames before the zone's, back to a multiple of 4096, cost a bit each:
	 * with n_frames no more than BALLOON_PAGES_MAX. */
	uint64_t first_pfn;
	/** Order of the units that balloon_zone_units() hands out; 0: single frames. From 1 on first_pfn
	 * is a multiple of 2^unit_order. */
	uint32_t unit_order;
};

struct balloon_zone_stats {
	uint64_t n_frames;
	uint64_t n_free;
	/* How many blocks of each order could be allocated if only that order was wanted. Of the same
	 * moment as the rest, unless others change the zone faster than it is counted: then each 4096
	 * frames are of a moment during the call. */
	uint64_t n_blocks[BALLOON_ZONE_ORDER_MAX + 1];
	uint64_t n_allocations; /* events: calls that got something */
	uint64_t n_failures;    /* events: calls that got nothing */
	/* Events: frames that the frame source's free op was given by mistake, outside of the zone or
	 * free already. They were left alone: that op has nobody to tell. */
	uint64_t n_strays;
};

/** Bytes that balloon_zone_init() wants. Returns 0; -EINVAL. Context: any. */
BALLOON_EXPORT int balloon_zone_size(const struct balloon_zone_config *config, size_t *size_bytes);

/**
 * Make a zone in memory of the caller's, aligned to BALLOON_MEMORY_ALIGN. All frames are free.
 *
 * Returns 0; -EINVAL: a null pointer, memory unaligned or too small, an impossible configuration.
 * Context: thread.
 */
BALLOON_EXPORT int balloon_zone_init(void *memory, size_t size_bytes,
	const struct balloon_zone_config *config, struct balloon_zone **zone);

/** End a zone; its memory is the caller's. Returns 0; -EINVAL; -EBUSY: frames are in use.
 * Context: thread. */
BALLOON_EXPORT int balloon_zone_fini(struct balloon_zone *zone);

/** The same in memory of its own; hosted builds only. -ENOMEM also. Context: thread. */
BALLOON_EXPORT int balloon_zone_create(
	const struct balloon_zone_config *config, struct balloon_zone **zone);
BALLOON_EXPORT int balloon_zone_destroy(struct balloon_zone *zone);

/**
 * Allocate a block.
 *
 * first: receives its first frame. Returns 0; -EINVAL: a null pointer, an order above
 * BALLOON_ZONE_ORDER_MAX; -ENOMEM: no free block of that order.
 * Threads: any. Locks: the zone's, shortly. Allocates nothing. Context: thread.
 */
BALLOON_EXPORT int balloon_zone_allocate(
	struct balloon_zone *zone, unsigned order, struct balloon_page *first);

/**
 * Free a block, or any part of what was allocated.
 *
 * Returns 0; -EINVAL: a null pointer, an order above BALLOON_ZONE_ORDER_MAX, no block of that order
 * starts there; -ERANGE: outside the zone; -ESTALE: a frame of it is free already: nothing was freed. Threads, locks: as allocate.
 * Context: thread.
 */
BALLOON_EXPORT int balloon_zone_free(
	struct balloon_zone *zone, struct balloon_page first, unsigned order);

/**
 * Allocate up to n_blocks blocks of one order under one hold of the lock: those that as many calls of
 * balloon_zone_allocate() would get, in their order, if nobody else came in between.
 *
 * firsts: the caller's, of n_blocks entries; receives the first frame of each block. Returns how many, from the
 * beginning of the array on; -EINVAL: a null pointer, a count of zero, an order above BALLOON_ZONE_ORDER_MAX;
 * -E2BIG: a count above BALLOON_BATCH_MAX; -ENOMEM: there is no free block of that order, not one. It is one event
 * of the statistics.
 * Threads: any. Locks: the zone's, once. Allocates nothing. Cost: adjacent blocks within 64 frames, from
 * order 6 on within 4096, are found and taken together. Context: thread.
 */
BALLOON_EXPORT int balloon_zone_allocate_blocks(
	struct balloon_zone *zone, unsigned order, struct balloon_page *firsts, size_t n_blocks);

/**
 * Free blocks of one order, or parts of what was allocated, under one hold of the lock: in array order, up to the
 * first one that balloon_zone_free() would refuse.
 *
 * firsts: n_blocks first frames. Returns how many were freed; if that is none, why the first one was refused, as
 * balloon_zone_free() says; -EINVAL also: a null pointer, a count of zero; -E2BIG: a count above BALLOON_BATCH_MAX.
 * Threads, locks: as balloon_zone_allocate_blocks(). Cost: adjacent blocks that follow each other in the array,
 * ascending or descending, are freed together, 64 at once. Context: thread.
 */
BALLOON_EXPORT int balloon_zone_free_blocks(struct balloon_zone *zone, unsigned order,
	const struct balloon_page *firsts, size_t n_blocks);

/**
 * Allocate n_frames adjacent frames, of which the first has a page frame number that is a multiple of
 * align_frames, a power of two.
 *
 * For extents of other sizes than blocks have. The lowest place that fits, whenever there is one. Returns,
 * threads, locks: as allocate. Cost: as above for alignments up to 4096 frames; with larger ones each place
 * that is aligned so may be looked at. Context: thread.
 */
BALLOON_EXPORT int balloon_zone_allocate_range(struct balloon_zone *zone, uint32_t n_frames,
	uint32_t align_frames, struct balloon_page *first);

/** Free n_frames adjacent frames. Returns as balloon_zone_free(). Context: thread. */
BALLOON_EXPORT int balloon_zone_free_range(
	struct balloon_zone *zone, struct balloon_page first, uint32_t n_frames);

/** Take given frames. Returns 0; -EINVAL; -ERANGE; -EBUSY: one of them is in use: none was taken.
 * Context: thread. */
BALLOON_EXPORT int balloon_zone_take_frames(
	struct balloon_zone *zone, struct balloon_page first, uint32_t n_frames);

/**
 * A stretch of a zone that somebody wants as a whole: in the caller's memory until it is taken or given up.
 * Its fields are the library's.
 */
struct balloon_zone_reservation {
	struct balloon_zone_reservation *next;
	struct balloon_page first;
	uint32_t n_frames;
	uint32_t n_missing;
};

/**
 * Reserve n_frames adjacent frames, whether they are free or not: those that are free, and those that are
 * freed while it lasts, whoever frees them, are kept for it and go to nobody else.
 *
 * For allocations by range: reserve a stretch, make those who have its other frames give them up (balloons,
 * say: balloon_driver_relieve_range()), take it when no frame is missing.
 * reservation: the caller's until it is taken or given up. Returns 0; -EINVAL; -ERANGE; -EBUSY: some of it
 * is reserved already. Threads, locks: as allocate. Cost: the words of the stretch.
 * Context: thread.
 */
BALLOON_EXPORT int balloon_zone_reserve(struct balloon_zone *zone,
	struct balloon_zone_reservation *reservation, struct balloon_page first, uint32_t n_frames);

/** How many frames of it somebody still has. -EINVAL. Locks: the zone's. Context: thread. */
BALLOON_EXPORT int balloon_zone_missing(
	struct balloon_zone *zone, const struct balloon_zone_reservation *reservation);

/** Allocate the stretch: its frames are the caller's, and it is reserved no more. Returns 0; -EINVAL: it is
 * not reserved; -EAGAIN: frames are missing, it stays reserved. Context: thread. */
BALLOON_EXPORT int balloon_zone_take_reserved(
	struct balloon_zone *zone, struct balloon_zone_reservation *reservation);

/** Give it up: what was kept for it is free. Returns 0; -EINVAL: it is not reserved.
 * Context: thread. */
BALLOON_EXPORT int balloon_zone_unreserve(
	struct balloon_zone *zone, struct balloon_zone_reservation *reservation);

/**
 * For a program with threads that forks: before is called before the fork, by the thread that forks, and
 * after it in both processes, as by pthread_atfork(). Between them every other call on the zone waits.
 *
 * The child's zone is whole, and its own: what other threads of the parent had is in use, what they had
 * reserved is free. Heaps do this by themselves. Context: thread.
 */
BALLOON_EXPORT void balloon_zone_before_fork(struct balloon_zone *zone);
BALLOON_EXPORT void balloon_zone_after_fork(struct balloon_zone *zone, bool is_child);

/**
 * Counts of one moment. Returns 0; -EINVAL.
 *
 * Locks: the zone's, again and again, for 512 words each time. Cost: the words near which something has
 * changed since the last call, 64 at a time. Context: thread.
 */
BALLOON_EXPORT int balloon_zone_stats(struct balloon_zone *zone, struct balloon_zone_stats *stats);

/** Hold summaries and counts against the bitmap. Returns 0; -EINVAL; -EUCLEAN. Cost: all of it, under the lock.
 * Context: thread. */
BALLOON_EXPORT int balloon_zone_validate(struct balloon_zone *zone);

/** The zone as a frame source; it lives as long as the zone. NULL for a null zone. Context: any. */
BALLOON_EXPORT struct balloon_frames *balloon_zone_frames(struct balloon_zone *zone);

/**
 * The zone as a source of whole units: page i is the block of order unit_order that begins with frame
 * i * 2^unit_order of the map that `first` counts in.
 *
 * For a driver on a map of its own, whose pages are larger than the zone's frames: where the memory, or the
 * host, has huge pages, say, and giving back less than one gives nothing. A unit is taken whole or not at all, and
 * so it comes back. n_free tells how many units the free frames would make, adjacent or not. It has none of the
 * ops that are for compaction. With unit_order 0 it is balloon_zone_frames(). NULL for a null zone.
 * Context: any.
 */
BALLOON_EXPORT struct balloon_frames *balloon_zone_units(struct balloon_zone *zone);

#ifdef __cplusplus
}
#endif

#endif
