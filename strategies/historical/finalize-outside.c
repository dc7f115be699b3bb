/* SPDX-License-Identifier: MIT */
/*
 * device-lock@finalize-outside: what Linux 7.0 was careful not to become. A control, never released.
 *
 * dequeue unlinks under the device lock, and clears `private`, which says that the page is a balloon's, after it
 * has released the lock (H-08). In between the page is on no list, and looks as if it were.
 *
 * The hardened device-lock does both in one hold (its rule i). All else is as there.
 */
#define balloon_strategy_device_lock device_lock_beside_history
#include "../device-lock.c"

#include "historical.h"

/* Takes up to n pages off the list. Caller holds the device lock. */
static size_t unlink_pages(
	struct balloon_device *device, struct balloon_page *pages, size_t n_pages)
{
	const struct balloon_descriptors descriptors = device->map->descriptors;
	struct balloon_list *list = list_of(device);
	size_t n_done = 0;
	while (n_done < n_pages && BALLOON_READ(list->first) != BALLOON_LINK_END)
		pages[n_done++] = balloon_list_pop(&descriptors, list);
	return n_done;
}

static void finalize_pages(
	struct balloon_memmap *map, const struct balloon_page *pages, size_t n_pages)
{
	for (size_t i = 0; i < n_pages; i++)
		balloon_atomic_store(&descriptor_of(map, pages[i])->private, BALLOON_OWNER_NONE,
			BALLOON_RELAXED);
}

static int dequeue_then_finalize(
	struct balloon_device *device, struct balloon_page *pages, size_t n_pages)
{
	struct balloon_memmap *map = device->map;
	balloon_lock_acquire(lock_of(map));
	size_t n_done = unlink_pages(device, pages, n_pages);
	balloon_device_count(device, BALLOON_DEQUEUED, n_done);
	int result = balloon_dequeue_result(device, n_done);
	balloon_lock_release(lock_of(map));
	finalize_pages(map, pages, n_done);
	return result;
}

static const struct balloon_strategy strategy = {
	HISTORICAL_COMMON_OF_MAP,
	.name = "device-lock@finalize-outside",
	.era = "never released",
	.insert = insert,
	.dequeue = dequeue_then_finalize,
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
	{offsetof(struct device_area, list), "list"}, {0, NULL}};

const struct historical_form historical_device_lock_finalize_outside = {.strategy = &strategy,
	.hardened = "device-lock",
	.descriptor_fields = descriptor_fields,
	.device_fields = device_fields};
