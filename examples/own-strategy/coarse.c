/* SPDX-License-Identifier: MIT */
/*
 * A strategy of one's own, outside the library: the simplest design that keeps the whole contract.
 * It uses the installed headers only. Read this file as the answer to "what do I have to write?".
 *
 * Within a program (main.c is one), or as a module that balloon-contract holds against the contract:
 *
 *   cc main.c coarse.c $(pkg-config --cflags --libs balloon) -o own-strategy
 *   cc -shared -fPIC coarse.c $(pkg-config --cflags --libs balloon) -o coarse.so
 *   balloon-contract --module ./coarse.so
 *
 * The design. One lock for the whole map. A descriptor says in so many words what its page is:
 *   link    place on its device's list           the lock
 *   state   OWNED, LISTED or ISOLATED            the lock; scanners read it without (atomic)
 *   owner   the device, while it is in one       the lock
 * Each operation takes the lock once a batch. For each page it looks at the state, refuses what does
 * not fit, and does link, state, owner and counts before it lets go. So nobody ever sees a page half
 * way from one state to the next, and that is the whole argument:
 *   I1-I3, I7  all four change in one hold of the one lock;
 *   I4-I6      the state that an operation starts from is tested in the hold that ends it;
 *   I8         an operation that takes a page out leaves its descriptor as descriptor_init() made it;
 *   I9         a scanner reads one word, which always holds one of the three states;
 *   I10        what does not fit is refused before anything is written.
 * Order: the lock's own. The lockless look at the state is a hint, and relaxed.
 *
 * What it costs: 16 bytes a page where strategies/isolated-bit.c, which folds state and owner into
 * one word, has 12; a lock for every attempt to isolate, however hopeless.
 */
#include <balloon/list.h>
#include <balloon/strategy.h>

struct map_area {
	struct balloon_lock lock;
};

struct device_area {
	struct balloon_list list;
};

struct descriptor {
	struct balloon_link link; /* first: that is where the functions of list.h look for it */
	struct balloon_atomic_u32 state;
	uint32_t owner;
};

/* ---- Where things are ----------------------------------------------------------------------- */

static struct balloon_lock *lock_of(const struct balloon_memmap *map)
{
	return &((struct map_area *)balloon_memmap_area(map))->lock;
}

static struct balloon_list *list_of(struct balloon_device *device)
{
	return &((struct device_area *)balloon_device_area(device))->list;
}

static struct descriptor *descriptor_of(const struct balloon_memmap *map, struct balloon_page page)
{
	return (struct descriptor *)balloon_descriptor(map, page);
}

static uint32_t state_of(const struct descriptor *d)
{
	return balloon_atomic_load(&d->state, BALLOON_RELAXED);
}

static struct balloon_device *owner_of(const struct balloon_memmap *map, const struct descriptor *d)
{
	return balloon_owner_device(map, BALLOON_READ(d->owner));
}

/* ---- Set-up; memory comes zeroed, and is not shared yet ------------------------------------- */

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
	balloon_lock_init(lock_of(map), BALLOON_RANK_PAGES, &map->n_contended);
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
	balloon_atomic_init(&d->state, BALLOON_PAGE_OWNED, BALLOON_SHARED_MARK);
}

/* ---- Devices: one lock covers lists and counts, so the header's helpers do ------------------- */

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

/* ---- One page; the caller holds the lock ---------------------------------------------------- */

static void become(struct descriptor *d, enum balloon_page_state state, uint32_t owner)
{
	balloon_atomic_store(&d->state, (uint32_t)state, BALLOON_RELAXED);
	BALLOON_WRITE(d->owner, owner);
}

static int insert_one(struct balloon_device *device, struct balloon_page page)
{
	struct descriptor *d = descriptor_of(device->map, page);
	balloon_lock_assert_held(lock_of(device->map));
	if (state_of(d) != BALLOON_PAGE_OWNED)
		return -EEXIST;
	become(d, BALLOON_PAGE_LISTED, balloon_device_owner(device));
	balloon_list_push(&device->map->descriptors, list_of(device), page);
	return 0;
}

