/* SPDX-License-Identifier: MIT */
/*
 * page-lock: the design of Linux 3.8 (December 2012), hardened.
 *
 * Descriptor, 32 bytes                               written by whoever holds
 *   link        place on the device's list             the device's pages lock
 *   flags       page lock bit                          anybody, atomically
 *   references  1 listed; 2 isolated, or on its way    anybody, atomically
 *               out; one more per scanner that looks
 *   mapping     the device's mapping object, the mark  page lock and pages lock (plain store of an
 *               of a ballooned page                    atomic word: scanners read it lockless)
 *   state       private state field                    the page lock
 * Device: page list and counts under its pages lock, and a mapping object (balloon bit, device) that
 * is constant from the map's first to its last day.
 *
 * Lock order: page lock, then pages lock. dequeue alone goes the other way round, by trylock, which
 * never waits. Two page locks: only migrate holds two, the second by trylock.
 *
 * Each operation on one page:
 *   insert    trylock the page; pages lock: mapping, count 1, list.
 *   dequeue   pages lock over the walk; trylock each page, pass over those that fail; raise the
 *             count, clear mapping, unlink; drop both references; unlock the page.
 *   isolate   raise the count unless zero; trylock the page; listed and count exactly 2: pages
 *             lock, unlink. The reference stays.
 *   putback   lock the page, waiting; pages lock, list; drop the reference; unlock the page.
 *   migrate   lock old, waiting; trylock new; pages lock: new in, old out; drop old's references.
 *   finalize  lock the page, waiting; pages lock: clear mapping; drop both references.
 *
 * Why the contract holds
 *   I1  state changes under the page lock, together with link under the pages lock: each change is
 *       listed above and leaves one state. Only insert, putback and migrate link a page, each after
 *       it saw under the page lock that the page is not listed.
 *   I2  mapping is set where state leaves OWNED and cleared where it returns, in the same hold.
 *   I3  the counts change in the hold of the pages lock that changes the list.
 *   I4  isolate needs LISTED under the page lock and leaves ISOLATED: the second one is refused.
 *   I5  dequeue takes from the list only, where no isolated page is, and under the pages lock, so
 *       that no other dequeue has the page. putback holds the page lock until its last access:
 *       dequeue's trylock fails before that.
 *   I6  membership ends under the page lock; isolate tests the state under it.
 *   I7  follows from I3: every transition is counted once.
 *   I8  whoever ends membership clears mapping and link and drops membership's reference and its
 *       own before it unlocks. What may remain is a scanner's reference or trylock, under way.
 *   I9  the pre-check reads flags, references and mapping, and through mapping only if it is one of
 *       the map's own mapping objects, which are constant.
 *   I10 state is tested under the page lock before anything changes.
 *
 * Order: the locks' own pairs (sync.h, L1-L2 and P1-P2). mapping is read without a lock as a hint;
 * what it leads to never changes: relaxed.
 *
 * Deviations from history: the walk is under the pages lock, the page's trylock inside it (H-04);
 * the state is tested again under the page lock (H-03), in a field of its own, because a listed
 * page that a scanner has raised looks like an isolated one; a contended insert answers "again"
 * instead of dying (H-36); mapping is compared with the map's own objects before it is read through
 * (H-01); migration swaps under both locks with the ordinary result (H-02); the scanner needs no
 * LRU lock (H-37); the test for lost pages is an answer, decided in the critical section (H-21).
 *
 * Choose it to study where it all began. Every operation pays for two locks and for references.
 */
#include <balloon/list.h>
#include <balloon/strategy.h>

/* What `mapping` points to. */
struct mapping {
	uint32_t flags; /* constant: MAPPING_BALLOON */
	struct balloon_device *device;
};

enum { MAPPING_BALLOON = 1 };

struct area {
	struct balloon_lock pages_lock;
	struct balloon_list list;
	struct mapping mapping;
};

