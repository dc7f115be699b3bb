/* SPDX-License-Identifier: MIT */
/**
 * Compaction: ballooned pages are moved out of the way, so that the free frames form whole blocks, and
 * runs of them at the high end of memory, that large allocations need.
 *
 * A pass begins with a survey, without locks, by the strategy's pre-check: a block (of 512 pages, say)
 * that has a page which is neither free nor ballooned cannot become whole, whatever is moved; nor can
 * one of which the part has not all. Call it fixed. Then there are two cursors. One goes through the
 * blocks that can become whole from the high end down, then through the fixed ones, and looks for
 * ballooned pages. The other takes free frames from fixed blocks, from the low end up, then from the
 * others. The former pages are isolated and migrated into the latter frames, through their drivers, until
 * the cursors meet: then the pass is over. So where nobody interferes as many blocks are whole as can be,
 * and another pass moves nothing. Low is where a zone's fills take whole stretches from: what they give
 * up is where a pass would move it.
 *
 * A survey passes over what is free without looking at its pages. "Again" is tried so many times, with the
 * page kept isolated; then the page is put back, and counts as left.
 *
 * A compactor may be stopped after any step: between two steps it holds no page and no frame.
 * Several compactors may work on one map at once: a page is isolated by one of them, a frame taken
 * by one.
 *
 * Threads. Any number may make any calls on one compactor, but for init and fini; one works, the
 * others are told -EBUSY. That is how fills on many threads share one as their before_fill.
 *
 * Sources: Linux 3.8 to 7.0 (eras of migration).
 */
#ifndef BALLOON_COMPACTOR_H
#define BALLOON_COMPACTOR_H

#include <balloon/balloon.h>
#include <balloon/driver.h>
#include <balloon/frames.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Zero-initialise it and set what differs. Everything that it points to outlives the compactor. */
struct balloon_compactor_config {
	struct balloon_memmap *map;
	/** Where the frames to migrate into come from, and the old ones go: the drivers' source. With the
	 * ops take_lowest and which_free. */
	struct balloon_frames *frames;
	/** The drivers whose balloons are compacted. Pages of other devices are put back. */
	struct balloon_driver *const *drivers;
	size_t n_drivers;
	/** The part of the map: pages first to end - 1. end 0: to the end of the map. */
	uint32_t first;
	uint32_t end;
	/** Tries with a page whose driver is busy; 0 means 10. It sleeps for 100 us between two. */
	uint32_t n_tries;
	/** Blocks that are to become whole: 2^block_order pages, aligned to that by page number; up to 16,
	 * 0 means 9. */
	unsigned block_order;
};

/** Counts since init. In pages, unless named otherwise. */
struct balloon_compactor_stats {
	uint64_t n_scanned;  /* looked at */
	uint64_t n_isolated; /* taken off their balloon */
	uint64_t n_migrated; /* replaced: the old frame went back to the source */
	uint64_t n_put_back; /* not migrated, back in their balloon */
	uint64_t n_shrunk;   /* left, and the new page was refused: the balloon is smaller */
	uint64_t n_kept;     /* the driver keeps the old page: in quarantine, or unanswered */
	uint64_t n_again;    /* tries that found a driver busy: a page counts at each */
	uint64_t n_refused;  /* of those put back: the driver or its host did not want to */
	uint64_t n_left;   /* found, and not moved: their driver was busy, refused or keeps the old
				page; or somebody had hold of the page */
	uint64_t n_passes; /* events: of the cursors over the map */
};

/** The most pages that a step moves: they are out of their balloon until their host has answered. A step of a
 * run that finds a driver busy moves twice as many at once: it is the turn of it that takes long then. */
enum { BALLOON_COMPACTOR_CLUSTER = 32 };

struct balloon_compactor;

/**
 * Bytes that balloon_compactor_init() wants, for a map and the part of it: the rest of the
 * configuration may be missing still.
 *
 * A driver whose before_fill is a compactor's is made before it, and the compactor before the first
 * fill: it lies at the start of its memory, so the driver's before_fill_context is that memory.
 * Returns 0; -EINVAL: a null pointer, a part that is none. Context: any.
 */
BALLOON_EXPORT int balloon_compactor_size(
	const struct balloon_compactor_config *config, size_t *size_bytes);

