/* SPDX-License-Identifier: MIT */
/* A strategy as a subject: the library's public calls, as a program makes them. */
#include <stdlib.h>

#include "run/loops.h"

static int insert(struct place *place, const struct balloon_page *pages, size_t n)
{
	return balloon_pages_insert(place->device, pages, n);
}

static int dequeue(struct place *place, struct balloon_page *pages, size_t n)
{
	return balloon_pages_dequeue(place->device, pages, n);
}

static int isolate(struct place *place, const struct balloon_page *pages, size_t n)
{
	return balloon_pages_isolate(place->map, pages, n);
}

static int putback(struct place *place, const struct balloon_page *pages, size_t n)
{
	return balloon_pages_putback(place->map, pages, n);
}

static int migrate(struct place *place, const struct balloon_page *new_pages,
	const struct balloon_page *old_pages, size_t n)
{
	return balloon_pages_migrate(place->device, new_pages, old_pages, n);
}

static bool is_candidate(const struct place *place, struct balloon_page page)
{
	return balloon_page_is_candidate(place->map, page);
}

static const struct ops ops = {insert, dequeue, isolate, putback, migrate, is_candidate};

static void work(struct worker *worker)
{
	loops_all(&ops, worker);
}

static void destroy(struct instance *instance)
{
	struct balloon_memmap *map = instance->places[0].map;
	for (unsigned i = 0; i < instance->shape->n_devices; i++)
		if (instance->places[i].device)
			balloon_device_destroy(map, instance->places[i].device);
	balloon_memmap_destroy(map);
	free(instance->places);
}

static int create_devices(struct instance *instance, struct balloon_memmap *map)
{
	int result = 0;
	for (unsigned i = 0; i < instance->shape->n_devices; i++)
		instance->places[i].map = map;
	for (unsigned i = 0; i < instance->shape->n_devices && result == 0; i++)
		result = balloon_device_create(map, NULL, &instance->places[i].device);
	return result;
}

static int create(struct instance *instance)
{
	const struct shape *shape = instance->shape;
	/* Beside the balloon's pages, the scanners' own. */
	struct balloon_memmap_config config = {
		.strategy = instance->subject->strategy,
		.n_pages = shape->n_pages + shape_n_spare(shape),
		.n_devices = shape->n_devices,
	};
	struct balloon_memmap *map;
	size_t size_bytes;
	instance->places = calloc(shape->n_devices, sizeof *instance->places);
	if (!instance->places)
		return -ENOMEM;
	int result = balloon_memmap_create(&config, &map);
	if (result < 0) {
		free(instance->places);
		return result;
	}
	balloon_memmap_size(&config, &size_bytes);
	instance->bytes_per_page = (double)size_bytes / config.n_pages;
	result = create_devices(instance, map);
	if (result < 0)
		destroy(instance);
	return result;
}

static int count(struct instance *instance, struct counts *counts)
{
	struct balloon_memmap_stats stats;
	int result = balloon_memmap_stats(instance->places[0].map, &stats);
	if (result == 0)
		*counts = (struct counts){.n_listed = stats.devices.n_listed,
			.n_isolated = stats.devices.n_isolated,
			.n_contended = stats.n_lock_contended};
	return result;
}

void subject_of_strategy(struct subject *subject, const struct balloon_strategy *strategy)
{
	struct balloon_strategy_info info = {.name = "?", .era = "?"};
	balloon_strategy_describe(strategy, &info);
	*subject = (struct subject){
		.name = info.name,
		.what = info.era,
		.kind = SUBJECT_STRATEGY,
		.strategy = strategy,
		.ops = &ops,
		.workloads = LOOPS_ALL,
		.create = create,
		.destroy = destroy,
		.work = work,
		.count = count,
	};
}
