/* SPDX-License-Identifier: MIT */
/*
 * movable@5.3: as in the release candidates of Linux 5.3 (2019), which had just learnt to take pages off the list
 * several at once.
 *
 * The helper that ends the membership of one page unlinks it. The older function for single pages had taken
 * its page off the list before it called the helper: off twice (H-32). insert dies of a page that a scanner holds
 * the lock of (H-36). And until 5.5, whoever counts ballooned pages by zones hears nothing of migrations (H-31).
 *
 * The hardened movable unlinks in one place, and its caller hears of both pages of a migration.
 */
#define balloon_strategy_movable movable_beside_history
#include "../movable.c"

#include "historical.h"

/* ---- Insert -------------------------------------------------------------------------------- */

static int insert_one_or_die(struct balloon_device *device, struct balloon_page page)
{
	struct descriptor *d = descriptor_of(device->map, page);
	int result = -EEXIST;
	bool is_locked = balloon_page_trylock(&d->flags, &device->map->n_contended);
	BALLOON_ASSERT(is_locked);
	if (BALLOON_READ(d->private) == BALLOON_OWNER_NONE) {
		begin(device, page, d);
		balloon_device_count(device, BALLOON_INSERTED, 1);
		result = 0;
	}
	balloon_page_unlock(&d->flags);
	return result;
}

static int insert_or_die(
	struct balloon_device *device, const struct balloon_page *pages, size_t n_pages)
{
	struct area *area = area_of(device);
	int result = -ENODEV;
	balloon_lock_acquire(&area->pages_lock);
	if (balloon_device_is_open(device))
		result = balloon_each_of_device(device, insert_one_or_die, pages, n_pages);
	balloon_lock_release(&area->pages_lock);
	return result;
}

/* ---- Dequeue, one page at a time ------------------------------------------------------------- */

/* The helper. Caller holds the page lock and the pages lock. */
static void dequeue_page(
	struct balloon_device *device, struct balloon_page page, struct descriptor *d)
{
	end(d);
	balloon_list_unlink(&device->map->descriptors, &area_of(device)->list, page);
	balloon_device_count(device, BALLOON_DEQUEUED, 1);
	balloon_reference_put(&d->references, 1);
}

/* Caller holds the pages lock. */
static struct balloon_page pop_page(struct balloon_device *device)
{
	return balloon_list_pop(&device->map->descriptors, &area_of(device)->list);
}

/* Caller holds the pages lock. Returns false: somebody holds the first page's lock. */
static bool dequeue_first(struct balloon_device *device, struct balloon_page *first)
{
	struct balloon_memmap *map = device->map;
	*first = balloon_page(BALLOON_READ(area_of(device)->list.first));
	struct descriptor *d = descriptor_of(map, *first);
	if (!balloon_page_trylock(&d->flags, &map->n_contended))
		return false;
	dequeue_page(device, pop_page(device), d);
	balloon_page_unlock(&d->flags);
	return true;
}

static int dequeue_singly(struct balloon_device *device, struct balloon_page *pages, size_t n_pages)
{
	struct area *area = area_of(device);
	size_t n_done = 0;
	balloon_lock_acquire(&area->pages_lock);
	while (n_done < n_pages && BALLOON_READ(area->list.first) != BALLOON_LINK_END &&
		dequeue_first(device, &pages[n_done]))
		n_done++;
	int result = balloon_dequeue_result(device, n_done);
	balloon_lock_release(&area->pages_lock);
	return result;
}

/* ---- The table ------------------------------------------------------------------------------- */

static const struct balloon_strategy strategy = {
	HISTORICAL_COMMON,
	.name = "movable@5.3",
	.era = "Linux 5.3-rc (2019)",
	.insert = insert_or_die,
	.dequeue = dequeue_singly,
	.isolate = isolate,
	.putback = putback,
	.migrate = migrate,
	.finalize = finalize,
	.is_candidate = is_candidate,
	.device_of = device_of,
	.inspect = inspect,
};

static const struct historical_field descriptor_fields[] = {HISTORICAL_LINK_FIELDS,
	{offsetof(struct descriptor, flags), "flags"},
	{offsetof(struct descriptor, references), "references"},
	{offsetof(struct descriptor, type), "type"},
	{offsetof(struct descriptor, private), "private"}, {0, NULL}};

static const struct historical_field device_fields[] = {
	{offsetof(struct area, pages_lock), "pages_lock"}, {offsetof(struct area, list), "list"},
	{0, NULL}};

const struct historical_form historical_movable_5_3 = {.strategy = &strategy,
	.hardened = "movable",
	.descriptor_fields = descriptor_fields,
	.device_fields = device_fields,
	.is_drifting = true};
