/* SPDX-License-Identifier: MIT */
/* Memory maps: what a configuration needs, how a map lies in its memory, page numbers and PFNs. */

#include <balloon/strategy.h>

#include "core/memory.h"
#include "core/names.h"
#include "core/layout.h"

enum { DEVICES_DEFAULT = 2 }; /* as many as a driver takes */

/* Where the parts of a map lie in its memory, as offsets from its start. */
struct layout {
	size_t area;
	size_t slots;
	size_t slot_bytes;
	size_t descriptors;
	size_t descriptor_stride_bytes;
	size_t total;
};

static bool strategy_is_complete(const struct balloon_strategy *s)
{
	return s->abi == BALLOON_STRATEGY_ABI && balloon_name_is_sane(s->name) && s->era &&
	       s->order <= BALLOON_ORDER_LIFO && layout_is_power_of_two(s->descriptor_align) &&
	       s->descriptor_align <= BALLOON_MEMORY_ALIGN && s->device_open && s->device_close &&
	       s->device_stats && s->insert && s->dequeue && s->isolate && s->putback &&
	       s->migrate && s->finalize && s->is_candidate && s->device_of && s->inspect;
}

static uint32_t page_size(const struct balloon_memmap_config *config)
{
	return config->page_size_bytes ? config->page_size_bytes : BALLOON_PAGE_SIZE_MIN;
}

static uint32_t device_slots(const struct balloon_memmap_config *config)
{
	return config->n_devices ? config->n_devices : DEVICES_DEFAULT;
}

static uint32_t shift_of(uint32_t power_of_two)
{
	uint32_t shift = 0;
	while (power_of_two >> shift > 1)
		shift++;
	return shift;
}

static bool geometry_is_sane(const struct balloon_memmap_config *config)
{
	uint32_t size = page_size(config);
	if (!layout_is_power_of_two(size) || size < BALLOON_PAGE_SIZE_MIN ||
		size > BALLOON_PAGE_SIZE_MAX)
		return false;
	if (config->n_pages == 0 || config->n_pages > BALLOON_PAGES_MAX)
		return false;
	if (device_slots(config) > BALLOON_DEVICES_MAX)
		return false;
	/* The last byte of the last page has an address of 64 bits. */
	uint64_t last_pfn_max = UINT64_MAX >> shift_of(size);
	return config->first_pfn <= last_pfn_max &&
	       config->n_pages - 1 <= last_pfn_max - config->first_pfn;
}

static bool embedding_is_sane(const struct balloon_memmap_config *config)
{
	const struct balloon_strategy *strategy = config->strategy;
	uintptr_t end;
	if (!config->descriptors)
		return config->descriptor_stride_bytes == 0;
	return (uintptr_t)config->descriptors % strategy->descriptor_align == 0 &&
	       config->descriptor_stride_bytes % strategy->descriptor_align == 0 &&
	       config->descriptor_stride_bytes >= strategy->descriptor_bytes &&
	       !__builtin_mul_overflow(config->n_pages, config->descriptor_stride_bytes, &end) &&
	       !__builtin_add_overflow(end, (uintptr_t)config->descriptors, &end);
}

/* What a strategy wants for an area. */
static bool add_area(size_t *size, uint64_t (*bytes)(const struct balloon_memmap_geometry *),
	const struct balloon_memmap_config *config)
{
	const struct balloon_memmap_geometry geometry = {config->n_pages, device_slots(config)};
	return !bytes || !__builtin_add_overflow(*size, bytes(&geometry), size);
}

static int lay_out(const struct balloon_memmap_config *config, struct layout *layout)
{
	const struct balloon_strategy *strategy = config->strategy;
	size_t n_own = config->descriptors ? 0 : config->n_pages;
	size_t area_bytes = 0;

	layout->total = sizeof(struct balloon_memmap);
	layout->descriptor_stride_bytes = strategy->descriptor_bytes;
	layout->slot_bytes = sizeof(struct balloon_device);
	if (!add_area(&layout->slot_bytes, strategy->device_bytes, config) ||
		!add_area(&area_bytes, strategy->memmap_bytes, config) ||
		!layout_round_up(&layout->slot_bytes, BALLOON_MEMORY_ALIGN) ||
		!layout_round_up(&layout->descriptor_stride_bytes, strategy->descriptor_align) ||
		!layout_append(&layout->total, &layout->area, 1, area_bytes) ||
		!layout_append(
			&layout->total, &layout->slots, device_slots(config), layout->slot_bytes) ||
		!layout_append(&layout->total, &layout->descriptors, n_own,
			layout->descriptor_stride_bytes) ||
		!layout_round_up(&layout->total, BALLOON_MEMORY_ALIGN))
		return -EOVERFLOW;
	return 0;
}

static int check_config(const struct balloon_memmap_config *config)
{
	if (!config)
		return -EINVAL;
	if (!config->strategy)
		return -ENOENT;
	if (!strategy_is_complete(config->strategy))
		return -EINVAL;
	return geometry_is_sane(config) && embedding_is_sane(config) ? 0 : -EINVAL;
}

int balloon_memmap_size(const struct balloon_memmap_config *config, size_t *size_bytes)
{
	struct layout layout;
	int result = check_config(config);
	if (result == 0 && !size_bytes)
		result = -EINVAL;
	if (result == 0)
		result = lay_out(config, &layout);
	if (result == 0)
		*size_bytes = layout.total;
	return result;
}

