/* SPDX-License-Identifier: MIT */
/*
 * movable: the design of Linux 4.8 to 6.19 (2016 to 2025), in its last form, hardened.
 *
 * Descriptor, 24 bytes                               written by whoever holds
 *   link        place on the device's list             the device's pages lock
 *   flags       page lock bit; ISOLATED                bit: anybody; ISOLATED: page lock and pages
 *                                                      lock
 *   references  1 for membership, 1 while isolated,    anybody, atomically
 *               1 per scanner that looks
 *   type        "offline": was given to a balloon      the page lock (plain store of an atomic
 *                                                      word: scanners read it lockless)
 *   private     the owner                              the page lock
 * Device: page list and counts under its pages lock.
 *
 * Ballooned pages are clients of a general facility for movable pages. The facility's half is here
 * too: reference, page lock and ISOLATED around the callbacks, which take the pages lock alone. The
 * type is sticky: it stays when a page leaves the balloon, and insert accepts it. OWNED: private
 * empty; LISTED: private set, ISOLATED clear; ISOLATED: both set.
 *
 * Lock order: page lock, then pages lock. insert and dequeue work on whole batches under one hold
 * of the pages lock and take page locks inside it, by trylock, which never waits. Two page locks:
 * only migrate holds two, the second by trylock.
 *
 * Each operation on one page:
 *   insert    pages lock over the batch; trylock the page: type, private, list, reference.
 *   dequeue   pages lock over the walk; trylock each page, pass over those that fail: clear
 *             private, unlink, drop membership's reference; unlock the page.
 *   isolate   type offline; raise the count unless zero; trylock the page; private set and not
 *             ISOLATED: pages lock, unlink, ISOLATED. The reference stays.
 *   putback   lock the page, waiting; ISOLATED: pages lock, list, clear ISOLATED; drop the
 *             reference.
 *   migrate   lock old, waiting; trylock new; pages lock: new in, old's private and ISOLATED away;
 *             drop both of old's references.
 *   finalize  lock the page, waiting; pages lock: clear private and ISOLATED; drop both references.
 *
 * Why the contract holds
 *   I1  private and ISOLATED change under the page lock, ISOLATED and link together under the pages
 *       lock; each change above leaves one of the three states. Only insert, putback and migrate
 *       link a page, each after it saw under the page lock that it is not listed.
 *   I2  private is the owner, set and cleared under the page lock where membership begins and ends.
 *   I3  the counts change in the hold of the pages lock that changes the list.
 *   I4  isolate needs ISOLATED clear under the page lock and sets it: the second one is refused.
 *   I5  dequeue takes from the list only, where no isolated page is, under the pages lock; putback
 *       holds the page lock until its last access, and dequeue's trylock fails before that.
 *   I6  private goes under the page lock; isolate tests it under the page lock.
 *   I7  follows from I3: every transition is counted once.
 *   I8  whoever ends membership clears private, ISOLATED and link, and drops membership's reference
 *       and its own before it unlocks. A scanner's reference or trylock may remain, under way.
 *   I9  the pre-check reads type, flags and references of a descriptor, nothing through them.
 *   I10 private and ISOLATED are tested under the page lock before anything changes.
 *
 * Order: the locks' own pairs (sync.h, L1-L2 and P1-P2). Type and ISOLATED are read without a lock
 * as a hint, tested again under the page lock: relaxed.
 *
 * Deviations from history: ISOLATED and the list change in one hold of the pages lock, both ways
 * (H-40); a contended insert answers "again" (H-36); the pre-check also wants a reference, because
 * a sticky type says little of pages that left; isolated pages are the caller's to keep account of,
 * not linked to its list. The owner is a device's number, not a pointer.
 *
 * Choose it for the behaviour of the kernels in use today. Batches cost one pages lock, and a page
 * lock and a reference a page.
 */
#include <balloon/list.h>
#include <balloon/strategy.h>

enum { ISOLATED = BALLOON_PAGE_FLAG_FIRST };

enum { TYPE_NONE, TYPE_OFFLINE };

struct area {
	struct balloon_lock pages_lock;
	struct balloon_list list;
};

