/* SPDX-License-Identifier: MIT */
/*
 * page-lock@3.8: the first design as it was, Linux 3.8 to 3.17 (2012 to 2014).
 *
 * A page is a balloon's if its `mapping` points to a device's mapping object, whose flags say so. Who is allowed
 * what follows from mapping and reference count; there is no field for the state. What that led to:
 *   H-01  The scanner's pre-check reads through `mapping` without a lock. By then the page may have
 *         become somebody else's, who keeps a pointer with a tag in the same field.
 *   H-07  The mapping object belongs to its device and goes with it: the same look finds freed memory.
 *   H-03  dequeue chooses a page without a lock, and does not look again when it has locked it.
 *   H-04  It walks along the list without the pages lock: where isolate has just unlinked.
 *   H-02  After a migration the migration code asks by the scanner's pre-check whether the new page is a
 *         balloon's. That page is locked and has a reference more, so the answer is never yes: the special result of
 *         a success is taken for an error, and the new page loses its mapping while it is listed.
 *   H-06  And when it has been unlocked, it is put where ordinary pages go, through the link of the list
 *         that it is on, or that whoever has dequeued it since keeps it on.
 *   H-36  insert tries the page's lock, and dies of a scanner that holds it.
 *   H-37  A scanner isolates only while it has the lock of the lists of ordinary pages, and passes over what it
 *         meets without.
 *   H-31  Whoever counts ballooned pages by zones hears nothing of migrations.
 *
 * The hardened page-lock walks under the pages lock, keeps a state that it tests under the page lock, compares
 * `mapping` with the map's own objects, and migrates in one step with an ordinary result; its insert of a locked page
 * says "again"; a scanner needs no other lock.
 */
#define balloon_strategy_page_lock page_lock_beside_history
#include "../page-lock.c"

#include <stddef.h>

#include "historical.h"

/* ---- Marks ----------------------------------------------------------------------------------- */

static uintptr_t load_mapping(const struct descriptor *d)
{
	return balloon_atomic_load(&d->mapping, BALLOON_RELAXED);
}

/* Follows the pointer. Without the page lock it may be anybody's, and with a tag in it none to a structure: it is read
 * as the number that it is. */
static bool has_balloon_mapping(const struct descriptor *d)
{
	const uintptr_t mapping = load_mapping(d);
	const uint32_t *flags = (const uint32_t *)(mapping + offsetof(struct mapping, flags));
	return mapping && (BALLOON_READ(*flags) & MAPPING_BALLOON);
}

/* The pre-check: neither locked nor otherwise in use, listed, and a balloon's. */
static bool looks_movable(const struct descriptor *d)
{
	return balloon_atomic_load(&d->flags, BALLOON_RELAXED) == 0 &&
	       balloon_atomic_load(&d->references, BALLOON_RELAXED) == 1 && has_balloon_mapping(d);
}

static bool scan(const struct balloon_memmap *map, struct balloon_page page)
{
	return looks_movable(descriptor_of(map, page));
}

/* Or listed and looked at by a scanner: the two cannot be told apart. Caller holds the page lock. */
static bool looks_isolated(const struct descriptor *d)
{
	return balloon_atomic_load(&d->references, BALLOON_RELAXED) >= 2 && has_balloon_mapping(d);
}

/* ---- Into the balloon and out of it ---------------------------------------------------------- */

/* Caller holds the page lock and the pages lock. */
static void enlist(struct balloon_device *device, struct balloon_page page, struct descriptor *d)
{
	struct area *area = area_of(device);
	balloon_atomic_store(&d->mapping, (uintptr_t)&area->mapping, BALLOON_RELAXED);
	balloon_reference_get(&d->references);
	balloon_list_push(&device->map->descriptors, &area->list, page);
}

static int enqueue_locked(
	struct balloon_device *device, struct balloon_page page, struct descriptor *d)
{
	struct area *area = area_of(device);
	int result = -ENODEV;
	if (load_mapping(d) != 0)
		return -EEXIST;
	balloon_lock_acquire(&area->pages_lock);
	if (balloon_device_is_open(device)) {
		enlist(device, page, d);
		balloon_device_count(device, BALLOON_INSERTED, 1);
		result = 0;
	}
	balloon_lock_release(&area->pages_lock);
	return result;
}

