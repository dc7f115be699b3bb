/* SPDX-License-Identifier: MIT */
/*
 * mapcount: the design of Linux 3.18 (October 2014), hardened to the form of 4.5.
 *
 * Descriptor, 24 bytes                               written by whoever holds
 *   link        place on the device's list             the device's pages lock
 *   flags       page lock bit; PRIVATE = on the list   bit: anybody; PRIVATE: the page lock
 *   references  1 for membership, 1 while isolated,    anybody, atomically
 *               1 per scanner that looks
 *   mapcount    -1, or -256 in a ballooned page        the page lock (plain store of an atomic
 *                                                      word: scanners read it lockless)
 *   device      the owner                              the page lock
 * Device: page list and counts under its pages lock.
 *
 * The mark is in the page itself: nothing has to be dereferenced to see it, and nothing can be
 * mistaken for it. PRIVATE replaces the rules about counts: LISTED is mark and PRIVATE, ISOLATED is
 * the mark alone, OWNED is neither.
 *
 * Lock order: page lock, then pages lock. dequeue alone goes the other way round, by trylock, which
 * never waits. Two page locks: only migrate holds two, the second by trylock.
 *
 * Each operation on one page:
 *   insert    trylock the page; pages lock: mark (from -1 only), PRIVATE, device, list, reference.
 *   dequeue   pages lock over the walk; trylock each page, pass over those that fail: clear mark,
 *             device and PRIVATE, unlink; drop membership's reference; unlock the page.
 *   isolate   raise the count unless zero; trylock the page; mark and PRIVATE: pages lock, clear
 *             PRIVATE, unlink. The reference stays.
 *   putback   lock the page, waiting; the mark alone: pages lock, PRIVATE, list; drop the
 *             reference.
 *   migrate   lock old, waiting; trylock new; pages lock: new in, old's mark and device away; drop
 *             both of old's references.
 *   finalize  lock the page, waiting; pages lock: clear mark and device; drop both references.
 *
 * Why the contract holds
 *   I1  mark, PRIVATE and device change under the page lock, PRIVATE together with link under the
 *       pages lock; each change above leaves one of the three states. Only insert, putback and
 *       migrate link a page, each after it saw under the page lock that PRIVATE is clear.
 *   I2  device is set with the mark and cleared with it, in one hold of the page lock.
 *   I3  the counts change in the hold of the pages lock that changes the list.
 *   I4  isolate needs PRIVATE under the page lock and clears it: the second one is refused.
 *   I5  dequeue takes from the list only, where no isolated page is, under the pages lock; putback
 *       holds the page lock until its last access, and dequeue's trylock fails before that.
 *   I6  the mark goes under the page lock; isolate tests it under the page lock.
 *   I7  follows from I3: every transition is counted once.
 *   I8  whoever ends membership clears mark, PRIVATE, device and link, and drops membership's
 *       reference and its own before it unlocks. A scanner's reference or trylock may remain, under
 *       way.
 *   I9  the pre-check reads mapcount and flags of a descriptor, nothing through them.
 *   I10 mark and PRIVATE are tested under the page lock before anything changes.
 *
 * Order: the locks' own pairs (sync.h, L1-L2 and P1-P2). Mark and PRIVATE are read without a lock
 * as a hint, tested again under the page lock: relaxed.
 *
 * Deviations from history: the pages lock covers dequeue's walk, the page's trylock inside it
 * (H-04); migration is one operation that knows what it moved, and asks no page after unlocking it
 * (H-06); a contended insert answers "again" (H-36); a page in the wrong state is refused where
 * history asserted or warned. The owner is a device's number, not a pointer.
 *
 * Choose it to see a mark in the page against a mark behind a pointer (page-lock). It pays for two
 * locks a page as page-lock does.
 */
#include <balloon/list.h>
#include <balloon/strategy.h>

/* The map count of a page without users, and of a ballooned page. */
#define MAPCOUNT_NONE    ((uint32_t)-1)
#define MAPCOUNT_BALLOON ((uint32_t)-256)

enum { PRIVATE = BALLOON_PAGE_FLAG_FIRST };

struct area {
	struct balloon_lock pages_lock;
	struct balloon_list list;
};

struct descriptor {
	struct balloon_link link;
	struct balloon_atomic_u32 flags;
	struct balloon_atomic_u32 references;
	struct balloon_atomic_u32 mapcount;
	uint32_t device; /* owner: balloon_device_owner() */
};

static struct area *area_of(struct balloon_device *device)
{
	return (struct area *)balloon_device_area(device);
}

static struct descriptor *descriptor_of(const struct balloon_memmap *map, struct balloon_page page)
{
	return (struct descriptor *)balloon_descriptor(map, page);
}

