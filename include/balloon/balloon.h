/* SPDX-License-Identifier: MIT */
/**
 * libballoon: the pages of memory balloons, under swappable locking designs.
 *
 * A *memory map* is all pages of one physical space together with the design (the *strategy*) that
 * manages them. A *balloon device* is one balloon on that map. A page is always in one state:
 *
 *              insert                isolate
 *    OWNED  ------------>  LISTED  ------------>  ISOLATED
 *   (caller) <------------        <------------
 *              dequeue               putback
 *      ^                                             |
 *      +---------------------------------------------+
 *            finalize, or migrate (the new page becomes LISTED)
 *
 * Results. 0 or a count is success; a negative errno is an error, and then nothing has changed. A
 * batch is done in array order and stops at the first page that cannot be done: the number done is
 * returned, an error only if the first page fails. Every error below has the same cause everywhere:
 *
 *   -EINVAL   a null pointer, a count of zero, a configuration that cannot be
 *   -ENOENT   a configuration without a strategy or design: there is none of the name that was looked for
 *   -E2BIG    a count above BALLOON_BATCH_MAX
 *   -ERANGE   a page or PFN outside the map
 *   -EEXIST   the page that was to go in is in a balloon already
 *   -ESTALE   the page is not in the state from which the call starts
 *   -EXDEV    the page is another device's, or the device another map's
 *   -EAGAIN   somebody holds the page just now; nothing is wrong: try again later
 *   -ENODEV   the device was destroyed
 *   -EBUSY    the device holds pages, or the map devices
 *
 * Cancellation (pthread_cancel()). A thread that is cancelled ends after the library's call, not in it: none is a
 * cancellation point, in any header. Functions of the program that calls run must be none either, and threads
 * that let themselves be cancelled at any moment make no calls.
 *
 * Threads. Any number of threads may make any calls at once, except for those that the caller
 * serialises. `-` together freely, `X` the caller sees to it that they do not overlap:
 *
 *   same map                   | page calls | device_create | device_destroy | validate | fini
 *   page calls (below)         |     -      |      -        |      X (1)     |    X     |  X
 *   balloon_device_create()    |     -      |      -        |      -         |    X     |  X
 *   balloon_device_destroy()   |     X (1)  |      -        |      -         |    X     |  X
 *   statistics, page queries   |     -      |      -        |      X (1)     |    -     |  X
 *
 *   (1) only calls that name the device which is being destroyed. Calls that start from the map,
 *       isolate and putback above all, may overlap: they reach a device only through a page that it
 *       holds, and then destroy is refused.
 *
 * A page belongs to whoever holds it: for one page in state OWNED or ISOLATED, the thread that got
 * it there decides what happens to it next. Breaking this rule harms nobody else: of two calls on
 * the same page one succeeds and the other is refused.
 *
 * Context, in the comment of each call. *any*: it takes no lock and waits for nothing, so interrupt and signal
 * handlers may make it, too. *thread*: it may sleep, if only until another thread lets go of a lock, which is held
 * for a bounded number of steps: no handler makes it.
 *
 * Locks. No user code runs under a library lock. The library allocates nothing
 * except in balloon_memmap_create(), starts no thread, prints nothing and leaves errno alone.
 */
#ifndef BALLOON_BALLOON_H
#define BALLOON_BALLOON_H

#include <balloon/errno.h>
#include <balloon/export.h>
#include <balloon/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Version --------------------------------------------------------------------------------- */

/** Of these headers: major.minor.patch (CONTRIBUTING.md says what a release promises). */
#define BALLOON_VERSION "0.1.0"

/** Of the library that runs. A constant. Threads: any. Context: any. */
BALLOON_EXPORT const char *balloon_version(void);

/* ---- Limits ---------------------------------------------------------------------------------- */

enum {
	BALLOON_PAGE_SIZE_MIN = 4096,    /* bytes */
	BALLOON_PAGE_SIZE_MAX = 1 << 30, /* bytes */
	BALLOON_DEVICES_MAX = 65535,     /* device slots of one map */
	BALLOON_BATCH_MAX = 0x7fffffff,  /* pages in one call */
	BALLOON_MEMORY_ALIGN = 128,      /* bytes: alignment of the memory given to a map */
};

/** Pages that one map can hold: the two highest page numbers end and mark links. */
#define BALLOON_PAGES_MAX UINT32_C(0xfffffffe)

