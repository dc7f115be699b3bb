/* SPDX-License-Identifier: MIT */
/*
 * device-lock: the design of Linux 7.0 (commit of January 2026), hardened.
 *
 * Descriptor, 24 bytes                               written by whoever holds
 *   link        place on the device's list             the device lock
 *   flags       page lock bit; ISOLATED                bit: anybody; ISOLATED: page lock and device
 *                                                      lock
 *   references  what the migration code around the     anybody, atomically
 *               callbacks holds: 1 while isolated,
 *               1 per scanner that looks
 *   type        "offline" and movable-ops: isolation   the device lock (plain store of an atomic
 *               may be tried                           word: scanners read it lockless)
 *   private     the owner                              the device lock (as type)
 * Map: the device lock, one for all devices. It cannot live in a device: isolate must hold it
 * before it may ask which device a page belongs to (H-07). Device: page list and counts, under that
 * lock.
 *
 * The balloon's own half, insert and dequeue, takes no page lock and touches no reference: the
 * membership reference is the one that the caller hands over, and `private` stands for it.
 * Isolate, putback, migrate and finalize contain the migration code's half: reference, page lock,
 * ISOLATED. The type is sticky: it stays when a page leaves the balloon.
 * OWNED: private empty; LISTED: private set, ISOLATED clear; ISOLATED: both set.
 *
 * Lock order: page lock, then device lock. Nothing goes the other way round.
 *   Rule i:  private is set by inflation and cleared by deflation under the device lock.
 *   Rule ii: isolation and dequeue unlink under the device lock.
 *
 * Each operation:
 *   insert    device lock over the batch: type, private, list.
 *   dequeue   device lock over the batch: clear private, unlink.
 *   isolate   type, private set: raise the count; trylock the page; not ISOLATED: device lock;
 *             private empty: deflated meanwhile, refuse; else unlink, ISOLATED. The reference
 *             stays.
 *   putback   lock the page, waiting; ISOLATED: device lock: list, clear ISOLATED, drop the
 *             reference, unlock the page, all before the device lock is released.
 *   migrate   lock old, waiting; device lock: new in, old's private and ISOLATED away; drop old's
 *             reference; unlock old.
 *   finalize  as migrate, without a new page.
 *
 * Why the contract holds
 *   I1  private, ISOLATED and link change under the device lock alone; each change above leaves one
 *       of the three states. insert links only where private is empty, putback only where ISOLATED
 *       is set, and no listed page has either.
 *   I2  rule i.
 *   I3  the counts change in the hold of the device lock that changes the list.
 *   I4  isolate needs ISOLATED clear under the page lock, which it holds until ISOLATED is set: the
 *       page lock around the callback is what refuses the second one (H-39).
 *   I5  dequeue takes from the list only, where no isolated page is, under the device lock. A page
 *       that putback lists is unlocked and its reference dropped in the hold that lists it: a
 *       dequeue that finds it comes after that (H-40).
 *   I6  private goes under the device lock (rule i), isolate tests it under the device lock.
 *   I7  follows from I3: every transition is counted once.
 *   I8  dequeue clears private and link; migrate and finalize also ISOLATED and their reference and
 *       page lock before they return the page. A scanner's reference or trylock may remain, under
 *       way: insert does not mind either.
 *   I9  the pre-check reads type, private and flags of a descriptor, nothing through them.
 *   I10 private and ISOLATED are tested under the device lock before anything changes.
 *
 * Order: the locks' own pairs (sync.h, L1-L2 and P1-P2). Type, private and ISOLATED are read
 * without the device lock as hints, tested again under it: relaxed.
 *
 * Deviations from history: ISOLATED is cleared and the page listed, unlocked and its reference
 * dropped, in one hold of the device lock (H-40); isolate reads private before it takes any lock,
 * because a sticky type says little of pages that left; putback of a page that is not isolated is
 * refused, not warned of. The owner is a device's number, not a pointer.
 *
 * Choose it where inflating and deflating matter most: a batch costs one lock and no other atomic
 * operation. All devices of a map share that lock.
 */
#include <balloon/list.h>
#include <balloon/strategy.h>

enum { ISOLATED = BALLOON_PAGE_FLAG_FIRST };

