/* SPDX-License-Identifier: MIT */
/*
 * device-lock@naive: device-lock with the lock where one would look for it first, in the device. A control, never
 * released: the change for Linux 7.0 (January 2026) has one lock for all devices because of this.
 *
 * isolate has to hold the lock of the page's device. Which device that is says `private`, which that lock
 * protects. Between the look and the lock the page may leave, and then the device may go, with its lock
 * (H-07); or the page enters another device, and isolate holds the wrong lock, and works on the wrong list.
 *
 * The hardened device-lock holds one lock for all devices before it asks. Descriptors, states and the
 * order of page lock and device lock are as there.
 */
#define balloon_strategy_device_lock device_lock_beside_naive
#include "../device-lock.c"

#include "historical.h"

struct naive_area {
	struct device_area shared;
	struct balloon_lock device_lock;
};

static struct balloon_lock *lock_in(struct balloon_device *device)
{
	return &((struct naive_area *)balloon_device_area(device))->device_lock;
}

static uint64_t naive_device_bytes(const struct balloon_memmap_geometry *geometry)
{
	(void)geometry;
	return sizeof(struct naive_area);
}

static void naive_device_init(struct balloon_device *device)
{
	device_init(device);
	balloon_lock_init(lock_in(device), BALLOON_RANK_PAGES, &device->map->n_contended);
}

static void naive_device_fini(struct balloon_device *device)
{
	balloon_lock_fini(lock_in(device));
}

static void naive_device_open(struct balloon_device *device, void *context)
{
	balloon_device_open_under(lock_in(device), device, context);
}

static int naive_device_close(struct balloon_device *device)
{
	return balloon_device_close_under(lock_in(device), device);
}

static void naive_device_stats(struct balloon_device *device, struct balloon_device_stats *stats)
{
	balloon_device_stats_under(lock_in(device), device, stats);
}

/* Caller holds the device's lock. */
static int naive_begin(struct balloon_device *device, struct balloon_page page)
{
	struct descriptor *d = descriptor_of(device->map, page);
	balloon_lock_assert_held(lock_in(device));
	if (private_of(d) != BALLOON_OWNER_NONE)
		return -EEXIST;
	balloon_atomic_store(&d->type, TYPE_OFFLINE | MOVABLE_OPS, BALLOON_RELAXED);
	balloon_atomic_store(&d->private, balloon_device_owner(device), BALLOON_RELAXED);
	balloon_list_push(&device->map->descriptors, list_of(device), page);
	return 0;
}

static int naive_insert(
	struct balloon_device *device, const struct balloon_page *pages, size_t n_pages)
{
	int result = -ENODEV;
	balloon_lock_acquire(lock_in(device));
	if (balloon_device_is_open(device))
		result = balloon_each_of_device(device, naive_begin, pages, n_pages);
	if (result > 0)
		balloon_device_count(device, BALLOON_INSERTED, (uint64_t)result);
	balloon_lock_release(lock_in(device));
	return result;
}

static int naive_dequeue(struct balloon_device *device, struct balloon_page *pages, size_t n_pages)
{
	const struct balloon_descriptors descriptors = device->map->descriptors;
	struct balloon_list *list = list_of(device);
	size_t n_done = 0;
	balloon_lock_acquire(lock_in(device));
	while (n_done < n_pages && BALLOON_READ(list->first) != BALLOON_LINK_END) {
		struct balloon_page page = balloon_list_pop(&descriptors, list);
		balloon_atomic_store(&descriptor_of(device->map, page)->private, BALLOON_OWNER_NONE,
			BALLOON_RELAXED);
		pages[n_done++] = page;
	}
	balloon_device_count(device, BALLOON_DEQUEUED, n_done);
	int result = balloon_dequeue_result(device, n_done);
	balloon_lock_release(lock_in(device));
	return result;
}

/* Caller holds the page lock of a page that is not isolated. */
static int naive_isolate_page(
	struct balloon_memmap *map, struct balloon_page page, struct descriptor *d)
{
	int result = -ESTALE;
	struct balloon_device *device = balloon_owner_device(map, private_of(d));
	if (!device)
		return result;
	balloon_lock_acquire(lock_in(device)); /* which may be gone, or not the page's any more */
	if (private_of(d) != BALLOON_OWNER_NONE) {
		balloon_list_unlink(&map->descriptors, list_of(device), page);
		balloon_atomic_or(&d->flags, ISOLATED, BALLOON_RELAXED);
		balloon_device_count(device, BALLOON_ISOLATED, 1);
		result = 0;
	}
	balloon_lock_release(lock_in(device));
	return result;
}

static int naive_isolate_one(struct balloon_memmap *map, struct balloon_page page)
{
	struct descriptor *d = descriptor_of(map, page);
	int result = -EAGAIN;
	if (!is_movable(d))
		return -ESTALE;
	balloon_reference_get(&d->references);
	if (balloon_page_trylock(&d->flags, &map->n_contended)) {
		result = has_isolated(d) ? -ESTALE : naive_isolate_page(map, page, d);
		balloon_page_unlock(&d->flags);
	}
	if (result < 0)
		balloon_reference_put(&d->references, 1);
	return result;
}

static int naive_isolate(
	struct balloon_memmap *map, const struct balloon_page *pages, size_t n_pages)
{
	return balloon_each_of_map(map, naive_isolate_one, pages, n_pages);
}

