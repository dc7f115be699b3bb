/* SPDX-License-Identifier: MIT */
/*
 * mapcount as it was: three forms, from the first merge to the last release, each with one defect less.
 *
 *   mapcount@3.18-rc  the release candidates of 3.18, with compaction compiled out: insert never sets PRIVATE, which
 *                     only isolation was thought to need, and dequeue passes over pages without it (H-05). And
 *                     all that is wrong with
 *   mapcount@3.18     Linux 3.18 to 4.4: dequeue walks the list without the pages lock (H-04). And all that is
 *                     wrong with
 *   mapcount@4.5      Linux 4.5 to 4.7: the migration code unlocks the new page, and then asks it whether it is
 *                     a balloon's, to decide what becomes of it (H-06). insert dies of a page that a scanner
 *                     holds the lock of (H-36).
 *
 * In all of them, whoever counts ballooned pages by zones hears nothing of migrations (H-31).
 *
 * The hardened mapcount holds the pages lock over the walk, knows what it has migrated, and sets PRIVATE in
 * every insert. All else is as there.
 */
#define balloon_strategy_mapcount mapcount_beside_history
#include "../mapcount.c"

#include "historical.h"

/* ---- The migration code, to 4.7 -------------------------------------------------------------- */

/* Between the unlock and this look anybody may have dequeued it. */
static void ask_new_page(struct balloon_memmap *map, struct balloon_page new_page)
{
	if (!has_mark(descriptor_of(map, new_page)))
		historical_put_on_lru(map, new_page);
}

static int migrate_one_and_ask(
	struct balloon_device *device, struct balloon_page new_page, struct balloon_page old_page)
{
	int result = migrate_one(device, new_page, old_page); /* unlocks both */
	if (result == 0)
		ask_new_page(device->map, new_page);
	return result;
}

static int migrate_and_ask(struct balloon_device *device, const struct balloon_page *new_pages,
	const struct balloon_page *old_pages, size_t n_pages)
{
	return balloon_each_pair(device, migrate_one_and_ask, new_pages, old_pages, n_pages);
}

/* ---- Dequeue, to 4.4 ------------------------------------------------------------------------- */

/* Caller holds the page lock. Returns false: the page is isolated. */
static bool dequeue_locked(
	struct balloon_device *device, struct balloon_page page, struct descriptor *d)
{
	struct area *area = area_of(device);
	if (!has_private(d))
		return false;
	balloon_lock_acquire(&area->pages_lock);
	unlink_page(device, page, d);
	end(d);
	balloon_device_count(device, BALLOON_DEQUEUED, 1);
	balloon_lock_release(&area->pages_lock);
	balloon_reference_put(&d->references, 1);
	return true;
}

/* The pages lock is taken for each page that is found, and not for finding it. */
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
		if (dequeue_locked(device, page, d))
			pages[n_done++] = page;
		balloon_page_unlock(&d->flags);
	}
	balloon_lock_acquire(&area->pages_lock);
	int result = balloon_dequeue_result(device, n_done);
	balloon_lock_release(&area->pages_lock);
	return result;
}

/* ---- Insert ---------------------------------------------------------------------------------- */

static int insert_one_or_die(struct balloon_device *device, struct balloon_page page)
{
	struct descriptor *d = descriptor_of(device->map, page);
	bool is_locked = balloon_page_trylock(&d->flags, &device->map->n_contended);
	BALLOON_ASSERT(is_locked);
	int result = insert_locked(device, page, d);
	balloon_page_unlock(&d->flags);
	return result;
}

static int insert_or_die(
	struct balloon_device *device, const struct balloon_page *pages, size_t n_pages)
{
	return balloon_each_of_device(device, insert_one_or_die, pages, n_pages);
}

/* ---- Insert of 3.18-rc, without compaction --------------------------------------------------- */

static int insert_one_unmarked(struct balloon_device *device, struct balloon_page page)
{
	struct descriptor *d = descriptor_of(device->map, page);
	int result = insert_one(device, page);
	if (result == 0)
		balloon_atomic_and(&d->flags, ~(uint32_t)PRIVATE, BALLOON_RELAXED);
	return result;
}

static int insert_unmarked(
	struct balloon_device *device, const struct balloon_page *pages, size_t n_pages)
{
	return balloon_each_of_device(device, insert_one_unmarked, pages, n_pages);
}

/* Nothing is ever isolated: whatever has the mark is on the list. */
static struct balloon_page_info inspect_unmarked(
	struct balloon_memmap *map, struct balloon_page page)
{
	const struct descriptor *d = descriptor_of(map, page);
	struct balloon_page_info info = {BALLOON_PAGE_OWNED, NULL, NULL};
	if (has_mark(d)) {
		info.state = BALLOON_PAGE_LISTED;
		info.device = balloon_owner_device(map, BALLOON_READ(d->device));
	}
	return info;
}

/* ---- Tables ---------------------------------------------------------------------------------- */

static const struct balloon_strategy strategy_3_18_rc = {
	HISTORICAL_COMMON,
	.name = "mapcount@3.18-rc",
	.era = "Linux 3.18-rc (2014), compaction compiled out",
	.insert = insert_unmarked,
	.dequeue = dequeue_unlocked_walk,
	.isolate = isolate,
	.putback = putback,
	.migrate = migrate_and_ask,
	.finalize = finalize,
	.is_candidate = is_candidate,
	.device_of = device_of,
	.inspect = inspect_unmarked,
};

static const struct balloon_strategy strategy_3_18 = {
	HISTORICAL_COMMON,
	.name = "mapcount@3.18",
	.era = "Linux 3.18 to 4.4 (2014 to 2016)",
	.insert = insert_or_die,
	.dequeue = dequeue_unlocked_walk,
	.isolate = isolate,
	.putback = putback,
	.migrate = migrate_and_ask,
	.finalize = finalize,
	.is_candidate = is_candidate,
	.device_of = device_of,
	.inspect = inspect,
};

static const struct balloon_strategy strategy_4_5 = {
	HISTORICAL_COMMON,
	.name = "mapcount@4.5",
	.era = "Linux 4.5 to 4.7 (2016)",
	.insert = insert_or_die,
	.dequeue = dequeue,
	.isolate = isolate,
	.putback = putback,
	.migrate = migrate_and_ask,
	.finalize = finalize,
	.is_candidate = is_candidate,
	.device_of = device_of,
	.inspect = inspect,
};

static const struct historical_field descriptor_fields[] = {HISTORICAL_LINK_FIELDS,
	{offsetof(struct descriptor, flags), "flags"},
	{offsetof(struct descriptor, references), "references"},
	{offsetof(struct descriptor, mapcount), "mapcount"},
	{offsetof(struct descriptor, device), "device"}, {0, NULL}};

static const struct historical_field device_fields[] = {
	{offsetof(struct area, pages_lock), "pages_lock"}, {offsetof(struct area, list), "list"},
	{0, NULL}};

const struct historical_form historical_mapcount_3_18_rc = {.strategy = &strategy_3_18_rc,
	.hardened = "mapcount",
	.descriptor_fields = descriptor_fields,
	.device_fields = device_fields,
	.is_drifting = true};
const struct historical_form historical_mapcount_3_18 = {.strategy = &strategy_3_18,
	.hardened = "mapcount",
	.descriptor_fields = descriptor_fields,
	.device_fields = device_fields,
	.is_drifting = true};
const struct historical_form historical_mapcount_4_5 = {.strategy = &strategy_4_5,
	.hardened = "mapcount",
	.descriptor_fields = descriptor_fields,
	.device_fields = device_fields,
	.is_drifting = true};