enum { TYPE_OFFLINE = 1, MOVABLE_OPS = 2 };

struct map_area {
	struct balloon_lock device_lock;
};

struct device_area {
	struct balloon_list list; /* the device lock */
};

struct descriptor {
	struct balloon_link link;
	struct balloon_atomic_u32 flags;
	struct balloon_atomic_u32 references;
	struct balloon_atomic_u32 type;
	struct balloon_atomic_u32 private; /* owner: balloon_device_owner() */
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
	balloon_page_lock_init(&d->flags);
	balloon_reference_init(&d->references);
	balloon_atomic_init(&d->type, 0, BALLOON_SHARED_MARK);
	balloon_atomic_init(&d->private, BALLOON_OWNER_NONE, BALLOON_SHARED_MARK);
}

static void descriptor_fini(struct balloon_memmap *map, struct balloon_page page)
{
	balloon_page_lock_fini(&descriptor_of(map, page)->flags);
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

/* A hint without the device lock, the truth under it. */
static uint32_t private_of(const struct descriptor *d)
{
	return balloon_atomic_load(&d->private, BALLOON_RELAXED);
}

static bool has_isolated(const struct descriptor *d)
{
	return balloon_atomic_load(&d->flags, BALLOON_RELAXED) & ISOLATED;
}

/* Membership begins. Caller holds the device lock. */
static void begin(struct balloon_device *device, const struct balloon_descriptors *pages,
	struct balloon_page page)
{
	struct descriptor *d = (struct descriptor *)balloon_descriptor_at(pages, page.index);
	balloon_lock_assert_held(lock_of(device->map));
	balloon_atomic_store(&d->type, TYPE_OFFLINE | MOVABLE_OPS, BALLOON_RELAXED);
	balloon_atomic_store(&d->private, balloon_device_owner(device), BALLOON_RELAXED);
	balloon_list_push(pages, list_of(device), page);
}

/* Caller holds the device lock. */
static int insert_locked(
	struct balloon_device *device, const struct balloon_page *pages, size_t n_pages)
{
	const struct balloon_descriptors descriptors = device->map->descriptors;
	size_t n_done = 0;
	if (!balloon_device_is_open(device))
		return -ENODEV;
	for (; n_done < n_pages; n_done++) {
		if (private_of((struct descriptor *)balloon_descriptor_at(
			    &descriptors, pages[n_done].index)) != BALLOON_OWNER_NONE)
			break;
		begin(device, &descriptors, pages[n_done]);
	}
	balloon_device_count(device, BALLOON_INSERTED, n_done);
	return n_done ? (int)n_done : -EEXIST;
}

static int insert(struct balloon_device *device, const struct balloon_page *pages, size_t n_pages)
{
	struct balloon_lock *lock = lock_of(device->map);
	balloon_lock_acquire(lock);
	int result = insert_locked(device, pages, n_pages);
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
		BALLOON_ASSERT(!has_isolated(d));
		balloon_atomic_store(&d->private, BALLOON_OWNER_NONE, BALLOON_RELAXED);
		pages[n_done++] = page;
	}
	balloon_device_count(device, BALLOON_DEQUEUED, n_done);
	int result = balloon_dequeue_result(device, n_done);
	balloon_lock_release(lock_of(map));
	return result;
}

/* The isolate callback. Caller holds the page lock of a page that is not isolated. */
static int isolate_page(struct balloon_memmap *map, struct balloon_page page, struct descriptor *d)
{
	balloon_lock_acquire(lock_of(map));
	struct balloon_device *device = balloon_owner_device(map, private_of(d));
	if (device) {
		balloon_list_unlink(&map->descriptors, list_of(device), page);
		balloon_atomic_or(&d->flags, ISOLATED, BALLOON_RELAXED);
		balloon_device_count(device, BALLOON_ISOLATED, 1);
	}
	balloon_lock_release(lock_of(map));
	return device ? 0 : -ESTALE; /* empty: deflated meanwhile */
}

static bool is_movable(const struct descriptor *d)
{
	return (balloon_atomic_load(&d->type, BALLOON_RELAXED) & MOVABLE_OPS) &&
	       private_of(d) != BALLOON_OWNER_NONE;
}

