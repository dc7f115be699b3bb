/* SPDX-License-Identifier: MIT */
/*
 * device-lock@7.0: as in the change for Linux 7.0 (January 2026), with the migration code around it as it was.
 *
 * putback calls the balloon back, which lists the page under the device lock, and clears the isolated flag after that,
 * under the page lock, and drops its reference. dequeue takes no page lock any more: in between it gives the page out,
 * while putback still writes to its descriptor (H-40). The words are atomic, and in the end all is as it should be:
 * only whose hands the page was in shows it.
 *
 * The hardened device-lock does all of it in one hold of the device lock. All else is as there.
 */
#define balloon_strategy_device_lock device_lock_beside_7_0
#include "../device-lock.c"

#include "historical.h"

static void putback_callback(
	struct balloon_memmap *map, struct balloon_page page, const struct descriptor *d)
{
	balloon_lock_acquire(lock_of(map));
	struct balloon_device *device = balloon_owner_device(map, private_of(d));
	balloon_list_push(&map->descriptors, list_of(device), page);
	balloon_device_count(device, BALLOON_PUT_BACK, 1);
	balloon_lock_release(lock_of(map));
}

static int call_back_and_clear(struct balloon_memmap *map, struct balloon_page page)
{
	struct descriptor *d = descriptor_of(map, page);
	int result = -ESTALE;
	balloon_page_lock(&d->flags, &map->n_contended);
	if (has_isolated(d)) {
		putback_callback(map, page, d);
		balloon_atomic_and(&d->flags, ~(uint32_t)ISOLATED, BALLOON_RELAXED);
		balloon_reference_put(&d->references, 1);
		result = 0;
	}
	balloon_page_unlock(&d->flags);
	return result;
}

static int putback_and_clear(
	struct balloon_memmap *map, const struct balloon_page *pages, size_t n_pages)
{
	return balloon_each_of_map(map, call_back_and_clear, pages, n_pages);
}

/* As there, without the assertion that no listed page is isolated: one whose putback is under way looks it. */
static int dequeue_marked(struct balloon_device *device, struct balloon_page *pages, size_t n_pages)
{
	struct balloon_memmap *map = device->map;
	struct balloon_list *list = list_of(device);
	size_t n_done = 0;
	balloon_lock_acquire(lock_of(map));
	for (; n_done < n_pages && BALLOON_READ(list->first) != BALLOON_LINK_END; n_done++) {
		pages[n_done] = balloon_list_pop(&map->descriptors, list);
		balloon_atomic_store(&descriptor_of(map, pages[n_done])->private,
			BALLOON_OWNER_NONE, BALLOON_RELAXED);
	}
	balloon_device_count(device, BALLOON_DEQUEUED, n_done);
	int result = balloon_dequeue_result(device, n_done);
	balloon_lock_release(lock_of(map));
	return result;
}

static const struct balloon_strategy strategy = {
	HISTORICAL_COMMON_OF_MAP,
	.name = "device-lock@7.0",
	.era = "Linux 7.0 (2026)",
	.insert = insert,
	.dequeue = dequeue_marked,
	.isolate = isolate,
	.putback = putback_and_clear,
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

const struct historical_form historical_device_lock_7_0 = {.strategy = &strategy,
	.hardened = "device-lock",
	.descriptor_fields = descriptor_fields,
	.device_fields = device_fields};