struct descriptor {
	struct balloon_link link;
	struct balloon_atomic_u32 flags;
	struct balloon_atomic_u32 references;
	struct balloon_atomic_u32 type;
	uint32_t private; /* owner: balloon_device_owner() */
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
	balloon_atomic_init(&d->type, TYPE_NONE, BALLOON_SHARED_MARK);
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

static bool has_isolated(const struct descriptor *d)
{
	return balloon_atomic_load(&d->flags, BALLOON_RELAXED) & ISOLATED;
}

/* Caller holds the page lock. */
static struct balloon_device *owner_of(const struct balloon_memmap *map, const struct descriptor *d)
{
	balloon_page_lock_assert_held(&d->flags);
	return balloon_owner_device(map, BALLOON_READ(d->private));
}

/* Membership begins. Caller holds the page lock and the pages lock. */
static void begin(struct balloon_device *device, struct balloon_page page, struct descriptor *d)
{
	struct area *area = area_of(device);
	balloon_page_lock_assert_held(&d->flags);
	balloon_lock_assert_held(&area->pages_lock);
	balloon_atomic_store(&d->type, TYPE_OFFLINE, BALLOON_RELAXED);
	BALLOON_WRITE(d->private, balloon_device_owner(device));
	balloon_reference_get(&d->references);
	balloon_list_push(&device->map->descriptors, &area->list, page);
}

/* Membership ends, but for its reference; the type stays. Caller holds the page lock. */
static void end(struct descriptor *d)
{
	balloon_page_lock_assert_held(&d->flags);
	BALLOON_WRITE(d->private, BALLOON_OWNER_NONE);
}

/* The same for an isolated page. Caller holds the pages lock as well. */
static void end_isolated(struct descriptor *d)
{
	balloon_atomic_and(&d->flags, ~(uint32_t)ISOLATED, BALLOON_RELAXED);
	end(d);
}

/* Caller holds the pages lock. */
static int insert_one(struct balloon_device *device, struct balloon_page page)
{
	struct descriptor *d = descriptor_of(device->map, page);
	int result = -EEXIST;
	if (!balloon_page_trylock(&d->flags, &device->map->n_contended))
		return -EAGAIN;
	if (BALLOON_READ(d->private) == BALLOON_OWNER_NONE) {
		begin(device, page, d);
		result = 0;
	}
	balloon_page_unlock(&d->flags);
	return result;
}

static int insert(struct balloon_device *device, const struct balloon_page *pages, size_t n_pages)
{
	struct area *area = area_of(device);
	int result = -ENODEV;
	balloon_lock_acquire(&area->pages_lock);
	if (balloon_device_is_open(device))
		result = balloon_each_of_device(device, insert_one, pages, n_pages);
	if (result > 0)
		balloon_device_count(device, BALLOON_INSERTED, (uint64_t)result);
	balloon_lock_release(&area->pages_lock);
	return result;
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
		end(d);
		balloon_list_unlink(&map->descriptors, &area->list, page);
		balloon_reference_put(&d->references, 1);
		balloon_page_unlock(&d->flags);
		pages[n_done++] = page;
	}
	balloon_device_count(device, BALLOON_DEQUEUED, n_done);
	int result = balloon_dequeue_result(device, n_done);
	balloon_lock_release(&area->pages_lock);
	return result;
}

/* The isolate callback, which takes the pages lock alone. Caller holds the page lock. */
static void isolate_page(
	struct balloon_device *device, struct balloon_page page, struct descriptor *d)
{
	struct area *area = area_of(device);
	balloon_lock_acquire(&area->pages_lock);
	balloon_list_unlink(&device->map->descriptors, &area->list, page);
	balloon_atomic_or(&d->flags, ISOLATED, BALLOON_RELAXED);
	balloon_device_count(device, BALLOON_ISOLATED, 1);
	balloon_lock_release(&area->pages_lock);
}

/* Caller holds the page lock and a reference. */
static int isolate_locked(
	struct balloon_memmap *map, struct balloon_page page, struct descriptor *d)
{
	struct balloon_device *device = owner_of(map, d);
	if (!device || has_isolated(d))
		return -ESTALE;
	isolate_page(device, page, d);
	return 0;
}

