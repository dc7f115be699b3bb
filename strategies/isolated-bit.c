/* SPDX-License-Identifier: MIT */
/*
 * isolated-bit: the step that the change for Linux 7.0 names and leaves open: device-lock without
 * the page lock.
 *
 * Descriptor, 12 bytes                               written by whoever holds
 *   link        place on the device's list             the device lock
 *   membership  the owner, and the ISOLATED bit        the device lock (one plain store of an
 *                                                      atomic word: scanners read it lockless)
 * Map: the device lock, one for all devices. Device: page list and counts, under that lock.
 *
 * In device-lock a page lock around the callbacks keeps two scanners from isolating one page twice.
 * Here the isolated flag lives with the balloon, under the lock that isolate needs anyway. A free
 * test-and-set of the bit before that lock is taken would not do by itself: the second scanner
 * could not tell "isolated" (a wrong state) from "being looked at by somebody who will find it
 * deflated" (again), and the first would write into descriptors of pages that left the balloon.
 * Owner and bit share a word, so every transition is one store of one value:
 *   OWNED: 0; LISTED: owner; ISOLATED: owner with the bit.
 *
 * Locks: the device lock alone; one hold a batch in every operation.
 *   insert    0 becomes owner; link.
 *   dequeue   unlink; owner becomes 0.
 *   isolate   unlink; owner becomes owner with the bit.
 *   putback   owner with the bit becomes owner; link.
 *   migrate   new: 0 becomes owner, link. old: owner with the bit becomes 0.
 *   finalize  owner with the bit becomes 0.
 *
 * Why the contract holds
 *   I1  membership and link change in one hold of the one lock, as above: the page is linked
 *       exactly in state LISTED.
 *   I2  the owner is the membership word: there is none in state OWNED.
 *   I3  the counts change in the same hold.
 *   I4  isolate needs the bit clear and sets it in one hold. The bit goes only in putback (and
 *       where membership ends), in the hold that links the page: no second isolate finds the bit
 *       clear and the page unlinked (H-39, H-40).
 *   I5  dequeue takes from the list, where no isolated page is. putback's last access to the page
 *       is in the hold that links it: a dequeue that finds it comes later, and nothing follows.
 *   I6  membership ends by a store under the lock; isolate tests the word under the lock.
 *   I7  follows from I3: every transition is counted once.
 *   I8  an OWNED page's word is 0 and its link unlinked. There are no page locks and no references:
 *       a scanner with a stale view reads the word and writes nothing.
 *   I9  the pre-check reads one word of a descriptor, nothing through it.
 *   I10 the word is tested under the lock before anything changes.
 *
 * Order: the lock's own pair (sync.h, L1-L2). The word is read without the lock as a hint, tested
 * again under it: relaxed. isolate refuses by the hint alone where the hint says that the page is
 * not listed: at that moment it was not.
 *
 * Deviations: page type and movable-ops are not kept; the membership word says what they say.
 *
 * Choose it by default: the smallest descriptor with a list, no atomic operation but the lock's,
 * and batches cost one lock in every operation. All devices of a map share that lock.
 */
#include <balloon/list.h>
#include <balloon/strategy.h>

#define ISOLATED UINT32_C(0x80000000)

struct map_area {
	struct balloon_lock device_lock;
};

struct device_area {
	struct balloon_list list; /* the device lock */
};

struct descriptor {
	struct balloon_link link;
	struct balloon_atomic_u32 membership;
};

static struct balloon_lock *lock_of(const struct balloon_memmap *map)
{
	return &((struct map_area *)balloon_memmap_area(map))->device_lock;
}

static struct balloon_list *list_of(struct balloon_device *device)
{
	return &((struct device_area *)balloon_device_area(device))->list;
}

static struct descriptor *descriptor_of(const struct balloon_memmap *map, struct balloon_page page)
{
	return (struct descriptor *)balloon_descriptor(map, page);
}

static uint64_t memmap_bytes(const struct balloon_memmap_geometry *geometry)
{
	(void)geometry;
	return sizeof(struct map_area);
}

static uint64_t device_bytes(const struct balloon_memmap_geometry *geometry)
{
	(void)geometry;
	return sizeof(struct device_area);
}

static void memmap_init(struct balloon_memmap *map)
{
	balloon_lock_init_lasting(lock_of(map), BALLOON_RANK_PAGES, &map->n_contended);
}

static void memmap_fini(struct balloon_memmap *map)
{
	balloon_lock_fini(lock_of(map));
}

static void device_init(struct balloon_device *device)
{
	balloon_list_init(list_of(device));
}

static void descriptor_init(struct balloon_memmap *map, struct balloon_page page)
{
	struct descriptor *d = descriptor_of(map, page);
	balloon_link_init(&d->link);
	balloon_atomic_init(&d->membership, BALLOON_OWNER_NONE, BALLOON_SHARED_MARK);
}

static void device_open(struct balloon_device *device, void *context)
{
	balloon_device_open_under(lock_of(device->map), device, context);
}

