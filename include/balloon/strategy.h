/* SPDX-License-Identifier: MIT */
/**
 * For whoever writes a strategy: the ops table, and what a strategy may see of maps and devices.
 *
 * A strategy is one `const struct balloon_strategy`. It keeps its state in three places that the
 * map owns and that live as long as the map: a descriptor per page, an area per device slot, an
 * area per map; any of them may be nothing. It allocates nothing and has no mutable globals. examples/ and strategies/ show
 * whole ones.
 *
 * The contract. For all ops but those of set-up, any number of threads call any ops at once.
 *  - Pages given to an op are within the map and devices are the map's own: the core has checked.
 *    Everything else that a caller may get wrong (balloon.h, Results) the strategy refuses.
 *  - Batches are done in order up to the first page that cannot be done; n_pages is at least 1.
 *  - A device's counts change in the critical section in which its pages do, under whatever lock
 *    protects them: balloon_device_count() keeps them where one lock covers a device, device_stats says
 *    them where a design keeps them in parts of its own.
 *  - After the critical section in which a page leaves a device, that device is not touched.
 *  - An op waits for nothing but locks of rank BALLOON_RANK_PAGE and BALLOON_RANK_PAGES, in that
 *    order, and calls no user code. Of several locks of one rank it takes the one at the lowest
 *    address first.
 */
#ifndef BALLOON_STRATEGY_H
#define BALLOON_STRATEGY_H

#include <balloon/balloon.h>
#include <balloon/sync.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Changes whenever the table or a structure below changes its layout or meaning. */
#define BALLOON_STRATEGY_ABI 2u

/** What a strategy says of one page, while no operation is under way on it. */
struct balloon_page_info {
	enum balloon_page_state state;
	struct balloon_device *device; /* NULL exactly for BALLOON_PAGE_OWNED */
	const char *defect; /* NULL, or what is wrong with the descriptor: a constant string */
};

/** How large a map is. */
struct balloon_memmap_geometry {
	uint32_t n_pages;
	uint32_t n_devices; /* slots */
};

struct balloon_strategy {
	uint32_t abi;     /* BALLOON_STRATEGY_ABI */
	const char *name; /* of a to z, 0 to 9, '-', '@' and '.' */
	const char *era;  /* where the design comes from */

	size_t descriptor_bytes; /* per page; may be 0 */
	size_t descriptor_align; /* a power of two, at most BALLOON_MEMORY_ALIGN */
	enum balloon_order order;

	/* Bytes of an area: per map, balloon_memmap_area(), and per device slot, balloon_device_area().
	 * Optional: none. Areas are aligned to BALLOON_MEMORY_ALIGN, and part of balloon_memmap_size(),
	 * which is -EOVERFLOW where they cannot be. */
	uint64_t (*memmap_bytes)(const struct balloon_memmap_geometry *geometry);
	uint64_t (*device_bytes)(const struct balloon_memmap_geometry *geometry);

	/* Set-up and tear-down, each once in a map's life, each optional; the map is not shared
	 * yet, or no longer. Areas and descriptors come zeroed. Devices: all slots, used or not. A
	 * design without descriptors costs no walk over the pages. */
	void (*memmap_init)(struct balloon_memmap *map);
	void (*memmap_fini)(struct balloon_memmap *map);
	void (*device_init)(struct balloon_device *device);
	void (*device_fini)(struct balloon_device *device);
	void (*descriptor_init)(struct balloon_memmap *map, struct balloon_page page);
	void (*descriptor_fini)(struct balloon_memmap *map, struct balloon_page page);

	/* The life of a device, under the lock that protects its list and counts. open: clear the
	 * counts, set context and open. close: refuse with -EBUSY while it holds pages, else clear
	 * open, so that no insert that comes later gets in. stats: copy the counts of an open or
	 * closed device. */
	void (*device_open)(struct balloon_device *device, void *context);
	int (*device_close)(struct balloon_device *device);
	void (*device_stats)(struct balloon_device *device, struct balloon_device_stats *stats);

	/* The operations, as balloon.h defines them. */
	int (*insert)(
		struct balloon_device *device, const struct balloon_page *pages, size_t n_pages);
	int (*dequeue)(struct balloon_device *device, struct balloon_page *pages, size_t n_pages);
	int (*isolate)(
		struct balloon_memmap *map, const struct balloon_page *pages, size_t n_pages);
	int (*putback)(
		struct balloon_memmap *map, const struct balloon_page *pages, size_t n_pages);
	int (*migrate)(struct balloon_device *device, const struct balloon_page *new_pages,
		const struct balloon_page *old_pages, size_t n_pages);
	int (*finalize)(
		struct balloon_device *device, const struct balloon_page *pages, size_t n_pages);