static uint64_t device_bytes(const struct balloon_memmap_geometry *geometry)
{
	(void)geometry;
	return sizeof(struct area);
}

static void device_init(struct balloon_device *device)
{
	struct area *area = area_of(device);
	balloon_lock_init(&area->pages_lock, BALLOON_RANK_PAGES, &device->map->n_contended);
	balloon_list_init(&area->list);
}

static void device_fini(struct balloon_device *device)
{
	balloon_lock_fini(&area_of(device)->pages_lock);
}

static void descriptor_init(struct balloon_memmap *map, struct balloon_page page)
{
	struct descriptor *d = descriptor_of(map, page);
	balloon_link_init(&d->link);
	balloon_page_lock_init(&d->flags);
	balloon_reference_init(&d->references);
	balloon_atomic_init(&d->mapcount, MAPCOUNT_NONE, BALLOON_SHARED_MARK);
}

static void descriptor_fini(struct balloon_memmap *map, struct balloon_page page)
{
	balloon_page_lock_fini(&descriptor_of(map, page)->flags);
}

static void device_open(struct balloon_device *device, void *context)
{
	balloon_device_open_under(&area_of(device)->pages_lock, device, context);
}

static int device_close(struct balloon_device *device)
{
	return balloon_device_close_under(&area_of(device)->pages_lock, device);
}

static void device_stats(struct balloon_device *device, struct balloon_device_stats *stats)
{
	balloon_device_stats_under(&area_of(device)->pages_lock, device, stats);
}

static bool has_mark(const struct descriptor *d)
{
	return balloon_atomic_load(&d->mapcount, BALLOON_RELAXED) == MAPCOUNT_BALLOON;
}

static bool has_private(const struct descriptor *d)
{
	return balloon_atomic_load(&d->flags, BALLOON_RELAXED) & PRIVATE;
}

static bool is_listed(const struct descriptor *d)
{
	return has_mark(d) && has_private(d);
}

static bool is_isolated(const struct descriptor *d)
{
	return has_mark(d) && !has_private(d);
}

/* Caller holds the page lock of a ballooned page. */
static struct balloon_device *owner_of(const struct balloon_memmap *map, const struct descriptor *d)
{
	balloon_page_lock_assert_held(&d->flags);
	return balloon_owner_device(map, BALLOON_READ(d->device));
}

/* To the list. Caller holds the page lock and the pages lock. */
static void link_page(struct balloon_device *device, struct balloon_page page, struct descriptor *d)
{
	struct area *area = area_of(device);
	balloon_page_lock_assert_held(&d->flags);
	balloon_lock_assert_held(&area->pages_lock);
	balloon_atomic_or(&d->flags, PRIVATE, BALLOON_RELAXED);
	balloon_list_push(&device->map->descriptors, &area->list, page);
}

/* Off the list. Caller holds the page lock and the pages lock. */
static void unlink_page(
	struct balloon_device *device, struct balloon_page page, struct descriptor *d)
{
	struct area *area = area_of(device);
	balloon_page_lock_assert_held(&d->flags);
	balloon_lock_assert_held(&area->pages_lock);
	balloon_atomic_and(&d->flags, ~(uint32_t)PRIVATE, BALLOON_RELAXED);
	balloon_list_unlink(&device->map->descriptors, &area->list, page);
}

/* Membership begins. Caller holds the page lock and the pages lock. */
static void begin(struct balloon_device *device, struct balloon_page page, struct descriptor *d)
{
	BALLOON_ASSERT(balloon_atomic_load(&d->mapcount, BALLOON_RELAXED) == MAPCOUNT_NONE);
	balloon_atomic_store(&d->mapcount, MAPCOUNT_BALLOON, BALLOON_RELAXED);
	BALLOON_WRITE(d->device, balloon_device_owner(device));
	balloon_reference_get(&d->references);
	link_page(device, page, d);
}

/* Membership of a page off the list ends, but for its reference. Caller holds the page lock. */
static void end(struct descriptor *d)
{
	balloon_page_lock_assert_held(&d->flags);
	BALLOON_ASSERT(is_isolated(d));
	balloon_atomic_store(&d->mapcount, MAPCOUNT_NONE, BALLOON_RELAXED);
	BALLOON_WRITE(d->device, BALLOON_OWNER_NONE);
}

/* Caller holds the page lock. */
static int insert_locked(
	struct balloon_device *device, struct balloon_page page, struct descriptor *d)
{
	struct area *area = area_of(device);
	int result = 0;
	if (has_mark(d))
		return -EEXIST;
	balloon_lock_acquire(&area->pages_lock);
	if (balloon_device_is_open(device)) {
		begin(device, page, d);
		balloon_device_count(device, BALLOON_INSERTED, 1);
	} else {
		result = -ENODEV;
	}
	balloon_lock_release(&area->pages_lock);
	return result;
}