static int isolate_one(struct balloon_memmap *map, struct balloon_page page)
{
	struct descriptor *d = descriptor_of(map, page);
	if (state_of(d) != BALLOON_PAGE_LISTED)
		return -ESTALE;
	struct balloon_device *device = owner_of(map, d);
	balloon_list_unlink(&map->descriptors, list_of(device), page);
	become(d, BALLOON_PAGE_ISOLATED, BALLOON_READ(d->owner));
	balloon_device_count(device, BALLOON_ISOLATED, 1);
	return 0;
}

static int putback_one(struct balloon_memmap *map, struct balloon_page page)
{
	struct descriptor *d = descriptor_of(map, page);
	if (state_of(d) != BALLOON_PAGE_ISOLATED)
		return -ESTALE;
	struct balloon_device *device = owner_of(map, d);
	become(d, BALLOON_PAGE_LISTED, BALLOON_READ(d->owner));
	balloon_list_push(&map->descriptors, list_of(device), page);
	balloon_device_count(device, BALLOON_PUT_BACK, 1);
	return 0;
}

/* May this page leave the device without going through its list? */
static int check_leaving(const struct balloon_device *device, const struct descriptor *d)
{
	if (state_of(d) != BALLOON_PAGE_ISOLATED)
		return -ESTALE;
	return owner_of(device->map, d) == device ? 0 : -EXDEV;
}

static int finalize_one(struct balloon_device *device, struct balloon_page page)
{
	struct descriptor *d = descriptor_of(device->map, page);
	int result = check_leaving(device, d);
	if (result == 0)
		become(d, BALLOON_PAGE_OWNED, BALLOON_OWNER_NONE);
	return result;
}

static int migrate_one(
	struct balloon_device *device, struct balloon_page new_page, struct balloon_page old_page)
{
	struct descriptor *old_d = descriptor_of(device->map, old_page);
	int result = check_leaving(device, old_d);
	if (result == 0)
		result = insert_one(device, new_page);
	if (result == 0)
		become(old_d, BALLOON_PAGE_OWNED, BALLOON_OWNER_NONE);
	return result;
}

/* ---- The operations: take the lock, do the batch in order, count what was done -------------- */

static int insert(struct balloon_device *device, const struct balloon_page *pages, size_t n_pages)
{
	struct balloon_lock *lock = lock_of(device->map);
	int result = -ENODEV; /* it may have been destroyed since the core looked */
	balloon_lock_acquire(lock);
	if (balloon_device_is_open(device))
		result = balloon_each_of_device(device, insert_one, pages, n_pages);
	if (result > 0)
		balloon_device_count(device, BALLOON_INSERTED, (uint64_t)result);
	balloon_lock_release(lock);
	return result;
}

static int dequeue(struct balloon_device *device, struct balloon_page *pages, size_t n_pages)
{
	struct balloon_memmap *map = device->map;
	struct balloon_list *list = list_of(device);
	size_t n_done = 0;
	balloon_lock_acquire(lock_of(map));
	while (n_done < n_pages && BALLOON_READ(list->first) != BALLOON_LINK_END) {
		struct balloon_page page = balloon_page(BALLOON_READ(list->first));
		balloon_list_unlink(&map->descriptors, list, page);
		become(descriptor_of(map, page), BALLOON_PAGE_OWNED, BALLOON_OWNER_NONE);
		pages[n_done++] = page;
	}
	balloon_device_count(device, BALLOON_DEQUEUED, n_done);
	int result = balloon_dequeue_result(device, n_done);
	balloon_lock_release(lock_of(map));
	return result;
}

static int isolate(struct balloon_memmap *map, const struct balloon_page *pages, size_t n_pages)
{
	balloon_lock_acquire(lock_of(map));
	int result = balloon_each_of_map(map, isolate_one, pages, n_pages);
	balloon_lock_release(lock_of(map));
	return result;
}