	/* The scanner's pre-check: takes no lock, writes nothing. */
	bool (*is_candidate)(const struct balloon_memmap *map, struct balloon_page page);
	/* The device of an isolated page, else NULL, read under the design's locks. */
	struct balloon_device *(*device_of)(struct balloon_memmap *map, struct balloon_page page);

	/* For the validity check, when nothing is under way; without locks. */
	struct balloon_page_info (*inspect)(struct balloon_memmap *map, struct balloon_page page);
	/* The page after `page` on the device's list, its first page for BALLOON_LINK_END, and
	 * BALLOON_LINK_END after the last. Optional: a design without lists leaves it NULL. */
	uint32_t (*list_next)(struct balloon_device *device, uint32_t page);
};

/* ---- What a strategy sees -------------------------------------------------------------------- */

/**
 * Where the descriptors of a map's pages are. Constant; but compilers do not know that, and load it
 * again after each atomic access: a loop over a batch works on a copy of its own.
 */
struct balloon_descriptors {
	unsigned char *first;
	size_t stride_bytes;
	uint32_t n_pages;
};

/** Constant once the map is shared, unless a comment names a lock. */
struct balloon_memmap {
	const struct balloon_strategy *strategy;
	struct balloon_descriptors descriptors;
	unsigned char *slots; /* struct balloon_device, each followed by its area */
	size_t slot_bytes;
	void *area;
	uint64_t first_pfn;
	uint32_t n_devices;
	uint32_t page_shift;
	bool embedded; /* the descriptors are the caller's memory */

	/* Apart from the constants, which every call reads. */
	BALLOON_ALIGNED struct balloon_atomic_word n_contended;
	struct balloon_atomic_word n_isolate_failures;
	struct balloon_lock slots_lock;      /* protects the fields below */
	struct balloon_device_stats retired; /* the events of devices that were destroyed */
	uint32_t n_open;
};

struct balloon_device {
	/* As its area after it is. */
	__attribute__((aligned(BALLOON_MEMORY_ALIGN))) struct balloon_memmap *map; /* constant */
	uint32_t slot;                                                             /* constant */
	struct balloon_atomic_u32 open; /* changes under the slots lock and the list's */
	void *context;                  /* as open */
	uint64_t recounted_listed;      /* the validity check's alone */
	uint64_t recounted_isolated;    /* the validity check's alone */

	/* Apart from what every call reads before it takes a lock. For designs with one lock for a
	 * device: that one. */
	BALLOON_ALIGNED struct balloon_device_stats stats;
};

static inline void *balloon_memmap_area(const struct balloon_memmap *map)
{
	return map->area;
}

static inline void *balloon_device_area(struct balloon_device *device)
{
	return device + 1;
}

static inline struct balloon_device *balloon_memmap_slot(
	const struct balloon_memmap *map, uint32_t slot)
{
	return (struct balloon_device *)(void *)(map->slots + slot * map->slot_bytes);
}

static inline void *balloon_descriptor_at(
	const struct balloon_descriptors *descriptors, uint32_t index)
{
	return descriptors->first + index * descriptors->stride_bytes;
}

static inline void *balloon_descriptor(const struct balloon_memmap *map, struct balloon_page page)
{
	return balloon_descriptor_at(&map->descriptors, page.index);
}

/*
 * Owners: how a descriptor names a device in 32 bits. 0 is nobody, so a zeroed descriptor is in no
 * balloon.
 */
#define BALLOON_OWNER_NONE 0u

static inline uint32_t balloon_device_owner(const struct balloon_device *device)
{
	return device->slot + 1;
}

static inline struct balloon_device *balloon_owner_device(
	const struct balloon_memmap *map, uint32_t owner)
{
	return owner == BALLOON_OWNER_NONE ? NULL : balloon_memmap_slot(map, owner - 1);
}

/* ---- The counts of a device; the caller holds the lock that protects its list ----------------- */

enum balloon_transition {
	BALLOON_INSERTED,
	BALLOON_DEQUEUED,
	BALLOON_ISOLATED,
	BALLOON_PUT_BACK,
	BALLOON_MIGRATED,
	BALLOON_FINALIZED,
};

