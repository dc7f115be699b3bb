/* SPDX-License-Identifier: MIT */
/* The operations: refuse what no strategy should see, then ask the strategy. */

#include <balloon/strategy.h>

#define BALLOON_PROBES_COUNTED
#include "core/probe.h"

BALLOON_PROBE_COUNT(insert);
BALLOON_PROBE_COUNT(dequeue);
BALLOON_PROBE_COUNT(isolate);
BALLOON_PROBE_COUNT(putback);
BALLOON_PROBE_COUNT(migrate);
BALLOON_PROBE_COUNT(finalize);

/* ---- What a batch is worth ------------------------------------------------------------------- */

static int check_batch(const struct balloon_page *pages, size_t n_pages)
{
	if (!pages || n_pages == 0)
		return -EINVAL;
	return n_pages > BALLOON_BATCH_MAX ? -E2BIG : 0;
}

static int check_device(const struct balloon_device *device)
{
	if (!device)
		return -EINVAL;
	return balloon_device_is_open(device) ? 0 : -ENODEV;
}

/* How many pages from the start of the batch are pages of this map: the rest cannot be done. */
static size_t n_in_range(
	const struct balloon_memmap *map, const struct balloon_page *pages, size_t n_pages)
{
	const uint32_t limit = map->descriptors.n_pages;
	uint32_t is_any_outside = 0;
	for (size_t i = 0; i < n_pages; i++) /* without a way out, so that it becomes vectors */
		is_any_outside |= pages[i].index >= limit;
	if (!is_any_outside)
		return n_pages;
	size_t n = 0;
	while (pages[n].index < limit)
		n++;
	return n;
}

/* A batch on a map: *n receives how many of its pages are worth asking the strategy about. */
static int check_map_batch(const struct balloon_memmap *map, const struct balloon_page *pages,
	size_t n_pages, size_t *n)
{
	int result = check_batch(pages, n_pages);
	if (result == 0 && !map)
		result = -EINVAL;
	if (result < 0)
		return result;
	*n = n_in_range(map, pages, n_pages);
	return *n ? 0 : -ERANGE;
}

static int check_device_batch(const struct balloon_device *device, const struct balloon_page *pages,
	size_t n_pages, size_t *n)
{
	int result = check_device(device);
	return result < 0 ? result : check_map_batch(device->map, pages, n_pages, n);
}

static inline int insert(
	struct balloon_device *device, const struct balloon_page *pages, size_t n_pages)
{
	size_t n;
	int result = check_device_batch(device, pages, n_pages, &n);
	return result < 0 ? result : device->map->strategy->insert(device, pages, n);
}

static inline int dequeue(struct balloon_device *device, struct balloon_page *pages, size_t n_pages)
{
	int result = check_batch(pages, n_pages);
	if (result == 0)
		result = check_device(device);
	return result < 0 ? result : device->map->strategy->dequeue(device, pages, n_pages);
}

static inline int isolate(
	struct balloon_memmap *map, const struct balloon_page *pages, size_t n_pages)
{
	size_t n;
	int result = check_map_batch(map, pages, n_pages, &n);
	if (result < 0)
		return result;
	result = map->strategy->isolate(map, pages, n);
	if (result < 0 || (size_t)result < n) /* it stopped at a page that it tried in vain */
		balloon_atomic_add(&map->n_isolate_failures, 1, BALLOON_RELAXED);
	return result;
}

static inline int putback(
	struct balloon_memmap *map, const struct balloon_page *pages, size_t n_pages)
{
	size_t n;
	int result = check_map_batch(map, pages, n_pages, &n);
	return result < 0 ? result : map->strategy->putback(map, pages, n);
}

/* How many pairs from the start of the batch are two different pages of this map. */
static size_t n_pairs(const struct balloon_memmap *map, const struct balloon_page *new_pages,
	const struct balloon_page *old_pages, size_t n_pages)
{
	size_t n = 0;
	while (n < n_pages && new_pages[n].index < map->descriptors.n_pages &&
		old_pages[n].index < map->descriptors.n_pages &&
		new_pages[n].index != old_pages[n].index)
		n++;
	return n;
}

static inline int migrate(struct balloon_device *device, const struct balloon_page *new_pages,
	const struct balloon_page *old_pages, size_t n_pages)
{
	int result = check_batch(new_pages, n_pages);
	if (result == 0)
		result = check_batch(old_pages, n_pages);
	if (result == 0)
		result = check_device(device);
	if (result < 0)
		return result;
	size_t n = n_pairs(device->map, new_pages, old_pages, n_pages);
	if (n == 0)
		return new_pages[0].index == old_pages[0].index &&
				       new_pages[0].index < device->map->descriptors.n_pages
			       ? -EINVAL
			       : -ERANGE;
	return device->map->strategy->migrate(device, new_pages, old_pages, n);
}

static inline int finalize(
	struct balloon_device *device, const struct balloon_page *pages, size_t n_pages)
{
	size_t n;
	int result = check_device_batch(device, pages, n_pages, &n);
	return result < 0 ? result : device->map->strategy->finalize(device, pages, n);
}

/* ---- The calls ------------------------------------------------------------------------------- */

int balloon_pages_insert(
	struct balloon_device *device, const struct balloon_page *pages, size_t n_pages)
{
	BALLOON_RETURN_PROBED(insert, insert(device, pages, n_pages), device, pages, n_pages);
}

int balloon_pages_dequeue(struct balloon_device *device, struct balloon_page *pages, size_t n_pages)
{
	BALLOON_RETURN_PROBED(dequeue, dequeue(device, pages, n_pages), device, pages, n_pages);
}

int balloon_pages_isolate(
	struct balloon_memmap *map, const struct balloon_page *pages, size_t n_pages)
{
	BALLOON_RETURN_PROBED(isolate, isolate(map, pages, n_pages), map, pages, n_pages);
}

int balloon_pages_putback(
	struct balloon_memmap *map, const struct balloon_page *pages, size_t n_pages)
{
	BALLOON_RETURN_PROBED(putback, putback(map, pages, n_pages), map, pages, n_pages);
}

int balloon_pages_migrate(struct balloon_device *device, const struct balloon_page *new_pages,
	const struct balloon_page *old_pages, size_t n_pages)
{
	BALLOON_RETURN_PROBED(migrate, migrate(device, new_pages, old_pages, n_pages), device,
		new_pages, old_pages, n_pages);
}

int balloon_pages_finalize(
	struct balloon_device *device, const struct balloon_page *pages, size_t n_pages)
{
	BALLOON_RETURN_PROBED(finalize, finalize(device, pages, n_pages), device, pages, n_pages);
}

/* ---- Asking ---------------------------------------------------------------------------------- */

bool balloon_page_is_candidate(const struct balloon_memmap *map, struct balloon_page page)
{
	return map && page.index < map->descriptors.n_pages &&
	       map->strategy->is_candidate(map, page);
}

struct balloon_device *balloon_page_device(struct balloon_memmap *map, struct balloon_page page)
{
	return map && page.index < map->descriptors.n_pages ? map->strategy->device_of(map, page)
							    : NULL;
}