struct descriptor {
	struct balloon_link link;
	struct balloon_atomic_u32 flags;
	struct balloon_atomic_u32 references;
	struct balloon_atomic_word mapping;
	uint32_t state; /* enum balloon_page_state */
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
	area->mapping.flags = MAPPING_BALLOON;
	area->mapping.device = device;
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
	balloon_atomic_init(&d->mapping, 0, BALLOON_SHARED_MARK);
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

/* The mapping object behind the mark: NULL unless it is one of the map's own. */
static const struct mapping *mapping_of(
	const struct balloon_memmap *map, const struct descriptor *d)
{
	uintptr_t mark = balloon_atomic_load(&d->mapping, BALLOON_RELAXED);
	uintptr_t first = (uintptr_t)&area_of(balloon_memmap_slot(map, 0))->mapping;
	uintptr_t distance = mark - first;
	if (mark < first || distance / map->slot_bytes >= map->n_devices ||
		distance % map->slot_bytes != 0)
		return NULL;
	return (const struct mapping *)mark;
}

/* Caller holds the page lock of a page that is listed or isolated: its mapping cannot change. */
static struct balloon_device *owner_of(const struct descriptor *d)
{
	return ((const struct mapping *)balloon_atomic_load(&d->mapping, BALLOON_RELAXED))->device;
}

/* Membership begins. Caller holds the page lock and the pages lock. */
static void begin(struct balloon_device *device, struct balloon_page page, struct descriptor *d)
{
	struct area *area = area_of(device);
	balloon_page_lock_assert_held(&d->flags);
	balloon_lock_assert_held(&area->pages_lock);
	balloon_atomic_store(&d->mapping, (uintptr_t)&area->mapping, BALLOON_RELAXED);
	balloon_reference_get(&d->references);
	BALLOON_WRITE(d->state, BALLOON_PAGE_LISTED);
	balloon_list_push(&device->map->descriptors, &area->list, page);
}

/* Membership ends, but for its reference. Caller holds the page lock and the pages lock. */
static void end(struct descriptor *d)
{
	balloon_page_lock_assert_held(&d->flags);
	balloon_atomic_store(&d->mapping, 0, BALLOON_RELAXED);
	BALLOON_WRITE(d->state, BALLOON_PAGE_OWNED);
}

/* Caller holds the page lock. */
static int insert_locked(
	struct balloon_device *device, struct balloon_page page, struct descriptor *d)
{
	struct area *area = area_of(device);
	int result = 0;
	if (BALLOON_READ(d->state) != BALLOON_PAGE_OWNED)
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
		BALLOON_ASSERT(BALLOON_READ(d->state) == BALLOON_PAGE_LISTED);
		balloon_reference_get(&d->references); /* a scanner sees an unexpected count */
		end(d);
		balloon_list_unlink(&map->descriptors, &area->list, page);
		balloon_reference_put(&d->references, 2);
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
	if (BALLOON_READ(d->state) != BALLOON_PAGE_LISTED)
		return -ESTALE;
	if (balloon_atomic_load(&d->references, BALLOON_RELAXED) != 2)
		return -EAGAIN; /* another scanner is looking at it */
	struct balloon_device *device = owner_of(d);
	struct area *area = area_of(device);
	balloon_lock_acquire(&area->pages_lock);
	balloon_list_unlink(&map->descriptors, &area->list, page);
	balloon_device_count(device, BALLOON_ISOLATED, 1);
	balloon_lock_release(&area->pages_lock);
	BALLOON_WRITE(d->state, BALLOON_PAGE_ISOLATED);
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
	if (BALLOON_READ(d->state) != BALLOON_PAGE_ISOLATED)
		return -ESTALE;
	struct balloon_device *device = owner_of(d);
	struct area *area = area_of(device);
	balloon_lock_acquire(&area->pages_lock);
	balloon_list_push(&map->descriptors, &area->list, page);
	balloon_device_count(device, BALLOON_PUT_BACK, 1);
	balloon_lock_release(&area->pages_lock);
	BALLOON_WRITE(d->state, BALLOON_PAGE_LISTED);
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
	if (BALLOON_READ(d->state) != BALLOON_PAGE_ISOLATED)
		return -ESTALE;
	return owner_of(d) == device ? 0 : -EXDEV;
}

/* Caller holds both page locks. */
static int swap_locked(struct balloon_device *device, struct balloon_page new_page,
	struct descriptor *new_d, struct descriptor *old_d)
{
	struct area *area = area_of(device);
	if (BALLOON_READ(new_d->state) != BALLOON_PAGE_OWNED)
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

/* Flags all clear, so not locked either; count 1; and only then the balloon bit. */
static bool is_candidate(const struct balloon_memmap *map, struct balloon_page page)
{
	const struct descriptor *d = descriptor_of(map, page);
	if (balloon_atomic_load(&d->flags, BALLOON_RELAXED) != 0 ||
		balloon_atomic_load(&d->references, BALLOON_RELAXED) != 1)
		return false;
	const struct mapping *mapping = mapping_of(map, d);
	return mapping && (mapping->flags & MAPPING_BALLOON);
}

static struct balloon_device *device_of(struct balloon_memmap *map, struct balloon_page page)
{
	struct descriptor *d = descriptor_of(map, page);
	balloon_page_lock(&d->flags, &map->n_contended);
	struct balloon_device *device =
		BALLOON_READ(d->state) == BALLOON_PAGE_ISOLATED ? owner_of(d) : NULL;
	balloon_page_unlock(&d->flags);
	return device;
}

static const char *find_defect(struct balloon_memmap *map, struct balloon_page page,
	const struct descriptor *d, const struct mapping *mapping)
{
	static const uint32_t references[] = {
		[BALLOON_PAGE_OWNED] = 0, [BALLOON_PAGE_LISTED] = 1, [BALLOON_PAGE_ISOLATED] = 2};
	uint32_t state = BALLOON_READ(d->state);
	if (state > BALLOON_PAGE_ISOLATED)
		return "I1: the state field holds no state";
	if (balloon_atomic_load(&d->flags, BALLOON_RELAXED) != 0)
		return "I8: a page is locked and nothing is under way";
	if (!mapping && balloon_atomic_load(&d->mapping, BALLOON_RELAXED) != 0)
		return "I2: mapping is none of the map's mapping objects";
	if (balloon_atomic_load(&d->references, BALLOON_RELAXED) != references[state])
		return "I8: the reference count does not fit the state";
	if (balloon_link_is_linked(&d->link) != (state == BALLOON_PAGE_LISTED))
		return "I1: linked and listed differ";
	if (mapping && balloon_link_is_linked(&d->link) &&
		!balloon_list_is_sound_at(&map->descriptors, &area_of(mapping->device)->list, page))
		return "I1: a page's neighbours do not point back at it";
	return NULL;
}

static struct balloon_page_info inspect(struct balloon_memmap *map, struct balloon_page page)
{
	const struct descriptor *d = descriptor_of(map, page);
	const struct mapping *mapping = mapping_of(map, d);
	struct balloon_page_info info = {
		.state = (enum balloon_page_state)BALLOON_READ(d->state),
		.device = mapping ? mapping->device : NULL,
		.defect = find_defect(map, page, d, mapping),
	};
	return info;
}

static uint32_t list_next(struct balloon_device *device, uint32_t page)
{
	return balloon_list_next(&device->map->descriptors, &area_of(device)->list, page);
}

const struct balloon_strategy balloon_strategy_page_lock = {
	.abi = BALLOON_STRATEGY_ABI,
	.name = "page-lock",
	.era = "Linux 3.8 (December 2012)",
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