/* ---- Pages ----------------------------------------------------------------------------------- */

/** A page of a map: its index, counted from the map's first page. Meaningless without the map. */
struct balloon_page {
	uint32_t index;
};

/** Where a page stands. */
enum balloon_page_state {
	BALLOON_PAGE_OWNED,    /* in no balloon: the caller's */
	BALLOON_PAGE_LISTED,   /* in a balloon, on its list */
	BALLOON_PAGE_ISOLATED, /* in a balloon, held by whoever isolated it */
};

static inline struct balloon_page balloon_page(uint32_t index)
{
	struct balloon_page page = {index};
	return page;
}

/* ---- Strategies ------------------------------------------------------------------------------ */

/** A locking design: see <balloon/strategy.h> to write one. */
struct balloon_strategy;

/** In which order dequeue gives a device's pages. */
enum balloon_order {
	BALLOON_ORDER_ANY,  /* whichever can be had */
	BALLOON_ORDER_LIFO, /* who came last leaves first: inserted, put back, or migrated to */
};

/** What a program may want to know of a strategy. Strings live as long as the strategy. */
struct balloon_strategy_info {
	const char *name;        /* as balloon_strategy_find() takes it, "page-lock" */
	const char *era;         /* where the design comes from, "Linux 3.8 (December 2012)" */
	size_t descriptor_bytes; /* state per page */
	size_t descriptor_align; /* a power of two */
	enum balloon_order order;
};

/**
 * Find a built-in strategy by name.
 *
 * Returns it, or NULL if name is NULL or not built in. Threads: any. Locks: none. Context: any.
 */
BALLOON_EXPORT const struct balloon_strategy *balloon_strategy_find(const char *name);

/**
 * Enumerate the built-in strategies, oldest design first.
 *
 * Returns the strategy number index, NULL past the last. Threads: any. Locks: none. Context: any.
 */
BALLOON_EXPORT const struct balloon_strategy *balloon_strategy_at(size_t index);

/**
 * Describe a strategy, built in or not.
 *
 * Returns 0, or -EINVAL: a null pointer. Threads: any. Locks: none. Context: any.
 */
BALLOON_EXPORT int balloon_strategy_describe(
	const struct balloon_strategy *strategy, struct balloon_strategy_info *info);

/* ---- Memory maps ----------------------------------------------------------------------------- */

/** All pages of one physical space, and the design that manages them. One locking domain. */
struct balloon_memmap;

/** What a map is to be. Zero-initialise it and set what differs. */
struct balloon_memmap_config {
	/** The locking design: a built-in one, or a table of the caller's own. Outlives the map. */
	const struct balloon_strategy *strategy;
	/** Frame number of page 0, in units of the page size. */
	uint64_t first_pfn;
	/** Pages, 1 to BALLOON_PAGES_MAX. */
	uint32_t n_pages;
	/** Device slots, 1 to BALLOON_DEVICES_MAX; 0 means 2, as many as a driver takes. */
	uint32_t n_devices;
	/** Bytes of a page: a power of two, BALLOON_PAGE_SIZE_MIN to _MAX; 0 means 4096. */
	uint32_t page_size_bytes;
	/**
	 * Where the page descriptors are, for a caller that embeds them in page structures of its
	 * own: the address of page 0's. NULL: within the map's own memory. Aligned as the
	 * strategy's descriptor_align says, and written by nobody else as long as the map lives.
	 */
	void *descriptors;
	/** Bytes from one embedded descriptor to the next: a multiple of descriptor_align, at least
	 * descriptor_bytes. Only with descriptors. */
	size_t descriptor_stride_bytes;
};

/**
 * Say how much memory a map needs.
 *
 * size_bytes: receives the size that balloon_memmap_init() wants, embedded descriptors not counted.
 * Returns 0; -ENOENT: strategy is NULL, as balloon_strategy_find() returns for a name that it does not
 * know; -EINVAL: another null pointer, or a configuration that no map can have (the strategy's table
 * incomplete, sizes out of bounds, frame addresses beyond 64 bits, a stride too small);
 * -EOVERFLOW: more memory than can be addressed.
 * Threads: any. Locks: none. Context: any.
 */
BALLOON_EXPORT int balloon_memmap_size(
	const struct balloon_memmap_config *config, size_t *size_bytes);

