/* SPDX-License-Identifier: MIT */
/* Devices: the slots of a map, and what a device's counts say. */

#include <balloon/strategy.h>

static struct balloon_device *free_slot(struct balloon_memmap *map)
{
	for (uint32_t slot = 0; slot < map->n_devices; slot++) {
		struct balloon_device *device = balloon_memmap_slot(map, slot);
		if (!balloon_device_is_open(device))
			return device;
	}
	return NULL;
}

int balloon_device_create(struct balloon_memmap *map, void *context, struct balloon_device **result)
{
	if (!map || !result)
		return -EINVAL;
	balloon_lock_acquire(&map->slots_lock);
	struct balloon_device *device = free_slot(map);
	if (device) {
		map->strategy->device_open(device, context);
		BALLOON_ADD(map->n_open, 1);
	}
	balloon_lock_release(&map->slots_lock);
	if (!device)
		return -ENOSPC;
	*result = device;
	return 0;
}

static void add_stats(struct balloon_device_stats *sum, const struct balloon_device_stats *stats)
{
	BALLOON_ADD(sum->n_listed, stats->n_listed);
	BALLOON_ADD(sum->n_isolated, stats->n_isolated);
	BALLOON_ADD(sum->n_inserted, stats->n_inserted);
	BALLOON_ADD(sum->n_dequeued, stats->n_dequeued);
	BALLOON_ADD(sum->n_isolates, stats->n_isolates);
	BALLOON_ADD(sum->n_putbacks, stats->n_putbacks);
	BALLOON_ADD(sum->n_migrated, stats->n_migrated);
	BALLOON_ADD(sum->n_finalized, stats->n_finalized);
}

/* Caller holds the slots lock. */
static int close_slot(struct balloon_memmap *map, struct balloon_device *device)
{
	struct balloon_device_stats stats;
	balloon_lock_assert_held(&map->slots_lock);
	if (!balloon_device_is_open(device))
		return -ENODEV;
	int result = map->strategy->device_close(device);
	if (result < 0)
		return result;
	/* Closed under the lock of its list, and empty: whoever was inside has left, and nobody can
	 * reach it through a page. The slot, its lock included, stays where it is. */
	map->strategy->device_stats(device, &stats);
	add_stats(&map->retired, &stats);
	BALLOON_ADD(map->n_open, -1u);
	return 0;
}

int balloon_device_destroy(struct balloon_memmap *map, struct balloon_device *device)
{
	if (!map || !device)
		return -EINVAL;
	if (device->map != map)
		return -EXDEV;
	balloon_lock_acquire(&map->slots_lock);
	int result = close_slot(map, device);
	balloon_lock_release(&map->slots_lock);
	return result;
}

void *balloon_device_context(const struct balloon_device *device)
{
	return device ? BALLOON_READ(device->context) : NULL;
}

struct balloon_memmap *balloon_device_memmap(const struct balloon_device *device)
{
	return device ? device->map : NULL;
}

int balloon_device_stats(struct balloon_device *device, struct balloon_device_stats *stats)
{
	if (!device || !stats)
		return -EINVAL;
	if (!balloon_device_is_open(device))
		return -ENODEV;
	device->map->strategy->device_stats(device, stats);
	return 0;
}

int balloon_memmap_stats(struct balloon_memmap *map, struct balloon_memmap_stats *stats)
{
	if (!map || !stats)
		return -EINVAL;
	balloon_lock_acquire(&map->slots_lock);
	stats->devices = BALLOON_READ(map->retired);
	for (uint32_t slot = 0; slot < map->n_devices; slot++) {
		struct balloon_device *device = balloon_memmap_slot(map, slot);
		struct balloon_device_stats one;
		if (!balloon_device_is_open(device))
			continue;
		map->strategy->device_stats(device, &one);
		add_stats(&stats->devices, &one);
	}
	balloon_lock_release(&map->slots_lock);
	stats->n_isolate_attempts = stats->devices.n_isolates +
				    balloon_atomic_load(&map->n_isolate_failures, BALLOON_RELAXED);
	stats->n_lock_contended = balloon_atomic_load(&map->n_contended, BALLOON_RELAXED);
	return 0;
}
