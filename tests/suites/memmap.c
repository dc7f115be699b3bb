/* SPDX-License-Identifier: MIT */
/* Maps: what configurations there are, what size they take, how pages are numbered. */

#include "suite.h"

#include <balloon/driver.h>

#include <stdlib.h>

static struct balloon_memmap_config small(void)
{
	struct balloon_memmap_config config = {.strategy = balloon_strategy_at(0), .n_pages = 4};
	return config;
}

static int size_result(const struct balloon_memmap_config *config)
{
	size_t size_bytes;
	return balloon_memmap_size(config, &size_bytes);
}

static size_t size_of(const struct balloon_memmap_config *config)
{
	size_t size_bytes = 0;
	CHECK_EQ(balloon_memmap_size(config, &size_bytes), 0);
	CHECK_EQ(size_bytes % BALLOON_MEMORY_ALIGN, 0);
	return size_bytes;
}

Test(memmap, from_one_page_to_the_maximum)
{
	struct balloon_memmap_config config = small();
	struct balloon_memmap *map;
	config.n_pages = 1;
	CHECK_EQ(balloon_memmap_create(&config, &map), 0);
	CHECK_EQ(balloon_memmap_n_pages(map), 1);
	CHECK(balloon_memmap_strategy(map) == config.strategy);
	check_valid(map);
	CHECK_EQ(balloon_memmap_destroy(map), 0);
	config.n_pages = BALLOON_PAGES_MAX; /* the size only */
	CHECK(size_of(&config) >= (size_t)BALLOON_PAGES_MAX * config.strategy->descriptor_bytes);
	config.n_pages = BALLOON_PAGES_MAX + 1;
	CHECK_EQ(size_result(&config), -EINVAL);
	config.n_pages = 0;
	CHECK_EQ(size_result(&config), -EINVAL);
}

Test(memmap, from_one_device_to_the_maximum)
{
	struct balloon_memmap_config config = small();
	config.n_devices = 1;
	size_t of_one = size_of(&config);
	config.n_devices = BALLOON_DEVICES_MAX;
	CHECK(size_of(&config) > of_one);
	config.n_devices = BALLOON_DEVICES_MAX + 1;
	CHECK_EQ(size_result(&config), -EINVAL);
}

/* Symptom: -ENOSPC was the first answer to whoever put a driver on a map. Cause: one slot, unless more
 * were asked for. Fix: as many as a driver takes. */
Test(memmap, a_driver_fits_where_nothing_is_said_of_slots)
{
	struct balloon_memmap_config config = small();
	struct balloon_device *devices[BALLOON_DRIVER_DEVICES + 1];
	struct balloon_memmap *map;
	CHECK_EQ(balloon_memmap_create(&config, &map), 0);
	for (int i = 0; i < BALLOON_DRIVER_DEVICES; i++)
		CHECK_EQ(balloon_device_create(map, NULL, &devices[i]), 0);
	CHECK_EQ(balloon_device_create(map, NULL, &devices[BALLOON_DRIVER_DEVICES]), -ENOSPC);
	for (int i = 0; i < BALLOON_DRIVER_DEVICES; i++)
		CHECK_EQ(balloon_device_destroy(map, devices[i]), 0);
	CHECK_EQ(balloon_memmap_destroy(map), 0);
}

static uint64_t area_bytes;

static uint64_t wanted_bytes(const struct balloon_memmap_geometry *geometry)
{
	(void)geometry;
	return area_bytes;
}

static uint64_t bytes_of_geometry(const struct balloon_memmap_geometry *geometry)
{
	return UINT64_C(1000) * geometry->n_pages + 100000 * geometry->n_devices;
}