/* Of an isolated page the device stays. Caller holds the page lock. */
static void naive_putback_page(
	struct balloon_memmap *map, struct balloon_page page, struct descriptor *d)
{
	struct balloon_device *device = balloon_owner_device(map, private_of(d));
	balloon_lock_acquire(lock_in(device));
	balloon_list_push(&map->descriptors, list_of(device), page);
	balloon_atomic_and(&d->flags, ~(uint32_t)ISOLATED, BALLOON_RELAXED);
	balloon_device_count(device, BALLOON_PUT_BACK, 1);
	balloon_reference_put(&d->references, 1);
	balloon_page_unlock(&d->flags);
	balloon_lock_release(lock_in(device));
}

static int naive_putback_one(struct balloon_memmap *map, struct balloon_page page)
{
	struct descriptor *d = descriptor_of(map, page);
	balloon_page_lock(&d->flags, &map->n_contended);
	if (has_isolated(d)) {
		naive_putback_page(map, page, d);
		return 0;
	}
	balloon_page_unlock(&d->flags);
	return -ESTALE;
}

static int naive_putback(
	struct balloon_memmap *map, const struct balloon_page *pages, size_t n_pages)
{
	return balloon_each_of_map(map, naive_putback_one, pages, n_pages);
}

/* Caller holds the page lock of the old page, which may leave. */
static int naive_swap(
	struct balloon_device *device, struct balloon_page new_page, struct descriptor *old_d)
{
	balloon_lock_acquire(lock_in(device));
	int result = naive_begin(device, new_page);
	if (result == 0) {
		end_isolated(old_d);
		balloon_device_count(device, BALLOON_MIGRATED, 1);
	}
	balloon_lock_release(lock_in(device));
	return result;
}

static int naive_migrate_one(
	struct balloon_device *device, struct balloon_page new_page, struct balloon_page old_page)
{
	struct descriptor *old_d = descriptor_of(device->map, old_page);
	balloon_page_lock(&old_d->flags, &device->map->n_contended);
	int result = check_leaving(device, old_d);
	if (result == 0)
		result = naive_swap(device, new_page, old_d);
	if (result == 0)
		balloon_reference_put(&old_d->references, 1);
	balloon_page_unlock(&old_d->flags);
	return result;
}

static int naive_migrate(struct balloon_device *device, const struct balloon_page *new_pages,
	const struct balloon_page *old_pages, size_t n_pages)
{
	return balloon_each_pair(device, naive_migrate_one, new_pages, old_pages, n_pages);
}

static int naive_finalize_one(struct balloon_device *device, struct balloon_page page)
{
	struct descriptor *d = descriptor_of(device->map, page);
	balloon_page_lock(&d->flags, &device->map->n_contended);
	int result = check_leaving(device, d);
	if (result == 0) {
		balloon_lock_acquire(lock_in(device));
		end_isolated(d);
		balloon_device_count(device, BALLOON_FINALIZED, 1);
		balloon_lock_release(lock_in(device));
		balloon_reference_put(&d->references, 1);
	}
	balloon_page_unlock(&d->flags);
	return result;
}

static int naive_finalize(
	struct balloon_device *device, const struct balloon_page *pages, size_t n_pages)
{
	return balloon_each_of_device(device, naive_finalize_one, pages, n_pages);
}

static struct balloon_device *naive_device_of(struct balloon_memmap *map, struct balloon_page page)
{
	struct descriptor *d = descriptor_of(map, page);
	balloon_page_lock(&d->flags, &map->n_contended);
	struct balloon_device *device =
		has_isolated(d) ? balloon_owner_device(map, private_of(d)) : NULL;
	balloon_page_unlock(&d->flags);
	return device;
}

static const struct balloon_strategy strategy = {
	.abi = BALLOON_STRATEGY_ABI,
	.name = "device-lock@naive",
	.era = "never released",
	.descriptor_bytes = sizeof(struct descriptor),
	.descriptor_align = _Alignof(struct descriptor),
	.order = BALLOON_ORDER_LIFO,
	.device_bytes = naive_device_bytes,
	.device_init = naive_device_init,
	.device_fini = naive_device_fini,
	.descriptor_init = descriptor_init,
	.descriptor_fini = descriptor_fini,
	.device_open = naive_device_open,
	.device_close = naive_device_close,
	.device_stats = naive_device_stats,
	.insert = naive_insert,
	.dequeue = naive_dequeue,
	.isolate = naive_isolate,
	.putback = naive_putback,
	.migrate = naive_migrate,
	.finalize = naive_finalize,
	.is_candidate = is_candidate,
	.device_of = naive_device_of,
	.inspect = inspect,
	.list_next = list_next,
};

static const struct historical_field descriptor_fields[] = {HISTORICAL_LINK_FIELDS,
	{offsetof(struct descriptor, flags), "flags"},
	{offsetof(struct descriptor, references), "references"},
	{offsetof(struct descriptor, type), "type"},
	{offsetof(struct descriptor, private), "private"}, {0, NULL}};

static const struct historical_field device_fields[] = {
	{offsetof(struct naive_area, shared.list), "list"},
	{offsetof(struct naive_area, device_lock), "lock"}, {0, NULL}};

const struct historical_form historical_device_lock_naive = {.strategy = &strategy,
	.hardened = "device-lock",
	.descriptor_fields = descriptor_fields,
	.device_fields = device_fields};