static int enqueue_one(struct balloon_device *device, struct balloon_page page)
{
	struct descriptor *d = descriptor_of(device->map, page);
	bool is_locked = balloon_page_trylock(&d->flags, &device->map->n_contended);
	BALLOON_ASSERT(is_locked); /* for whose could it be? */
	int result = enqueue_locked(device, page, d);
	balloon_page_unlock(&d->flags);
	return result;
}

static int enqueue(struct balloon_device *device, const struct balloon_page *pages, size_t n_pages)
{
	return balloon_each_of_device(device, enqueue_one, pages, n_pages);
}

/* That it is still listed nobody asks. Caller holds the page lock. */
static void dequeue_locked(
	struct balloon_device *device, struct balloon_page page, struct descriptor *d)
{
	struct area *area = area_of(device);
	balloon_lock_acquire(&area->pages_lock);
	balloon_reference_get(&d->references); /* a scanner that waits sees an unexpected count */
	balloon_atomic_store(&d->mapping, 0, BALLOON_RELAXED);
	balloon_list_unlink(&device->map->descriptors, &area->list, page);
	balloon_device_count(device, BALLOON_DEQUEUED, 1);
	balloon_lock_release(&area->pages_lock);
}

static int dequeue_unlocked_walk(
	struct balloon_device *device, struct balloon_page *pages, size_t n_pages)
{
	struct balloon_memmap *map = device->map;
	struct area *area = area_of(device);
	size_t n_done = 0;
	uint32_t index = BALLOON_READ(area->list.first);
	while (n_done < n_pages && index != BALLOON_LINK_END) {
		struct balloon_page page = balloon_page(index);
		struct descriptor *d = descriptor_of(map, page);
		index = BALLOON_READ(d->link.next);
		if (!balloon_page_trylock(&d->flags, &map->n_contended))
			continue;
		dequeue_locked(device, page, d);
		balloon_page_unlock(&d->flags);
		balloon_reference_put(&d->references, 2);
		pages[n_done++] = page;
	}
	balloon_lock_acquire(&area->pages_lock);
	int result = balloon_dequeue_result(device, n_done);
	balloon_lock_release(&area->pages_lock);
	return result;
}

/* ---- Isolation ------------------------------------------------------------------------------- */

/* Caller holds the page lock and a reference. */
static int take_off_list(struct balloon_memmap *map, struct balloon_page page, struct descriptor *d)
{
	if (!has_balloon_mapping(d))
		return -ESTALE;
	if (balloon_atomic_load(&d->references, BALLOON_RELAXED) != 2)
		return -EAGAIN;
	struct balloon_device *device = owner_of(d);
	struct area *area = area_of(device);
	balloon_lock_acquire(&area->pages_lock);
	balloon_list_unlink(&map->descriptors, &area->list, page);
	balloon_device_count(device, BALLOON_ISOLATED, 1);
	balloon_lock_release(&area->pages_lock);
	return 0;
}

static int isolate_one_by_count(struct balloon_memmap *map, struct balloon_page page)
{
	struct descriptor *d = descriptor_of(map, page);
	int result = -EAGAIN;
	if (!balloon_reference_get_unless_zero(&d->references))
		return -ESTALE;
	if (balloon_page_trylock(&d->flags, &map->n_contended)) {
		result = take_off_list(map, page, d);
		balloon_page_unlock(&d->flags);
	}
	if (result < 0)
		balloon_reference_put(&d->references, 1);
	return result;
}

static int isolate_by_count(
	struct balloon_memmap *map, const struct balloon_page *pages, size_t n_pages)
{
	return balloon_each_of_map(map, isolate_one_by_count, pages, n_pages);
}

/* Caller holds the page lock. */
static int put_back_on_list(
	struct balloon_memmap *map, struct balloon_page page, struct descriptor *d)
{
	if (!looks_isolated(d))
		return -ESTALE;
	struct balloon_device *device = owner_of(d);
	struct area *area = area_of(device);
	balloon_lock_acquire(&area->pages_lock);
	balloon_list_push(&map->descriptors, &area->list, page);
	balloon_device_count(device, BALLOON_PUT_BACK, 1);
	balloon_lock_release(&area->pages_lock);
	balloon_reference_put(&d->references, 1);
	return 0;
}