/* Symptom: what a strategy kept for a map had one size for all maps, so a bitmap over its pages had no place. */
Test(memmap, areas_are_as_large_as_the_geometry_makes_them)
{
	struct balloon_strategy wide = *balloon_strategy_at(0);
	struct balloon_memmap_config config = small();
	config.n_pages = 50;
	config.n_devices = 3;
	wide.memmap_bytes = NULL;
	wide.device_bytes = NULL;
	config.strategy = &wide;
	size_t none_bytes = size_of(&config);
	wide.memmap_bytes = bytes_of_geometry;
	size_t map_bytes = size_of(&config) - none_bytes;
	CHECK(map_bytes > 350000 - BALLOON_MEMORY_ALIGN &&
		map_bytes < 350000 + BALLOON_MEMORY_ALIGN);
	wide.memmap_bytes = NULL;
	wide.device_bytes = bytes_of_geometry;
	size_t device_bytes = size_of(&config) - none_bytes;
	CHECK(device_bytes > 3 * (350000 - BALLOON_MEMORY_ALIGN) &&
		device_bytes < 3 * (350000 + BALLOON_MEMORY_ALIGN));
}

static bool is_aligned(const void *address)
{
	return (uintptr_t)address % BALLOON_MEMORY_ALIGN == 0;
}

CLAIM(memmap, areas_and_descriptors_are_aligned)
{
	struct fixture f;
	struct balloon_strategy wide = *strategy;
	CHECK_EQ(BALLOON_MEMORY_ALIGN, 128);
	wide.descriptor_bytes = wide.descriptor_bytes ? wide.descriptor_bytes : 1;
	wide.descriptor_align = BALLOON_MEMORY_ALIGN;
	fixture_open(&f, &wide);
	CHECK(is_aligned(balloon_memmap_area(f.map)));
	for (uint32_t slot = 0; slot < N_DEVICES; slot++)
		CHECK(is_aligned(balloon_device_area(balloon_memmap_slot(f.map, slot))));
	for (uint32_t i = 0; i < N_PAGES; i++)
		CHECK(is_aligned(balloon_descriptor(f.map, balloon_page(i))));
	fixture_close(&f);
}

static uint32_t n_set_up;

static void count_set_up(struct balloon_memmap *map, struct balloon_page page)
{
	(void)map;
	(void)page;
	n_set_up++;
}

/* As many pages as there can be: a walk over them would take its time. */
Test(memmap, a_design_without_descriptors_costs_no_walk_over_the_pages)
{
	struct balloon_strategy bare = *balloon_strategy_at(0);
	struct balloon_memmap_config config = small();
	struct balloon_memmap *map;
	bare.descriptor_bytes = 0;
	bare.descriptor_init = NULL;
	bare.descriptor_fini = NULL;
	config.strategy = &bare;
	config.n_pages = BALLOON_PAGES_MAX;
	CHECK(size_of(&config) < 1 << 16);
	CHECK_EQ(balloon_memmap_create(&config, &map), 0);
	CHECK_EQ(balloon_memmap_destroy(map), 0);
	bare.descriptor_init = count_set_up;
	config.n_pages = 50;
	CHECK_EQ(balloon_memmap_create(&config, &map), 0);
	CHECK_EQ(balloon_memmap_destroy(map), 0);
	CHECK_EQ(n_set_up, 50);
}

Test(memmap, a_size_beyond_all_memory_overflows)
{
	struct balloon_strategy huge = *balloon_strategy_at(0);
	struct balloon_memmap_config config = small();
	struct balloon_memmap *map;
	config.strategy = &huge;
	huge.descriptor_bytes = SIZE_MAX / 2;
	CHECK_EQ(size_result(&config), -EOVERFLOW);
	huge.descriptor_bytes = SIZE_MAX;
	CHECK_EQ(size_result(&config), -EOVERFLOW);
	huge.descriptor_bytes = 0;
	huge.memmap_bytes = wanted_bytes;
	area_bytes = SIZE_MAX;
	CHECK_EQ(size_result(&config), -EOVERFLOW);
	area_bytes = UINT64_MAX;
	CHECK_EQ(size_result(&config), -EOVERFLOW);
	huge.memmap_bytes = NULL;
	huge.device_bytes = wanted_bytes;
	CHECK_EQ(size_result(&config), -EOVERFLOW);
	CHECK_EQ(balloon_memmap_create(&config, &map), -EOVERFLOW);
	area_bytes = SIZE_MAX / 4;
	config.n_devices = 8;
	CHECK_EQ(size_result(&config), -EOVERFLOW);
}