/** Count n pages that went through one transition. */
static inline void balloon_device_count(
	struct balloon_device *device, enum balloon_transition transition, uint64_t n)
{
	struct balloon_device_stats *stats = &device->stats;
	switch (transition) {
	case BALLOON_INSERTED:
		BALLOON_ADD(stats->n_inserted, n);
		BALLOON_ADD(stats->n_listed, n);
		break;
	case BALLOON_DEQUEUED:
		BALLOON_ADD(stats->n_dequeued, n);
		BALLOON_ADD(stats->n_listed, -n);
		break;
	case BALLOON_ISOLATED:
		BALLOON_ADD(stats->n_isolates, n);
		BALLOON_ADD(stats->n_listed, -n);
		BALLOON_ADD(stats->n_isolated, n);
		break;
	case BALLOON_PUT_BACK:
		BALLOON_ADD(stats->n_putbacks, n);
		BALLOON_ADD(stats->n_isolated, -n);
		BALLOON_ADD(stats->n_listed, n);
		break;
	case BALLOON_MIGRATED: /* the new page is listed, the old one was isolated */
		BALLOON_ADD(stats->n_migrated, n);
		BALLOON_ADD(stats->n_isolated, -n);
		BALLOON_ADD(stats->n_listed, n);
		break;
	case BALLOON_FINALIZED:
		BALLOON_ADD(stats->n_finalized, n);
		BALLOON_ADD(stats->n_isolated, -n);
		break;
	}
}

/**
 * What dequeue returns, decided in the critical section in which it looked (H-21): the number had,
 * 0 if the device is empty, "again" if it holds pages that cannot be had now.
 */
static inline int balloon_dequeue_result(struct balloon_device *device, size_t n_done)
{
	if (n_done == 0 &&
		(BALLOON_READ(device->stats.n_listed) || BALLOON_READ(device->stats.n_isolated)))
		return -EAGAIN;
	return (int)n_done;
}

static inline bool balloon_device_is_open(const struct balloon_device *device)
{
	return balloon_atomic_load(&device->open, BALLOON_RELAXED) != 0;
}

/* What device_open, device_close and device_stats do, where one lock covers list and counts. */

static inline void balloon_device_open_under(
	struct balloon_lock *lock, struct balloon_device *device, void *context)
{
	const struct balloon_device_stats none = {0, 0, 0, 0, 0, 0, 0, 0};
	balloon_lock_acquire(lock);
	BALLOON_WRITE(device->stats, none);
	BALLOON_WRITE(device->context, context);
	balloon_atomic_store(&device->open, 1, BALLOON_RELAXED);
	balloon_lock_release(lock);
}

static inline int balloon_device_close_under(
	struct balloon_lock *lock, struct balloon_device *device)
{
	balloon_lock_acquire(lock);
	bool is_empty = BALLOON_READ(device->stats.n_listed) == 0 &&
			BALLOON_READ(device->stats.n_isolated) == 0;
	if (is_empty)
		balloon_atomic_store(&device->open, 0, BALLOON_RELAXED);
	balloon_lock_release(lock);
	return is_empty ? 0 : -EBUSY;
}

static inline void balloon_device_stats_under(struct balloon_lock *lock,
	struct balloon_device *device, struct balloon_device_stats *stats)
{
	balloon_lock_acquire(lock);
	*stats = BALLOON_READ(device->stats);
	balloon_lock_release(lock);
}

/* ---- Batches of designs that work page by page ----------------------------------------------- */

#define BALLOON_ALWAYS_INLINE static inline __attribute__((always_inline))

/** Do one page after the other, up to the first that cannot be done. */
BALLOON_ALWAYS_INLINE int balloon_each_of_map(struct balloon_memmap *map,
	int (*one)(struct balloon_memmap *, struct balloon_page), const struct balloon_page *pages,
	size_t n_pages)
{
	for (size_t i = 0; i < n_pages; i++) {
		int result = one(map, pages[i]);
		if (result < 0)
			return i > 0 ? (int)i : result;
	}
	return (int)n_pages;
}

BALLOON_ALWAYS_INLINE int balloon_each_of_device(struct balloon_device *device,
	int (*one)(struct balloon_device *, struct balloon_page), const struct balloon_page *pages,
	size_t n_pages)
{
	for (size_t i = 0; i < n_pages; i++) {
		int result = one(device, pages[i]);
		if (result < 0)
			return i > 0 ? (int)i : result;
	}
	return (int)n_pages;
}

BALLOON_ALWAYS_INLINE int balloon_each_pair(struct balloon_device *device,
	int (*one)(struct balloon_device *, struct balloon_page, struct balloon_page),
	const struct balloon_page *new_pages, const struct balloon_page *old_pages, size_t n_pages)
{
	for (size_t i = 0; i < n_pages; i++) {
		int result = one(device, new_pages[i], old_pages[i]);
		if (result < 0)
			return i > 0 ? (int)i : result;
	}
	return (int)n_pages;
}

#ifdef __cplusplus
}
#endif

#endif