static int putback_one_by_count(struct balloon_memmap *map, struct balloon_page page)
{
	struct descriptor *d = descriptor_of(map, page);
	balloon_page_lock(&d->flags, &map->n_contended);
	int result = put_back_on_list(map, page, d);
	balloon_page_unlock(&d->flags);
	return result;
}

static int putback_by_count(
	struct balloon_memmap *map, const struct balloon_page *pages, size_t n_pages)
{
	return balloon_each_of_map(map, putback_one_by_count, pages, n_pages);
}

/* ---- Migration ------------------------------------------------------------------------------- */

/* May this page leave the device? Caller holds the page lock. */
static int check_isolated(const struct balloon_device *device, const struct descriptor *d)
{
	if (!looks_isolated(d))
		return -ESTALE;
	return owner_of(d) == device ? 0 : -EXDEV;
}

/* The driver's callback: the old page leaves without the pages lock. Caller holds both page locks. */
static void migrate_callback(struct balloon_device *device, struct balloon_page new_page,
	struct descriptor *new_d, struct descriptor *old_d)
{
	struct area *area = area_of(device);
	balloon_lock_acquire(&area->pages_lock);
	enlist(device, new_page, new_d);
	balloon_device_count(device, BALLOON_MIGRATED, 1);
	balloon_lock_release(&area->pages_lock);
	balloon_atomic_store(&old_d->mapping, 0, BALLOON_RELAXED);
	balloon_reference_put(&old_d->references, 2);
}

/* The migration code after the callback: no result that it knows, no balloon's page. Caller holds its lock. */
static void judge_result(struct descriptor *new_d)
{
	if (!looks_movable(new_d))
		balloon_atomic_store(&new_d->mapping, 0, BALLOON_RELAXED);
}

/* The same once the new page is unlocked. */
static void ask_new_page(struct balloon_memmap *map, struct balloon_page new_page)
{
	if (!looks_movable(descriptor_of(map, new_page)))
		historical_put_on_lru(map, new_page);
}

/* Caller holds the old page's lock. */
static int move(struct balloon_device *device, struct balloon_page new_page,
	struct descriptor *new_d, struct descriptor *old_d)
{
	int result = check_isolated(device, old_d);
	if (result < 0)
		return result;
	if (!balloon_page_trylock(&new_d->flags, &device->map->n_contended))
		return -EAGAIN;
	if (load_mapping(new_d) == 0) {
		migrate_callback(device, new_page, new_d, old_d);
		judge_result(new_d);
	} else {
		result = -EEXIST;
	}
	balloon_page_unlock(&new_d->flags);
	return result;
}

static int migrate_one_and_ask(
	struct balloon_device *device, struct balloon_page new_page, struct balloon_page old_page)
{
	struct descriptor *new_d = descriptor_of(device->map, new_page);
	struct descriptor *old_d = descriptor_of(device->map, old_page);
	balloon_page_lock(&old_d->flags, &device->map->n_contended);
	int result = move(device, new_page, new_d, old_d);
	balloon_page_unlock(&old_d->flags);
	if (result == 0)
		ask_new_page(device->map, new_page);
	return result;
}

static int migrate_and_ask(struct balloon_device *device, const struct balloon_page *new_pages,
	const struct balloon_page *old_pages, size_t n_pages)
{
	return balloon_each_pair(device, migrate_one_and_ask, new_pages, old_pages, n_pages);
}

static int finalize_one_by_count(struct balloon_device *device, struct balloon_page page)
{
	struct descriptor *d = descriptor_of(device->map, page);
	struct area *area = area_of(device);
	balloon_page_lock(&d->flags, &device->map->n_contended);
	int result = check_isolated(device, d);
	if (result == 0) {
		balloon_lock_acquire(&area->pages_lock);
		balloon_atomic_store(&d->mapping, 0, BALLOON_RELAXED);
		balloon_device_count(device, BALLOON_FINALIZED, 1);
		balloon_lock_release(&area->pages_lock);
		balloon_reference_put(&d->references, 2);
	}
	balloon_page_unlock(&d->flags);
	return result;
}

static int finalize_by_count(
	struct balloon_device *device, const struct balloon_page *pages, size_t n_pages)
{
	return balloon_each_of_device(device, finalize_one_by_count, pages, n_pages);
}