static int isolate_one(struct balloon_memmap *map, struct balloon_page page)
{
	struct descriptor *d = descriptor_of(map, page);
	int result = -EAGAIN;
	if (!is_movable(d))
		return -ESTALE;
	balloon_reference_get(&d->references);
	if (balloon_page_trylock(&d->flags, &map->n_contended)) {
		result = has_isolated(d) ? -ESTALE : isolate_page(map, page, d);
		balloon_page_unlock(&d->flags);
	}
	if (result < 0)
		balloon_reference_put(&d->references, 1);
	return result;
}

static int isolate(struct balloon_memmap *map, const struct balloon_page *pages, size_t n_pages)
{
	return balloon_each_of_map(map, isolate_one, pages, n_pages);
}

/*
 * The putback callback and what the migration code does after it. Caller holds the page lock of an
 * isolated page; it is released here, before the device lock: once that is free, the page may be
 * dequeued and is nobody's business any more (H-40).
 */
static void putback_page(struct balloon_memmap *map, struct balloon_page page, struct descriptor *d)
{
	balloon_lock_acquire(lock_of(map));
	struct balloon_device *device = balloon_owner_device(map, private_of(d));
	balloon_list_push(&map->descriptors, list_of(device), page);
	balloon_atomic_and(&d->flags, ~(uint32_t)ISOLATED, BALLOON_RELAXED);
	balloon_device_count(device, BALLOON_PUT_BACK, 1);
	balloon_reference_put(&d->references, 1);
	balloon_page_unlock(&d->flags);
	balloon_lock_release(lock_of(map));
}

static int putback_one(struct balloon_memmap *map, struct balloon_page page)
{
	struct descriptor *d = descriptor_of(map, page);
	balloon_page_lock(&d->flags, &map->n_contended);
	if (has_isolated(d)) {
		putback_page(map, page, d);
		return 0;
	}
	balloon_page_unlock(&d->flags);
	return -ESTALE;
}

static int putback(struct balloon_memmap *map, const struct balloon_page *pages, size_t n_pages)
{
	return balloon_each_of_map(map, putback_one, pages, n_pages);
}

/* May this isolated page of the device leave it? Caller holds the page lock. */
static int check_leaving(const struct balloon_device *device, const struct descriptor *d)
{
	if (!has_isolated(d))
		return -ESTALE;
	return private_of(d) == balloon_device_owner(device) ? 0 : -EXDEV;
}

/* Membership of an isolated page ends. Caller holds its page lock and the device lock. */
static void end_isolated(struct descriptor *d)
{
	balloon_page_lock_assert_held(&d->flags);
	balloon_atomic_store(&d->private, BALLOON_OWNER_NONE, BALLOON_RELAXED);
	balloon_atomic_and(&d->flags, ~(uint32_t)ISOLATED, BALLOON_RELAXED);
}

/* Caller holds the old page's lock; old may leave. */
static int swap(struct balloon_device *device, struct balloon_page new_page,
	struct descriptor *new_d, struct descriptor *old_d)
{
	struct balloon_lock *lock = lock_of(device->map);
	int result = -EEXIST;
	balloon_lock_acquire(lock);
	if (private_of(new_d) == BALLOON_OWNER_NONE) {
		begin(device, &device->map->descriptors, new_page);
		end_isolated(old_d);
		balloon_device_count(device, BALLOON_MIGRATED, 1);
		result = 0;
	}
	balloon_lock_release(lock);
	return result;
}

static int migrate_one(
	struct balloon_device *device, struct balloon_page new_page, struct balloon_page old_page)
{
	struct descriptor *new_d = descriptor_of(device->map, new_page);
	struct descriptor *old_d = descriptor_of(device->map, old_page);
	balloon_page_lock(&old_d->flags, &device->map->n_contended);
	int result = check_leaving(device, old_d);
	if (result == 0)
		result = swap(device, new_page, new_d, old_d);
	if (result == 0)
		balloon_reference_put(&old_d->references, 1);
	balloon_page_unlock(&old_d->flags);
	return result;
}