static int insert_one(struct balloon_device *device, struct balloon_page page)
{
	struct descriptor *d = descriptor_of(device->map, page);
	if (!balloon_page_trylock(&d->flags, &device->map->n_contended))
		return -EAGAIN;
	int result = insert_locked(device, page, d);
	balloon_page_unlock(&d->flags);
	return result;
}

static int insert(struct balloon_device *device, const struct balloon_page *pages, size_t n_pages)
{
	return balloon_each_of_device(device, insert_one, pages, n_pages);
}

static int dequeue(struct balloon_device *device, struct balloon_page *pages, size_t n_pages)
{
	struct balloon_memmap *map = device->map;
	struct area *area = area_of(device);
	size_t n_done = 0;
	balloon_lock_acquire(&area->pages_lock);
	uint32_t index = BALLOON_READ(area->list.first);
	while (n_done < n_pages && index != BALLOON_LINK_END) {
		struct balloon_page page = balloon_page(index);
		struct descriptor *d = descriptor_of(map, page);
		index = BALLOON_READ(d->link.next);
		if (!balloon_page_trylock(&d->flags, &map->n_contended))
			continue;
		unlink_page(device, page, d);
		end(d);
		balloon_reference_put(&d->references, 1);
		balloon_page_unlock(&d->flags);
		pages[n_done++] = page;
	}
	balloon_device_count(device, BALLOON_DEQUEUED, n_done);
	int result = balloon_dequeue_result(device, n_done);
	balloon_lock_release(&area->pages_lock);
	return result;
}

/* Caller holds the page lock and a reference. */
static int isolate_locked(
	struct balloon_memmap *map, struct balloon_page page, struct descriptor *d)
{
	if (!is_listed(d))
		return -ESTALE;
	struct balloon_device *device = owner_of(map, d);
	struct area *area = area_of(device);
	balloon_lock_acquire(&area->pages_lock);
	unlink_page(device, page, d);
	balloon_device_count(device, BALLOON_ISOLATED, 1);
	balloon_lock_release(&area->pages_lock);
	return 0;
}