static int isolate_one(struct balloon_memmap *map, struct balloon_page page)
{
	struct descriptor *d = descriptor_of(map, page);
	int result = -EAGAIN;
	if (balloon_atomic_load(&d->type, BALLOON_RELAXED) != TYPE_OFFLINE ||
		!balloon_reference_get_unless_zero(&d->references))
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

/* The putback callback, which takes the pages lock alone. Caller holds the page lock. */
static void putback_page(
	struct balloon_device *device, struct balloon_page page, struct descriptor *d)
{
	struct area *area = area_of(device);
	balloon_lock_acquire(&area->pages_lock);
	balloon_list_push(&device->map->descriptors, &area->list, page);
	balloon_atomic_and(&d->flags, ~(uint32_t)ISOLATED, BALLOON_RELAXED);
	balloon_device_count(device, BALLOON_PUT_BACK, 1);
	balloon_lock_release(&area->pages_lock);
}

static int putback_one(struct balloon_memmap *map, struct balloon_page page)
{
	struct descriptor *d = descriptor_of(map, page);
	int result = -ESTALE;
	balloon_page_lock(&d->flags, &map->n_contended);
	if (has_isolated(d)) {
		putback_page(owner_of(map, d), page, d);
		balloon_reference_put(&d->references, 1);
		result = 0;
	}
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
	if (!has_isolated(d))
		return -ESTALE;
	return owner_of(device->map, d) == device ? 0 : -EXDEV;
}

/* Caller holds both page locks. */
static int swap_locked(struct balloon_device *device, struct balloon_page new_page,
	struct descriptor *new_d, struct descriptor *old_d)
{
	struct area *area = area_of(device);
	if (BALLOON_READ(new_d->private) != BALLOON_OWNER_NONE)
		return -EEXIST;
	balloon_lock_acquire(&area->pages_lock);
	begin(device, new_page, new_d);
	end_isolated(old_d);
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
		end_isolated(d);
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

/* Not yet isolated and somebody's: more than that takes the page lock. */
static bool is_candidate(const struct balloon_memmap *map, struct balloon_page page)
{
	const struct descriptor *d = descriptor_of(map, page);
	return balloon_atomic_load(&d->type, BALLOON_RELAXED) == TYPE_OFFLINE &&
	       balloon_atomic_load(&d->references, BALLOON_RELAXED) != 0 && !has_isolated(d);
}

static struct balloon_device *device_of(struct balloon_memmap *map, struct balloon_page page)
{
	struct descriptor *d = descriptor_of(map, page);
	balloon_page_lock(&d->flags, &map->n_contended);
	struct balloon_device *device = has_isolated(d) ? owner_of(map, d) : NULL;
	balloon_page_unlock(&d->flags);
	return device;
}

static const char *find_defect(
	struct balloon_memmap *map, struct balloon_page page, const struct descriptor *d)
{
	uint32_t flags = balloon_atomic_load(&d->flags, BALLOON_RELAXED);
	uint32_t owner = BALLOON_READ(d->private);
	bool is_member = owner != BALLOON_OWNER_NONE;
	bool is_listed = is_member && !has_isolated(d);
	if (owner > map->n_devices)
		return "I2: the owner is none of the map's devices";
	if (flags & ~(uint32_t)ISOLATED)
		return "I8: a page is locked and nothing is under way";
	if (has_isolated(d) && !is_member)
		return "I2: a page is isolated and has no device";
	if (is_member && balloon_atomic_load(&d->type, BALLOON_RELAXED) != TYPE_OFFLINE)
		return "I1: a ballooned page lacks its type";
	if (balloon_atomic_load(&d->references, BALLOON_RELAXED) !=
		(is_member ? 1u : 0u) + (has_isolated(d) ? 1u : 0u))
		return "I8: the reference count does not fit the state";
	if (balloon_link_is_linked(&d->link) != is_listed)
		return "I1: linked and listed differ";
	if (is_listed && !balloon_list_is_sound_at(&map->descriptors,
				 &area_of(balloon_owner_device(map, owner))->list, page))
		return "I1: a page's neighbours do not point back at it";
	return NULL;
}

static struct balloon_page_info inspect(struct balloon_memmap *map, struct balloon_page page)
{
	const struct descriptor *d = descriptor_of(map, page);
	struct balloon_page_info info = {BALLOON_PAGE_OWNED, NULL, find_defect(map, page, d)};
	if (info.defect || BALLOON_READ(d->private) == BALLOON_OWNER_NONE)
		return info;
	info.state = has_isolated(d) ? BALLOON_PAGE_ISOLATED : BALLOON_PAGE_LISTED;
	info.device = balloon_owner_device(map, BALLOON_READ(d->private));
	return info;
}

static uint32_t list_next(struct balloon_device *device, uint32_t page)
{
	return balloon_list_next(&device->map->descriptors, &area_of(device)->list, page);
}

const struct balloon_strategy balloon_strategy_movable = {
	.abi = BALLOON_STRATEGY_ABI,
	.name = "movable",
	.era = "Linux 4.8 to 6.19 (2016 to 2025)",
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