static int device_close(struct balloon_device *device)
{
	return balloon_device_close_under(lock_of(device->map), device);
}

static void device_stats(struct balloon_device *device, struct balloon_device_stats *stats)
{
	balloon_device_stats_under(lock_of(device->map), device, stats);
}

/* A hint without the lock, the truth under it. */
static uint32_t membership_of(const struct descriptor *d)
{
	return balloon_atomic_load(&d->membership, BALLOON_RELAXED);
}

/* Caller holds the device lock. */
static void set_membership(struct descriptor *d, uint32_t membership)
{
	balloon_atomic_store(&d->membership, membership, BALLOON_RELAXED);
}

static bool is_listed(uint32_t membership)
{
	return membership != BALLOON_OWNER_NONE && !(membership & ISOLATED);
}

static bool is_isolated(uint32_t membership)
{
	return membership & ISOLATED;
}

static struct balloon_device *owner_of(const struct balloon_memmap *map, uint32_t membership)
{
	return balloon_owner_device(map, membership & ~ISOLATED);
}

/* OWNED to LISTED, one after the other. Caller holds the device lock. */
static int insert_locked(
	struct balloon_device *device, const struct balloon_page *pages, size_t n_pages)
{
	const struct balloon_descriptors descriptors = device->map->descriptors;
	const uint32_t owner = balloon_device_owner(device);
	size_t n_done = 0;
	balloon_lock_assert_held(lock_of(device->map));
	for (; n_done < n_pages; n_done++) {
		struct descriptor *d = (struct descriptor *)balloon_descriptor_at(
			&descriptors, pages[n_done].index);
		if (membership_of(d) != BALLOON_OWNER_NONE)
			break;
		set_membership(d, owner);
		balloon_list_push(&descriptors, list_of(device), pages[n_done]);
	}
	return n_done > 0 ? (int)n_done : -EEXIST;
}

static int insert(struct balloon_device *device, const struct balloon_page *pages, size_t n_pages)
{
	struct balloon_lock *lock = lock_of(device->map);
	int result = -ENODEV;
	balloon_lock_acquire(lock);
	if (balloon_device_is_open(device))
		result = insert_locked(device, pages, n_pages);
	if (result > 0)
		balloon_device_count(device, BALLOON_INSERTED, (uint64_t)result);
	balloon_lock_release(lock);
	return result;
}

static int dequeue(struct balloon_device *device, struct balloon_page *pages, size_t n_pages)
{
	struct balloon_memmap *map = device->map;
	const struct balloon_descriptors descriptors = map->descriptors;
	struct balloon_list *list = list_of(device);
	size_t n_done = 0;
	balloon_lock_acquire(lock_of(map));
	while (n_done < n_pages && BALLOON_READ(list->first) != BALLOON_LINK_END) {
		struct balloon_page page = balloon_list_pop(&descriptors, list);
		struct descriptor *d =
			(struct descriptor *)balloon_descriptor_at(&descriptors, page.index);
		set_membership(d, BALLOON_OWNER_NONE);
		pages[n_done++] = page;
	}
	balloon_device_count(device, BALLOON_DEQUEUED, n_done);
	int result = balloon_dequeue_result(device, n_done);
	balloon_lock_release(lock_of(map));
	return result;
}

/* LISTED to ISOLATED. Caller holds the device lock. */
static int isolate_locked(struct balloon_memmap *map, struct balloon_page page)
{
	struct descriptor *d = descriptor_of(map, page);
	uint32_t membership = membership_of(d);
	if (!is_listed(membership))
		return -ESTALE;
	struct balloon_device *device = owner_of(map, membership);
	balloon_list_unlink(&map->descriptors, list_of(device), page);
	set_membership(d, membership | ISOLATED);
	balloon_device_count(device, BALLOON_ISOLATED, 1);
	return 0;
}

static int isolate(struct balloon_memmap *map, const struct balloon_page *pages, size_t n_pages)
{
	if (!is_listed(membership_of(descriptor_of(map, pages[0]))))
		return -ESTALE; /* the scanner's common case costs no lock */
	balloon_lock_acquire(lock_of(map));
	int result = balloon_each_of_map(map, isolate_locked, pages, n_pages);
	balloon_lock_release(lock_of(map));
	return result;
}

/* ISOLATED to LISTED. Caller holds the device lock. */
static int putback_locked(struct balloon_memmap *map, struct balloon_page page)
{
	struct descriptor *d = descriptor_of(map, page);
	uint32_t membership = membership_of(d);
	if (!is_isolated(membership))
		return -ESTALE;
	struct balloon_device *device = owner_of(map, membership);
	set_membership(d, membership & ~ISOLATED);
	balloon_list_push(&map->descriptors, list_of(device), page);
	balloon_device_count(device, BALLOON_PUT_BACK, 1);
	return 0;
}

static int putback(struct balloon_memmap *map, const struct balloon_page *pages, size_t n_pages)
{
	balloon_lock_acquire(lock_of(map));
	int result = balloon_each_of_map(map, putback_locked, pages, n_pages);
	balloon_lock_release(lock_of(map));
	return result;
}