/**
 * Make a compactor in memory of the caller's, aligned to BALLOON_MEMORY_ALIGN.
 *
 * compactor: receives it; it lies at the start of the memory, which is the library's until
 * balloon_compactor_fini().
 * Returns 0; -EINVAL: a null pointer, memory unaligned or too small, no drivers, frames without
 * the ops above, a driver of another map, a part that is none. Context: thread.
 */
BALLOON_EXPORT int balloon_compactor_init(void *memory, size_t size_bytes,
	const struct balloon_compactor_config *config, struct balloon_compactor **compactor);

/**
 * End a compactor; its memory is the caller's. There is nothing to take back: it holds no page.
 *
 * Returns 0; -EINVAL; -EBUSY: a thread is at work. Threads: the caller serialises it against every
 * other call on the compactor. Context: thread.
 */
BALLOON_EXPORT int balloon_compactor_fini(struct balloon_compactor *compactor);

/** The same in memory of its own; hosted builds only. -ENOMEM also. Context: thread. */
BALLOON_EXPORT int balloon_compactor_create(
	const struct balloon_compactor_config *config, struct balloon_compactor **compactor);
BALLOON_EXPORT int balloon_compactor_destroy(struct balloon_compactor *compactor);

/**
 * Look at up to n_scan pages, a block that is only passed over counting as one and the last one's
 * pages not counted (0: however many it takes), and migrate BALLOON_COMPACTOR_CLUSTER of those found at most.
 *
 * Returns how many pages were migrated or shrunk away, perhaps 0; -EINVAL; -EBUSY: another thread
 * is at work; -EAGAIN: none, and drivers were busy at each try; -ENOENT: the cursors have met, the
 * pass is over, the next call begins another one. When it returns, it holds no page. A page that
 * was put back is not looked at again in the same pass.
 * Threads: any. Locks: those of isolate, putback, the source and the drivers, one after the other.
 * May sleep: for as long as the host takes, and n_tries times while a driver is busy.
 * Context: thread.
 */
BALLOON_EXPORT int balloon_compactor_step(struct balloon_compactor *compactor, uint32_t n_scan);

/**
 * Step until the pass is over or the deadline has come (at least one step), and wait for drivers that are
 * busy.
 *
 * deadline_ns: a time of balloon_platform_now_ns(), or BALLOON_NEVER. For its lock a driver is waited for in
 * turn with its fills and leaks, n_tries times for its host_timeout_ns at most; between two tries it sleeps,
 * 200 us first and twice as long each time. What a host has not answered at the deadline the driver keeps.
 * Returns how many pages the pass has left where they are (n_left of the counts), because their drivers
 * were busy or refused, or somebody had hold of them: 0: all are where they should be; another pass may
 * do better. -ETIMEDOUT: the pass goes on with the next call; -EINVAL; -EBUSY: another thread is at work.
 * Never from inside an allocation that a fill of these drivers may be waiting for: step() is for that.
 * Context: thread.
 */
BALLOON_EXPORT int balloon_compactor_run(struct balloon_compactor *compactor, uint64_t deadline_ns);

/**
 * For balloon_driver_config's before_fill: compacts where a fill of n_pages would find no whole blocks.
 * context: the compactor; NULL does nothing.
 *
 * Steps until as many pages were migrated as are to be given up, or the pass is over, or a driver is busy,
 * or 65,536 pages were looked at: the next call goes on. Looks at no page where the source has whole blocks
 * for n_pages; or nothing has changed, in the balloons and the source, since before a pass that found nothing
 * to do (the source has the op n_changes); or the last pass looked at more than four pages for each that it
 * moved, and not so many were given up since that it would be four for each of those, too. Does nothing
 * beside another thread that is at work. Waits for no lock of a driver.
 * Cost where whole blocks are free: the source's lock, once for each block that n_pages need.
 * Context: thread.
 */
BALLOON_EXPORT void balloon_compactor_prepare(void *context, size_t n_pages);

/** Counts as the last step left them. Returns 0; -EINVAL. Threads: any. Locks: the compactor's.
 * Context: thread. */
BALLOON_EXPORT int balloon_compactor_stats(
	struct balloon_compactor *compactor, struct balloon_compactor_stats *stats);

#ifdef __cplusplus
}
#endif

#endif