Test(memmap, page_sizes_are_powers_of_two_within_bounds)
{
	static const uint32_t good[] = {4096, 16384, 65536, 2u << 20, 1u << 30};
	static const uint32_t bad[] = {1, 2048, 4095, 4097, 12288, 2u << 30, UINT32_MAX};
	struct balloon_memmap_config config = small();
	struct balloon_memmap *map;
	uint64_t address;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		config.page_size_bytes = good[i];
		config.first_pfn = 3;
		CHECK_EQ(balloon_memmap_create(&config, &map), 0);
		CHECK_EQ(balloon_memmap_page_size(map), good[i]);
		CHECK_EQ(balloon_page_to_address(map, balloon_page(2), &address), 0);
		CHECK_EQ(address, (uint64_t)5 * good[i]);
		CHECK_EQ(balloon_memmap_destroy(map), 0);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		config.page_size_bytes = bad[i];
		CHECK_EQ(size_result(&config), -EINVAL);
	}
}

Test(memmap, frame_numbers_and_pages_map_one_to_one)
{
	struct balloon_memmap_config config = small();
	struct balloon_memmap *map;
	struct balloon_page page;
	uint64_t pfn;
	config.first_pfn = 100;
	CHECK_EQ(balloon_memmap_create(&config, &map), 0);
	CHECK_EQ(balloon_memmap_page_size(map), BALLOON_PAGE_SIZE_MIN);
	for (uint32_t i = 0; i < config.n_pages; i++) {
		CHECK_EQ(balloon_page_to_pfn(map, balloon_page(i), &pfn), 0);
		CHECK_EQ(pfn, 100 + i);
		CHECK_EQ(balloon_page_from_pfn(map, pfn, &page), 0);
		CHECK_EQ(page.index, i);
	}
	CHECK_EQ(balloon_page_to_pfn(map, balloon_page(4), &pfn), -ERANGE);
	CHECK_EQ(balloon_page_from_pfn(map, 99, &page), -ERANGE);
	CHECK_EQ(balloon_page_from_pfn(map, 104, &page), -ERANGE);
	CHECK_EQ(balloon_page_from_pfn(map, UINT64_C(100) + (UINT64_C(1) << 32), &page), -ERANGE);
	CHECK_EQ(balloon_page_from_pfn(map, UINT64_MAX, &page), -ERANGE);
	CHECK_EQ(balloon_memmap_destroy(map), 0);
}

Test(memmap, the_last_page_may_end_the_address_space)
{
	struct balloon_memmap_config config = small();
	struct balloon_memmap *map;
	uint64_t address;
	config.first_pfn = (UINT64_MAX >> 12) - 3;
	CHECK_EQ(balloon_memmap_create(&config, &map), 0);
	CHECK_EQ(balloon_page_to_address(map, balloon_page(3), &address), 0);
	CHECK(address == UINT64_MAX - 4095);
	CHECK_EQ(balloon_memmap_destroy(map), 0);
	config.first_pfn++;
	CHECK_EQ(size_result(&config), -EINVAL);
	config.first_pfn = UINT64_MAX;
	CHECK_EQ(size_result(&config), -EINVAL);
	config.n_pages = 1;
	config.first_pfn = UINT64_MAX >> 30;
	config.page_size_bytes = 1u << 30;
	CHECK_EQ(size_result(&config), 0);
}