/**
 * Make a map in memory of the caller's.
 *
 * memory: aligned to BALLOON_MEMORY_ALIGN, of size_bytes bytes, the library's until
 * balloon_memmap_fini(); contents do not matter.
 * map: receives the map, which lies within memory.
 * All pages start OWNED. The config may go away after the call; its strategy may not.
 * Returns 0, or what balloon_memmap_size() returns; -EINVAL also: memory unaligned or too small.
 * Threads: the map is shared once this returned. Locks: none. Cost: writes every descriptor.
 * Context: thread.
 */
BALLOON_EXPORT int balloon_memmap_init(void *memory, size_t size_bytes,
	const struct balloon_memmap_config *config, struct balloon_memmap **map);

/**
 * End a map that balloon_memmap_init() made; its memory is the caller's again.
 *
 * Returns 0; -EINVAL: map is NULL; -EBUSY: a device exists.
 * Threads: the caller serialises it against every other call on the map: overlap is not detected.
 * Context: thread.
 */
BALLOON_EXPORT int balloon_memmap_fini(struct balloon_memmap *map);

/**
 * Make a map in memory of its own. Hosted builds only.
 *
 * Returns 0, or what balloon_memmap_size() returns; -ENOMEM. Release it with
 * balloon_memmap_destroy(). Context: thread.
 */
BALLOON_EXPORT int balloon_memmap_create(
	const struct balloon_memmap_config *config, struct balloon_memmap **map);

/** End a map that balloon_memmap_create() made, and free it. As balloon_memmap_fini() otherwise.
 * Context: thread. */
BALLOON_EXPORT int balloon_memmap_destroy(struct balloon_memmap *map);

/**
 * Geometry. May run beside anything but the map's end. A null map has 0 pages, 0 bytes and frame
 * number 0. Context: any.
 */
BALLOON_EXPORT uint32_t balloon_memmap_n_pages(const struct balloon_memmap *map);
BALLOON_EXPORT uint32_t balloon_memmap_page_size(const struct balloon_memmap *map); /* bytes */
BALLOON_EXPORT const struct balloon_strategy *balloon_memmap_strategy(
	const struct balloon_memmap *map);

/** The frame number of a page, in units of the map's page size. -> 0, -EINVAL, -ERANGE.
 * Context: any. */
BALLOON_EXPORT int balloon_page_to_pfn(
	const struct balloon_memmap *map, struct balloon_page page, uint64_t *pfn);

/** The page with a frame number. -> 0, -EINVAL, -ERANGE. Context: any. */
BALLOON_EXPORT int balloon_page_from_pfn(
	const struct balloon_memmap *map, uint64_t pfn, struct balloon_page *page);

/** The address of a page's first byte in the map's physical space. -> 0, -EINVAL, -ERANGE.
 * Context: any. */
BALLOON_EXPORT int balloon_page_to_address(
	const struct balloon_memmap *map, struct balloon_page page, uint64_t *address);

/* ---- Devices --------------------------------------------------------------------------------- */

/** One balloon: a slot of its map. */
struct balloon_device;

/**
 * Make a device on a map.
 *
 * context: the caller's, returned by balloon_device_context(); not looked at.
 * device: receives it; it lies in the map's memory and lives until balloon_device_destroy().
 * Returns 0; -EINVAL: a null pointer; -ENOSPC: every slot is taken.
 * Threads: any. Locks: the map's slots lock, once; the strategy's lock, once. Context: thread.
 */
BALLOON_EXPORT int balloon_device_create(
	struct balloon_memmap *map, void *context, struct balloon_device **device);

/**
 * End a device; its slot may be used again.
 *
 * It is closed under the lock that protects its list, so that nobody is inside it when this
 * returns; threads that reach devices through pages, in isolate or putback, need no care.
 * Returns 0; -EINVAL: a null pointer; -EXDEV: a device of another map; -ENODEV: destroyed already
 * (as long as the slot was not used again, which cannot be detected); -EBUSY: it holds pages,
 * listed or isolated.
 * Threads: the caller serialises it against its own calls that name this device. Locks: as create.
 * Context: thread.
 */
BALLOON_EXPORT int balloon_device_destroy(
	struct balloon_memmap *map, struct balloon_device *device);

/** What the creator passed as context; NULL for a null device. Context: any. */
BALLOON_EXPORT void *balloon_device_context(const struct balloon_device *device);