static int putback(struct balloon_memmap *map, const struct balloon_page *pages, size_t n_pages)
{
	balloon_lock_acquire(lock_of(map));
	int result = balloon_each_of_map(map, putback_one, pages, n_pages);
	balloon_lock_release(lock_of(map));
	return result;
}

static int migrate(struct balloon_device *device, const struct balloon_page *new_pages,
	const struct balloon_page *old_pages, size_t n_pages)
{
	struct balloon_lock *lock = lock_of(device->map);
	balloon_lock_acquire(lock);
	int result = balloon_each_pair(device, migrate_one, new_pages, old_pages, n_pages);
	if (result > 0)
		balloon_device_count(device, BALLOON_MIGRATED, (uint64_t)result);
	balloon_lock_release(lock);
	return result;
}

static int finalize(struct balloon_device *device, const struct balloon_page *pages, size_t n_pages)
{
	struct balloon_lock *lock = lock_of(device->map);
	balloon_lock_acquire(lock);
	int result = balloon_each_of_device(device, finalize_one, pages, n_pages);
	if (result > 0)
		balloon_device_count(device, BALLOON_FINALIZED, (uint64_t)result);
	balloon_lock_release(lock);
	return result;
}

/* ---- Looking at pages ----------------------------------------------------------------------- */

static bool is_candidate(const struct balloon_memmap *map, struct balloon_page page)
{
	return state_of(descriptor_of(map, page)) == BALLOON_PAGE_LISTED;
}

static struct balloon_device *device_of(struct balloon_memmap *map, struct balloon_page page)
{
	const struct descriptor *d = descriptor_of(map, page);
	struct balloon_device *device = NULL;
	balloon_lock_acquire(lock_of(map));
	if (state_of(d) == BALLOON_PAGE_ISOLATED)
		device = owner_of(map, d);
	balloon_lock_release(lock_of(map));
	return device;
}

static const char *find_defect(
	struct balloon_memmap *map, struct balloon_page page, const struct descriptor *d)
{
	const uint32_t state = state_of(d);
	const uint32_t owner = BALLOON_READ(d->owner);
	if (state > BALLOON_PAGE_ISOLATED)
		return "I1: a page is in none of the three states";
	if ((owner == BALLOON_OWNER_NONE) != (state == BALLOON_PAGE_OWNED))
		return "I2: a page has an owner exactly while it is listed or isolated";
	if (owner > map->n_devices)
		return "I2: the owner is none of the map's devices";
	if (balloon_link_is_linked(&d->link) != (state == BALLOON_PAGE_LISTED))
		return "I1: linked and listed differ";
	if (state == BALLOON_PAGE_LISTED &&
		!balloon_list_is_sound_at(&map->descriptors, list_of(owner_of(map, d)), page))
		return "I1: a page's neighbours do not point back at it";
	return NULL;
}

/* For the validity check. A descriptor with a defect is believed nothing. */
static struct balloon_page_info inspect(struct balloon_memmap *map, struct balloon_page page)
{
	const struct descriptor *d = descriptor_of(map, page);
	struct balloon_page_info info = {BALLOON_PAGE_OWNED, NULL, find_defect(map, page, d)};
	if (!info.defect) {
		info.state = (enum balloon_page_state)state_of(d);
		info.device = owner_of(map, d);
	}
	return info;
}

static uint32_t list_next(struct balloon_device *device, uint32_t page)
{
	return balloon_list_next(&device->map->descriptors, list_of(device), page);
}

/* The one symbol that others see. balloon-contract looks for this name unless told another. */
BALLOON_EXPORT extern const struct balloon_strategy balloon_strategy;
const struct balloon_strategy balloon_strategy = {
	.abi = BALLOON_STRATEGY_ABI,
	.name = "coarse",
	.era = "an example",
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