/* May this page leave the device from isolation? Caller holds the device lock. */
static int check_leaving(const struct balloon_device *device, const struct descriptor *d)
{
	uint32_t membership = membership_of(d);
	if (!is_isolated(membership))
		return -ESTALE;
	return owner_of(device->map, membership) == device ? 0 : -EXDEV;
}

/* New OWNED to LISTED, old ISOLATED to OWNED. Caller holds the device lock. */
static int migrate_locked(
	struct balloon_device *device, struct balloon_page new_page, struct balloon_page old_page)
{
	struct descriptor *old_d = descriptor_of(device->map, old_page);
	int result = check_leaving(device, old_d);
	if (result == 0)
		result = insert_locked(device, &new_page, 1);
	if (result < 0)
		return result;
	set_membership(old_d, BALLOON_OWNER_NONE);
	return 0;
}

static int migrate(struct balloon_device *device, const struct balloon_page *new_pages,
	const struct balloon_page *old_pages, size_t n_pages)
{
	struct balloon_lock *lock = lock_of(device->map);
	balloon_lock_acquire(lock);
	int result = balloon_each_pair(device, migrate_locked, new_pages, old_pages, n_pages);
	if (result > 0)
		balloon_device_count(device, BALLOON_MIGRATED, (uint64_t)result);
	balloon_lock_release(lock);
	return result;
}

/* ISOLATED to OWNED. Caller holds the device lock. */
static int finalize_locked(struct balloon_device *device, struct balloon_page page)
{
	struct descriptor *d = descriptor_of(device->map, page);
	int result = check_leaving(device, d);
	if (result == 0)
		set_membership(d, BALLOON_OWNER_NONE);
	return result;
}

static int finalize(struct balloon_device *device, const struct balloon_page *pages, size_t n_pages)
{
	struct balloon_lock *lock = lock_of(device->map);
	balloon_lock_acquire(lock);
	int result = balloon_each_of_device(device, finalize_locked, pages, n_pages);
	if (result > 0)
		balloon_device_count(device, BALLOON_FINALIZED, (uint64_t)result);
	balloon_lock_release(lock);
	return result;
}

static bool is_candidate(const struct balloon_memmap *map, struct balloon_page page)
{
	return is_listed(membership_of(descriptor_of(map, page)));
}

static struct balloon_device *device_of(struct balloon_memmap *map, struct balloon_page page)
{
	balloon_lock_acquire(lock_of(map));
	uint32_t membership = membership_of(descriptor_of(map, page));
	balloon_lock_release(lock_of(map));
	return is_isolated(membership) ? owner_of(map, membership) : NULL;
}

static const char *find_defect(
	struct balloon_memmap *map, struct balloon_page page, const struct descriptor *d)
{
	uint32_t membership = membership_of(d);
	if ((membership & ~ISOLATED) > map->n_devices)
		return "I2: the owner is none of the map's devices";
	if (membership == ISOLATED)
		return "I2: a page is isolated and has no device";
	if (balloon_link_is_linked(&d->link) != is_listed(membership))
		return "I1: linked and listed differ";
	if (is_listed(membership) && !balloon_list_is_sound_at(&map->descriptors,
					     list_of(owner_of(map, membership)), page))
		return "I1: a page's neighbours do not point back at it";
	return NULL;
}

static struct balloon_page_info inspect(struct balloon_memmap *map, struct balloon_page page)
{
	const struct descriptor *d = descriptor_of(map, page);
	uint32_t membership = membership_of(d);
	struct balloon_page_info info = {BALLOON_PAGE_OWNED, NULL, find_defect(map, page, d)};
	if (info.defect || membership == BALLOON_OWNER_NONE)
		return info;
	info.state = is_isolated(membership) ? BALLOON_PAGE_ISOLATED : BALLOON_PAGE_LISTED;
	info.device = owner_of(map, membership);
	return info;
}

static uint32_t list_next(struct balloon_device *device, uint32_t page)
{
	return balloon_list_next(&device->map->descriptors, list_of(device), page);
}

const struct balloon_strategy balloon_strategy_isolated_bit = {
	.abi = BALLOON_STRATEGY_ABI,
	.name = "isolated-bit",
	.era = "after Linux 7.0 (the step left open in January 2026)",
	.descriptor_bytes = sizeof(struct descriptor),
	.descriptor_align = _Alignof(struct descriptor),
	.order = BALLOON_ORDER_LIFO,
	.memmap_bytes = memmap_bytes,
	.device_bytes = device_bytes,
	.memmap_init = memmap_init,
	.memmap_fini = memmap_fini,
	.device_init = device_init,
	.descriptor_init = descriptor_init,
	.device_open = device_open,
	.device_close = device_close,
	.device_stats = device_stats,
	.insert = insert,
	.dequeue = dequeue,
	.isolate = isolate,
	.putback = putback,
	.migrate = migrate,
	.finalize = finalize,
	.is_candidate = is_candidate,
	.device_of = device_of,
	.inspect = inspect,
	.list_next = list_next,
};