/** The map that a device is on; NULL for a null device. Context: any. */
BALLOON_EXPORT struct balloon_memmap *balloon_device_memmap(const struct balloon_device *device);

/* ---- The operations on batches of pages ------------------------------------------------------ */

/**
 * Insert pages that the caller owns: OWNED to LISTED.
 *
 * Returns the number inserted, or for the first page: -EINVAL, -E2BIG, -ERANGE, -ENODEV; -EEXIST:
 * in a balloon already; -EAGAIN: a scanner with a stale view holds the page's lock just now.
 * Order: all that the caller did before is visible to whoever dequeues or isolates the page.
 * Threads: any. Locks: the strategy's, once a page or once a batch as the design has it.
 * Context: thread.
 */
BALLOON_EXPORT int balloon_pages_insert(
	struct balloon_device *device, const struct balloon_page *pages, size_t n_pages);

/**
 * Dequeue up to n_pages pages: LISTED to OWNED, in the order that the strategy keeps (enum balloon_order).
 *
 * pages: receives them. Membership ends in the critical section in which a page is unlinked: what
 * was returned can no longer be isolated, and nobody touches it any more.
 * Returns the number dequeued; 0: the device is empty; or -EAGAIN: it holds pages but none can be
 * had now (all isolated, or locked); -EINVAL, -E2BIG, -ENODEV.
 * Threads: any. Locks: the strategy's, once a batch. Context: thread.
 */
BALLOON_EXPORT int balloon_pages_dequeue(
	struct balloon_device *device, struct balloon_page *pages, size_t n_pages);

/**
 * Isolate pages, whatever device they are on: LISTED to ISOLATED. They are the caller's to put
 * back, migrate or finalize.
 *
 * Any page may be tried at any time: this is the scanner's call.
 * Returns the number isolated, or for the first page: -EINVAL, -E2BIG, -ERANGE; -ESTALE: not on a
 * list (OWNED, or ISOLATED already); -EAGAIN: somebody else is at the page just now.
 * Threads: any. Locks: the strategy's, as the design has it. Context: thread.
 */
BALLOON_EXPORT int balloon_pages_isolate(
	struct balloon_memmap *map, const struct balloon_page *pages, size_t n_pages);

/**
 * Put isolated pages back: ISOLATED to LISTED, each to the head of its device's list.
 *
 * Returns the number put back, or for the first page: -EINVAL, -E2BIG, -ERANGE; -ESTALE: not
 * isolated. Threads: any. Locks: the strategy's, as the design has it. Context: thread.
 */
BALLOON_EXPORT int balloon_pages_putback(
	struct balloon_memmap *map, const struct balloon_page *pages, size_t n_pages);

/**
 * Put new pages in the place of isolated ones: new_pages[i] OWNED to LISTED, at the head,
 * old_pages[i] ISOLATED to OWNED, both in one critical section.
 *
 * Returns the number migrated, or for the first pair: -EINVAL (also: old and new are one page),
 * -E2BIG, -ERANGE, -ENODEV; -ESTALE: old is not isolated; -EXDEV: old is another device's; -EEXIST:
 * new is in a balloon; -EAGAIN: somebody holds the new page's lock just now.
 * Threads: any. Locks: the strategy's, as the design has it. Context: thread.
 */
BALLOON_EXPORT int balloon_pages_migrate(struct balloon_device *device,
	const struct balloon_page *new_pages, const struct balloon_page *old_pages, size_t n_pages);

/**
 * End the membership of isolated pages: ISOLATED to OWNED.
 *
 * For pages that leave the balloon without a replacement: "the old page was deflated, the new one
 * was refused". Returns the number finalized, or for the first page: -EINVAL, -E2BIG, -ERANGE,
 * -ENODEV; -ESTALE: not isolated; -EXDEV: another device's.
 * Threads: any. Locks: the strategy's, as the design has it. Context: thread.
 */
BALLOON_EXPORT int balloon_pages_finalize(
	struct balloon_device *device, const struct balloon_page *pages, size_t n_pages);

/* ---- The operations on one page -------------------------------------------------------------- */

/* Each is its batch of one. They return 0 where the batch returns 1. */

static inline int balloon_one(int result)
{
	return result > 0 ? 0 : result;
}

static inline int balloon_page_insert(struct balloon_device *device, struct balloon_page page)
{
	return balloon_one(balloon_pages_insert(device, &page, 1));
}