static int isolate_one(struct balloon_memmap *map, struct balloon_page page)
{
	struct descriptor *d = descriptor_of(map, page);
	int result = -EAGAIN;
	if (!balloon_reference_get_unless_zero(&d->references))
		return -ESTALE;
	if (balloon_page_trylock(&d->flags, &map->n_contended)) {
		result = isolate_locked(map, page, d);
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

/* Caller holds the page lock. */
static int putback_locked(
	struct balloon_memmap *map, struct balloon_page page, struct descriptor *d)
{
	if (!is_isolated(d))
		return -ESTALE;
	struct balloon_device *device = owner_of(map, d);
	struct area *area = area_of(device);
	balloon_lock_acquire(&area->pages_lock);
	link_page(device, page, d);
	balloon_device_count(device, BALLOON_PUT_BACK, 1);
	balloon_lock_release(&area->pages_lock);
	balloon_reference_put(&d->references, 1);
	return 0;
}

static int putback_one(struct balloon_memmap *map, struct balloon_page page)
{
	struct descriptor *d = descriptor_of(map, page);
	balloon_page_lock(&d->flags, &map->n_contended);
	int result = putback_locked(map, page, d);
	balloon_page_unlock(&d->flags);
	return result;
}

static int putback(struct balloon_memmap *map, const struct balloon_page *pages, size_t n_pages)
{
	return balloon_each_of_map(map, putback_one, pages, n_pages);
}

/* May this isolated page of the device leave it? Caller holds the page lock. */
static int check_leaving(const struct balloon_device *device, const struct descriptor *d)
{
	if (!is_isolated(d))
		return -ESTALE;
	return owner_of(device->map, d) == device ? 0 : -EXDEV;
}

/* Caller holds both page locks. */
static int swap_locked(struct balloon_device *device, struct balloon_page new_page,
	struct descriptor *new_d, struct descriptor *old_d)
{
	struct area *area = area_of(device);
	if (has_mark(new_d))
		return -EEXIST;
	balloon_lock_acquire(&area->pages_lock);
	begin(device, new_page, new_d);
	end(old_d);
	balloon_device_count(device, BALLOON_MIGRATED, 1);
	balloon_lock_release(&area->pages_lock);
	balloon_reference_put(&old_d->references, 2);
	return 0;
}

/* Caller holds the old page's lock. */
static int migrate_locked(struct balloon_device *device, struct balloon_page new_page,
	struct descriptor *new_d, struct descriptor *old_d)
{
	int result = check_leaving(device, old_d);
	if (result < 0)
		return result;
	if (!balloon_page_trylock(&new_d->flags, &device->map->n_contended))
		return -EAGAIN;
	result = swap_locked(device, new_page, new_d, old_d);
	balloon_page_unlock(&new_d->flags);
	return result;
}

static int migrate_one(
	struct balloon_device *device, struct balloon_page new_page, struct balloon_page old_page)
{
	struct descriptor *new_d = descriptor_of(device->map, new_page);
	struct descriptor *old_d = descriptor_of(device->map, old_page);
	balloon_page_lock(&old_d->flags, &device->map->n_contended);
	int result = migrate_locked(device, new_page, new_d, old_d);
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
	struct area *area = area_of(device);
	balloon_page_lock(&d->flags, &device->map->n_contended);
	int result = check_leaving(device, d);
	if (result == 0) {
		balloon_lock_acquire(&area->pages_lock);
		end(d);
		balloon_device_count(device, BALLOON_FINALIZED, 1);
		balloon_lock_release(&area->pages_lock);
		balloon_reference_put(&d->references, 2);
	}
	balloon_page_unlock(&d->flags);
	return result;
}

static int finalize(struct balloon_device *device, const struct balloon_page *pages, size_t n_pages)
{
	return balloon_each_of_device(device, finalize_one, pages, n_pages);
}

/* A page just released may still look like one: tested again under the page lock. */
static bool is_candidate(const struct balloon_memmap *map, struct balloon_page page)
{
	return is_listed(descriptor_of(map, page));
}

static struct balloon_device *device_of(struct balloon_memmap *map, struct balloon_page page)
{
	struct descriptor *d = descriptor_of(map, page);
	balloon_page_lock(&d->flags, &map->n_contended);
	struct balloon_device *device = is_isolated(d) ? owner_of(map, d) : NULL;
	balloon_page_unlock(&d->flags);
	return device;
}

static const char *find_defect(
	struct balloon_memmap *map, struct balloon_page page, const struct descriptor *d)
{
	uint32_t mapcount = balloon_atomic_load(&d->mapcount, BALLOON_RELAXED);
	uint32_t flags = balloon_atomic_load(&d->flags, BALLOON_RELAXED);
	uint32_t owner = BALLOON_READ(d->device);
	if (mapcount != MAPCOUNT_NONE && mapcount != MAPCOUNT_BALLOON)
		return "I1: the map count is neither a page's without users nor a ballooned page's";
	if (flags & ~(uint32_t)PRIVATE)
		return "I8: a page is locked and nothing is under way";
	if (flags && !has_mark(d))
		return "I1: a page is on a list without the mark";
	if (owner > map->n_devices)
		return "I2: the owner is none of the map's devices";
	if (balloon_atomic_load(&d->references, BALLOON_RELAXED) !=
		(has_mark(d) ? 1u : 0u) + (is_isolated(d) ? 1u : 0u))
		return "I8: the reference count does not fit the state";
	if (balloon_link_is_linked(&d->link) != is_listed(d))
		return "I1: linked and listed differ";
	if (is_listed(d) && owner != BALLOON_OWNER_NONE &&
		!balloon_list_is_sound_at(
			&map->descriptors, &area_of(balloon_owner_device(map, owner))->list, page))
		return "I1: a page's neighbours do not point back at it";
	return NULL;
}

static struct balloon_page_info inspect(struct balloon_memmap *map, struct balloon_page page)
{
	const struct descriptor *d = descriptor_of(map, page);
	struct balloon_page_info info = {BALLOON_PAGE_OWNED, NULL, find_defect(map, page, d)};
	if (has_mark(d))
		info.state = has_private(d) ? BALLOON_PAGE_LISTED : BALLOON_PAGE_ISOLATED;
	if (BALLOON_READ(d->device) <= map->n_devices)
		info.device = balloon_owner_device(map, BALLOON_READ(d->device));
	return info;
}

static uint32_t list_next(struct balloon_device *device, uint32_t page)
{
	return balloon_list_next(&device->map->descriptors, &area_of(device)->list, page);
}

const struct balloon_strategy balloon_strategy_mapcount = {
	.abi = BALLOON_STRATEGY_ABI,
	.name = "mapcount",
	.era = "Linux 3.18 (October 2014)",
	.descriptor_bytes = sizeof(struct descriptor),
	.descriptor_align = _Alignof(struct descriptor),
	.order = BALLOON_ORDER_LIFO,
	.device_bytes = device_bytes,
	.device_init = device_init,
	.device_fini = device_fini,
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