static void place_parts(struct balloon_memmap *map, const struct balloon_memmap_config *config,
	const struct layout *layout)
{
	unsigned char *memory = (unsigned char *)map;
	map->area = memory + layout->area;
	map->slots = memory + layout->slots;
	map->slot_bytes = layout->slot_bytes;
	map->embedded = config->descriptors != NULL;
	if (map->embedded) {
		map->descriptors.first = (unsigned char *)config->descriptors;
		map->descriptors.stride_bytes = config->descriptor_stride_bytes;
	} else {
		map->descriptors.first = memory + layout->descriptors;
		map->descriptors.stride_bytes = layout->descriptor_stride_bytes;
	}
}

static void init_slots(struct balloon_memmap *map)
{
	for (uint32_t slot = 0; slot < map->n_devices; slot++) {
		struct balloon_device *device = balloon_memmap_slot(map, slot);
		device->map = map;
		device->slot = slot;
		balloon_atomic_init(&device->open, 0, BALLOON_SHARED_OPEN);
		if (map->strategy->device_init)
			map->strategy->device_init(device);
	}
}

/* Embedded descriptors may lie among fields of the caller's: only their own bytes are written. */
static void init_descriptors(struct balloon_memmap *map)
{
	const struct balloon_strategy *strategy = map->strategy;
	if (strategy->descriptor_bytes == 0 && !strategy->descriptor_init)
		return;
	for (uint32_t i = 0; i < map->descriptors.n_pages; i++) {
		memset(balloon_descriptor(map, balloon_page(i)), 0, strategy->descriptor_bytes);
		if (strategy->descriptor_init)
			strategy->descriptor_init(map, balloon_page(i));
	}
}

int balloon_memmap_init(void *memory, size_t size_bytes, const struct balloon_memmap_config *config,
	struct balloon_memmap **result)
{
	struct layout layout;
	struct balloon_memmap *map = (struct balloon_memmap *)memory;
	int error = check_config(config);
	if (error == 0 && (!memory || !result || (uintptr_t)memory % BALLOON_MEMORY_ALIGN))
		error = -EINVAL;
	if (error == 0)
		error = lay_out(config, &layout);
	if (error == 0 && size_bytes < layout.total)
		error = -EINVAL;
	if (error < 0)
		return error;

	memset(memory, 0, layout.descriptors);
	place_parts(map, config, &layout);
	map->strategy = config->strategy;
	map->first_pfn = config->first_pfn;
	map->descriptors.n_pages = config->n_pages;
	map->n_devices = device_slots(config);
	map->page_shift = shift_of(page_size(config));
	balloon_atomic_init(&map->n_contended, 0, BALLOON_SHARED_COUNTER);
	balloon_atomic_init(&map->n_isolate_failures, 0, BALLOON_SHARED_COUNTER);
	balloon_lock_init(&map->slots_lock, BALLOON_RANK_SLOTS, &map->n_contended);
	if (map->strategy->memmap_init)
		map->strategy->memmap_init(map);
	init_slots(map);
	init_descriptors(map);
	*result = map;
	return 0;
}

static void fini_parts(struct balloon_memmap *map)
{
	const struct balloon_strategy *strategy = map->strategy;
	if (strategy->descriptor_fini)
		for (uint32_t i = 0; i < map->descriptors.n_pages; i++)
			strategy->descriptor_fini(map, balloon_page(i));
	if (strategy->device_fini)
		for (uint32_t slot = 0; slot < map->n_devices; slot++)
			strategy->device_fini(balloon_memmap_slot(map, slot));
	if (strategy->memmap_fini)
		strategy->memmap_fini(map);
	balloon_lock_fini(&map->slots_lock);
}

int balloon_memmap_fini(struct balloon_memmap *map)
{
	if (!map)
		return -EINVAL;
	balloon_lock_acquire(&map->slots_lock);
	bool in_use = BALLOON_READ(map->n_open) > 0;
	balloon_lock_release(&map->slots_lock);
	if (in_use)
		return -EBUSY;
	fini_parts(map);
	return 0;
}

uint32_t balloon_memmap_n_pages(const struct balloon_memmap *map)
{
	return map ? map->descriptors.n_pages : 0;
}

uint32_t balloon_memmap_page_size(const struct balloon_memmap *map)
{
	return map ? UINT32_C(1) << map->page_shift : 0;
}

const struct balloon_strategy *balloon_memmap_strategy(const struct balloon_memmap *map)
{
	return map ? map->strategy : NULL;
}

int balloon_page_to_pfn(const struct balloon_memmap *map, struct balloon_page page, uint64_t *pfn)
{
	if (!map || !pfn)
		return -EINVAL;
	if (page.index >= map->descriptors.n_pages)
		return -ERANGE;
	*pfn = map->first_pfn + page.index;
	return 0;
}

int balloon_page_from_pfn(const struct balloon_memmap *map, uint64_t pfn, struct balloon_page *page)
{
	if (!map || !page)
		return -EINVAL;
	if (pfn < map->first_pfn || pfn - map->first_pfn >= map->descriptors.n_pages)
		return -ERANGE;
	*page = balloon_page((uint32_t)(pfn - map->first_pfn));
	return 0;
}

int balloon_page_to_address(
	const struct balloon_memmap *map, struct balloon_page page, uint64_t *address)
{
	uint64_t pfn;
	if (!address)
		return -EINVAL;
	int result = balloon_page_to_pfn(map, page, &pfn);
	if (result == 0)
		*address = pfn << map->page_shift;
	return result;
}