/* ---- Looks ----------------------------------------------------------------------------------- */

static struct balloon_device *device_by_count(struct balloon_memmap *map, struct balloon_page page)
{
	struct descriptor *d = descriptor_of(map, page);
	balloon_page_lock(&d->flags, &map->n_contended);
	struct balloon_device *device = looks_isolated(d) ? owner_of(d) : NULL;
	balloon_page_unlock(&d->flags);
	return device;
}

static const char *find_defect_by_count(const struct balloon_memmap *map, struct balloon_page page,
	const struct descriptor *d, const struct mapping *mapping)
{
	bool is_linked = balloon_link_is_linked(&d->link);
	uint32_t expected = !mapping ? 0 : is_linked ? 1 : 2;
	if (balloon_atomic_load(&d->flags, BALLOON_RELAXED) != 0)
		return "I8: a page is locked and nothing is under way";
	if (!mapping && is_linked)
		return "I2: a page is on a list and has no mapping";
	if (balloon_atomic_load(&d->references, BALLOON_RELAXED) != expected)
		return "I8: the reference count does not fit the state";
	if (is_linked &&
		!balloon_list_is_sound_at(&map->descriptors, &area_of(mapping->device)->list, page))
		return "I1: a page's neighbours do not point back at it";
	return NULL;
}

static struct balloon_page_info inspect_by_count(
	struct balloon_memmap *map, struct balloon_page page)
{
	const struct descriptor *d = descriptor_of(map, page);
	const struct mapping *mapping = mapping_of(map, d);
	struct balloon_page_info info = {
		BALLOON_PAGE_OWNED, NULL, find_defect_by_count(map, page, d, mapping)};
	if (mapping) {
		info.state = balloon_link_is_linked(&d->link) ? BALLOON_PAGE_LISTED
							      : BALLOON_PAGE_ISOLATED;
		info.device = mapping->device;
	}
	return info;
}

/* ---- Somebody else's page -------------------------------------------------------------------- */

enum { IN_USE = BALLOON_PAGE_FLAG_FIRST };

/* Anonymous memory: a pointer to what it belongs to, with its lowest bit set. */
static void use(struct balloon_memmap *map, struct balloon_page page)
{
	static const char owner[8];
	struct descriptor *d = descriptor_of(map, page);
	balloon_atomic_or(&d->flags, IN_USE, BALLOON_RELAXED);
	balloon_reference_get(&d->references);
	balloon_atomic_store(&d->mapping, (uintptr_t)owner | 1, BALLOON_RELAXED);
}

static void end_use(struct balloon_memmap *map, struct balloon_page page)
{
	struct descriptor *d = descriptor_of(map, page);
	balloon_atomic_store(&d->mapping, 0, BALLOON_RELAXED);
	balloon_reference_put(&d->references, 1);
	balloon_atomic_and(&d->flags, ~(uint32_t)IN_USE, BALLOON_RELAXED);
}

static const struct balloon_strategy strategy = {
	HISTORICAL_COMMON,
	.name = "page-lock@3.8",
	.era = "Linux 3.8 to 3.17 (2012 to 2014)",
	.insert = enqueue,
	.dequeue = dequeue_unlocked_walk,
	.isolate = isolate_by_count,
	.putback = putback_by_count,
	.migrate = migrate_and_ask,
	.finalize = finalize_by_count,
	.is_candidate = scan,
	.device_of = device_by_count,
	.inspect = inspect_by_count,
};

static const struct historical_field descriptor_fields[] = {HISTORICAL_LINK_FIELDS,
	{offsetof(struct descriptor, flags), "flags"},
	{offsetof(struct descriptor, references), "references"},
	{offsetof(struct descriptor, mapping), "mapping"}, {0, NULL}};

static const struct historical_field device_fields[] = {
	{offsetof(struct area, pages_lock), "pages_lock"}, {offsetof(struct area, list), "list"},
	{offsetof(struct area, mapping), "mapping"}, {0, NULL}};

const struct historical_form historical_page_lock_3_8 = {.strategy = &strategy,
	.hardened = "page-lock",
	.descriptor_fields = descriptor_fields,
	.device_fields = device_fields,
	.use = use,
	.end_use = end_use,
	.needs_lru = true,
	.is_drifting = true};