Test(memmap, memory_unaligned_or_too_small_is_refused)
{
	struct balloon_memmap_config config = small();
	struct balloon_memmap *map = NULL;
	size_t size_bytes = size_of(&config);
	unsigned char *memory = aligned_alloc(BALLOON_MEMORY_ALIGN, 2 * size_bytes);
	CHECK(memory != NULL);
	CHECK_EQ(balloon_memmap_init(memory, size_bytes - 1, &config, &map), -EINVAL);
	CHECK_EQ(balloon_memmap_init(memory, 0, &config, &map), -EINVAL);
	CHECK_EQ(balloon_memmap_init(memory + 8, size_bytes, &config, &map), -EINVAL);
	CHECK_EQ(balloon_memmap_init(NULL, size_bytes, &config, &map), -EINVAL);
	CHECK_EQ(balloon_memmap_init(memory, size_bytes, NULL, &map), -EINVAL);
	CHECK_EQ(balloon_memmap_init(memory, size_bytes, &config, NULL), -EINVAL);
	CHECK(map == NULL);
	CHECK_EQ(balloon_memmap_init(memory, 2 * size_bytes, &config, &map), 0);
	CHECK_EQ(balloon_memmap_fini(map), 0);
	free(memory);
}

Test(memmap, embedded_descriptors_need_alignment_and_room)
{
	_Alignas(BALLOON_MEMORY_ALIGN) static unsigned char memory[4096];
	struct balloon_memmap_config config = small();
	size_t align = config.strategy->descriptor_align;
	size_t bytes = config.strategy->descriptor_bytes;
	config.descriptors = memory;
	config.descriptor_stride_bytes = bytes;
	CHECK_EQ(size_result(&config), 0);
	config.descriptor_stride_bytes = bytes - align;
	CHECK_EQ(size_result(&config), -EINVAL);
	config.descriptor_stride_bytes = bytes + 1;
	CHECK_EQ(size_result(&config), -EINVAL);
	config.descriptor_stride_bytes = bytes;
	config.descriptors = memory + align / 2;
	CHECK_EQ(size_result(&config), -EINVAL);
	config.descriptors = NULL; /* a stride of nothing */
	CHECK_EQ(size_result(&config), -EINVAL);
}

Test(memmap, null_pointers_are_refused)
{
	struct balloon_memmap_config config = small();
	struct balloon_memmap *map;
	struct balloon_page page;
	uint64_t number;
	size_t size_bytes;
	CHECK_EQ(balloon_memmap_size(NULL, &size_bytes), -EINVAL);
	CHECK_EQ(balloon_memmap_size(&config, NULL), -EINVAL);
	CHECK_EQ(balloon_memmap_create(NULL, &map), -EINVAL);
	CHECK_EQ(balloon_memmap_create(&config, NULL), -EINVAL);
	CHECK_EQ(balloon_memmap_fini(NULL), -EINVAL);
	CHECK_EQ(balloon_memmap_destroy(NULL), -EINVAL);
	CHECK_EQ(balloon_memmap_n_pages(NULL), 0);
	CHECK_EQ(balloon_memmap_page_size(NULL), 0);
	CHECK(balloon_memmap_strategy(NULL) == NULL);
	CHECK_EQ(balloon_memmap_create(&config, &map), 0);
	CHECK_EQ(balloon_page_to_pfn(NULL, balloon_page(0), &number), -EINVAL);
	CHECK_EQ(balloon_page_to_pfn(map, balloon_page(0), NULL), -EINVAL);
	CHECK_EQ(balloon_page_to_address(NULL, balloon_page(0), &number), -EINVAL);
	CHECK_EQ(balloon_page_to_address(map, balloon_page(0), NULL), -EINVAL);
	CHECK_EQ(balloon_page_to_address(map, balloon_page(4), &number), -ERANGE);
	CHECK_EQ(balloon_page_from_pfn(NULL, 0, &page), -EINVAL);
	CHECK_EQ(balloon_page_from_pfn(map, 0, NULL), -EINVAL);
	CHECK_EQ(balloon_memmap_destroy(map), 0);
	config.strategy = balloon_strategy_find("no-such-strategy");
	CHECK_EQ(balloon_memmap_create(&config, &map), -ENOENT);
}