/** Returns 1 and the page; 0: the device is empty; or an error of balloon_pages_dequeue(). */
static inline int balloon_page_dequeue(struct balloon_device *device, struct balloon_page *page)
{
	return balloon_pages_dequeue(device, page, 1);
}

static inline int balloon_page_isolate(struct balloon_memmap *map, struct balloon_page page)
{
	return balloon_one(balloon_pages_isolate(map, &page, 1));
}

static inline int balloon_page_putback(struct balloon_memmap *map, struct balloon_page page)
{
	return balloon_one(balloon_pages_putback(map, &page, 1));
}

static inline int balloon_page_migrate(
	struct balloon_device *device, struct balloon_page new_page, struct balloon_page old_page)
{
	return balloon_one(balloon_pages_migrate(device, &new_page, &old_page, 1));
}

static inline int balloon_page_finalize(struct balloon_device *device, struct balloon_page page)
{
	return balloon_one(balloon_pages_finalize(device, &page, 1));
}

/* ---- Looking at pages ------------------------------------------------------------------------ */

/**
 * The scanner's pre-check: is it worth while to try to isolate this page?
 *
 * A hint in both directions, out of date when it returns, if other calls on the page run beside it; else
 * whether it is LISTED, but for one that a caller was in the midst of changing when a process forked. False for
 * a null map or a page out of range. Any page of the map may be asked about at any time.
 * Context: any.
 */
BALLOON_EXPORT bool balloon_page_is_candidate(
	const struct balloon_memmap *map, struct balloon_page page);

/**
 * The device of a page that the caller has isolated, NULL if the page is not isolated (or map is
 * NULL, or the page out of range).
 *
 * The answer holds as long as the caller keeps the page isolated.
 * Threads: any. Locks: the strategy's, once. Context: thread.
 */
BALLOON_EXPORT struct balloon_device *balloon_page_device(
	struct balloon_memmap *map, struct balloon_page page);

/* ---- Statistics and validity ----------------------------------------------------------------- */

/** Counts of one device, in pages. Events count from its creation and never fall. */
struct balloon_device_stats {
	uint64_t n_listed;   /* on the list now */
	uint64_t n_isolated; /* isolated now */
	uint64_t n_inserted; /* events: inflate */
	uint64_t n_dequeued; /* deflate, of listed pages */
	uint64_t n_isolates; /* successful isolations */
	uint64_t n_putbacks;
	uint64_t n_migrated;  /* a new page in, an old one out */
	uint64_t n_finalized; /* deflate, of isolated pages */
};

/** Counts of a map. */
struct balloon_memmap_stats {
	struct balloon_device_stats devices; /* the sum over all devices, destroyed ones included */
	uint64_t n_isolate_attempts;         /* pages that somebody tried to isolate */
	uint64_t n_lock_contended; /* locks found taken: failed trylocks, and waits that are over */
};

/**
 * Read a device's counts, all of one moment.
 *
 * Returns 0; -EINVAL, -ENODEV. Threads: any. Locks: the strategy's, once. Context: thread.
 */
BALLOON_EXPORT int balloon_device_stats(
	struct balloon_device *device, struct balloon_device_stats *stats);

/**
 * Read a map's counts. Each device's are of one moment, the sum need not be.
 *
 * Returns 0; -EINVAL. Threads: any. Locks: the slots lock, once; the strategy's, once a device. May
 * sleep. Context: thread.
 */
BALLOON_EXPORT int balloon_memmap_stats(
	struct balloon_memmap *map, struct balloon_memmap_stats *stats);

/** What a validity check found first. */
struct balloon_finding {
	const char *what;         /* a constant string: which invariant, and how it is broken */
	struct balloon_page page; /* where; index UINT32_MAX if it is not about one page */
	struct balloon_device *device; /* whose; NULL if it is not about one device */
};

/**
 * Recount a whole map: every descriptor, every list, every count, against invariants I1 to I3, I7
 * and I8 of the contract.
 *
 * finding: receives what is wrong; may be NULL.
 * Returns 0; -EINVAL: map is NULL; -EUCLEAN: an invariant is broken.
 * Threads: the caller sees to it that no other call on the map is under way. Cost: all pages.
 * Context: thread.
 */
BALLOON_EXPORT int balloon_memmap_validate(
	struct balloon_memmap *map, struct balloon_finding *finding);

#ifdef __cplusplus
}
#endif

#endif
