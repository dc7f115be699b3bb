/* SPDX-License-Identifier: MIT */
/**
 * A pool: memory that a program allocates from and can give back, all parts of it made in one call.
 *
 *     struct balloon_pool_config config = {.heap.size_bytes = 256 << 20};
 *     struct balloon_pool *pool;
 *     balloon_pool_create(&config, &pool);
 *     ... balloon_heap_allocate(balloon_pool_heap(pool), n_bytes) ...
 *     balloon_pool_set_limit(pool, 64 << 20);
 *     balloon_driver_run(balloon_pool_driver(pool), BALLOON_NEVER, NULL, NULL);
 *     ... the kernel has 192 MiB of it, and allocations that need them take them back ...
 *     balloon_pool_destroy(pool, BALLOON_NEVER);
 *
 * It is a heap with its map and its zone (<balloon/heap.h>), a channel to the kernel
 * (<balloon/madvise.h>), a driver that is relieved when an allocation finds no room
 * (<balloon/driver.h>), and, if wanted, a compactor (<balloon/compactor.h>). Each of them can be had from
 * the pool, and is used as its own header says. Whoever wants another host or frame source puts the parts
 * together as lib/heap/pool.c does.
 *
 * In the library balloon-jemalloc. Threads: any number may make any calls at once, but for create and
 * destroy.
 */
#ifndef BALLOON_POOL_H
#define BALLOON_POOL_H

#include <balloon/compactor.h>
#include <balloon/driver.h>
#include <balloon/heap.h>
#include <balloon/madvise.h>

#ifdef __cplusplus
extern "C" {
#endif

struct balloon_pool;

/**
 * Zero-initialise it and set what differs: heap.size_bytes at least. What one part is told of another is
 * the pool's to say, and stays null here.
 */
struct balloon_pool_config {
	/** strategy NULL: that of strategy_name. */
	struct balloon_heap_config heap;
	/** Of a built-in one; NULL: "isolated-bit", or if it is not built in the newest one that is. */
	const char *strategy_name;
	/** What is said to the kernel, and how. base and n_pages are the heap's. */
	struct balloon_madvise_config kernel;
	/** design NULL: that of design_name. map, frames and channel are the pool's. */
	struct balloon_driver_config driver;
	/** NULL: "alloc-outside", or the newest. */
	const char *design_name;
	/** Compact before each fill, so that what is left is whole. before_fill is the pool's then. Not
	 * together with heap.unit_bytes: what is left of units is whole. */
	bool compacts;
};

/**
 * Make a pool. All its memory can be allocated; the balloon is empty.
 *
 * Returns 0; -EINVAL: a null pointer, something set that is the pool's to say or twice, or what a part refuses;
 * -ENOENT: no strategy or design of that name is built in; -ENOMEM, -ENODEV and what else balloon_heap_create(), balloon_madvise_create(), and
 * balloon_driver_create() return. After an error nothing is left of it. Context: thread.
 */
BALLOON_EXPORT int balloon_pool_create(
	const struct balloon_pool_config *config, struct balloon_pool **pool);

/**
 * End a pool, its parts, and all that is allocated in it. The balloon is emptied first; that of a driver
 * which was stopped (balloon_driver_stop(), to have a thread out of balloon_driver_serve()) is reset.
 *
 * Returns 0; -EINVAL; -ETIMEDOUT: the balloon was not empty by then; -EBUSY: calls are inside the driver,
 * or somebody else has frames of the heap's zone or a device on its map; what else run and reset return.
 * After an error the pool is still there, and takes no more calls but this one: call it again when the
 * reason is gone. Threads: the caller serialises it against every other call on the pool or its parts.
 * Context: thread.
 */
BALLOON_EXPORT int balloon_pool_destroy(struct balloon_pool *pool, uint64_t deadline_ns);

/**
 * Say how much memory the program keeps: the driver's target is the rest. Nothing moves yet:
 * balloon_driver_run(), _serve() and _poll() do that.
 *
 * bytes: rounded up to pages; from the pool's size on all of it. Returns 0; -EINVAL: a null pool.
 * Threads: any, interrupt and signal handlers included, as balloon_driver_set_target().
 * Context: any.
 */
BALLOON_EXPORT int balloon_pool_set_limit(struct balloon_pool *pool, uint64_t bytes);

/** Parts of a pool; they live as long as it does. NULL for a null pool. Context: any. */
BALLOON_EXPORT struct balloon_heap *balloon_pool_heap(const struct balloon_pool *pool);
BALLOON_EXPORT struct balloon_driver *balloon_pool_driver(const struct balloon_pool *pool);
/** NULL also without compacts. Context: any. */
BALLOON_EXPORT struct balloon_compactor *balloon_pool_compactor(struct balloon_pool *pool);

#ifdef __cplusplus
}
#endif

#endif