static int migrate(struct balloon_device *device, const struct balloon_page *new_pages,
	const struct balloon_page *old_pages, size_t n_pages)
{
	return balloon_each_pair(device, migrate_one, new_pages, old_pages, n_pages);
}

static int finalize_one(struct balloon_device *device, struct balloon_page page)
{
	struct descriptor *d = descriptor_of(device->map, page);
	struct balloon_lock *lock = lock_of(device->map);
	balloon_page_lock(&d->flags, &device->map->n_contended);
	int result = check_leaving(device, d);
	if (result == 0) {
		balloon_lock_acquire(lock);
		end_isolated(d);
		balloon_device_count(device, BALLOON_FINALIZED, 1);
		balloon_lock_release(lock);
		balloon_reference_put(&d->references, 1);
	}
	balloon_page_unlock(&d->flags);
	return result;
}

static int finalize(struct balloon_device *device, const struct balloon_page *pages, size_t n_pages)
{
	return balloon_each_of_device(device, finalize_one, pages, n_pages);
}

static bool is_candidate(const struct balloon_memmap *map, struct balloon_page page)
{
	const struct descriptor *d = descriptor_of(map, page);
	return is_movable(d) && !has_isolated(d);
}

static struct balloon_device *device_of(struct balloon_memmap *map, struct balloon_page page)
{
	const struct descriptor *d = descriptor_of(map, page);
	balloon_lock_acquire(lock_of(map));
	struct balloon_device *device =
		has_isolated(d) ? balloon_owner_device(map, private_of(d)) : NULL;
	balloon_lock_release(lock_of(map));
	return device;
}

static const char *find_defect(
	struct balloon_memmap *map, struct balloon_page page, const struct descriptor *d)
{
	uint32_t owner = private_of(d);
	bool is_member = owner != BALLOON_OWNER_NONE;
	bool is_listed = is_member && !has_isolated(d);
	if (owner > map->n_devices)
		return "I2: the owner is none of the map's devices";
	if (balloon_atomic_load(&d->flags, BALLOON_RELAXED) & ~(uint32_t)ISOLATED)
		return "I8: a page is locked and nothing is under way";
	if (has_isolated(d) && !is_member)
		return "I2: a page is isolated and has no device";
	if (is_member && balloon_atomic_load(&d->type, BALLOON_RELAXED) == 0)
		return "I1: a ballooned page lacks its type";
	if (balloon_atomic_load(&d->references, BALLOON_RELAXED) != (has_isolated(d) ? 1u : 0u))
		return "I8: the reference count does not fit the state";
	if (balloon_link_is_linked(&d->link) != is_listed)
		return "I1: linked and listed differ";
	if (is_listed && !balloon_list_is_sound_at(&map->descriptors,
				 list_of(balloon_owner_device(map, owner)), page))
		return "I1: a page's neighbours do not point back at it";
	return NULL;
}

static struct balloon_page_info inspect(struct balloon_memmap *map, struct balloon_page page)
{
	const struct descriptor *d = descriptor_of(map, page);
	struct balloon_page_info info = {BALLOON_PAGE_OWNED, NULL, find_defect(map, page, d)};
	if (info.defect || private_of(d) == BALLOON_OWNER_NONE)
		return info;
	info.state = has_isolated(d) ? BALLOON_PAGE_ISOLATED : BALLOON_PAGE_LISTED;
	info.device = balloon_owner_device(map, private_of(d));
	return info;
}

static uint32_t list_next(struct balloon_device *device, uint32_t page)
{
	return balloon_list_next(&device->map->descriptors, list_of(device), page);
}

const struct balloon_strategy balloon_strategy_device_lock = {
	.abi = BALLOON_STRATEGY_ABI,
	.name = "device-lock",
	.era = "Linux 7.0 (January 2026)",
	.descriptor_bytes = sizeof(struct descriptor),
	.descriptor_align = _Alignof(struct descriptor),
	.order = BALLOON_ORDER_LIFO,
	.memmap_bytes = memmap_bytes,
	.device_bytes = device_bytes,
	.memmap_init = memmap_init,
	.memmap_fini = memmap_fini,
	.device_init = device_init,
	.descriptor_init = descriptor_init,
	.descriptor_fini = descriptor_fini,
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
