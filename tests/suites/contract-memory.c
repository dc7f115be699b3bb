/* SPDX-License-Identifier: MIT */
/* Maps in the caller's memory, and descriptors within the caller's structures. */

#include "suite.h"

#include <stdlib.h>
#include <string.h>

enum { FILL = 0xa5, FEW = 8 };

/* Take every transition once. */
static void exercise(struct balloon_memmap *map)
{
	const struct balloon_page pages[] = {{0}, {1}, {2}, {3}};
	struct balloon_page got[FEW];
	struct balloon_device *device;
	CHECK_EQ(balloon_device_create(map, NULL, &device), 0);
	CHECK_EQ(balloon_pages_insert(device, pages, 4), 4);
	CHECK_EQ(balloon_pages_isolate(map, pages, 3), 3);
	CHECK_EQ(balloon_page_putback(map, pages[0]), 0);
	CHECK_EQ(balloon_page_migrate(device, balloon_page(FEW - 1), pages[1]), 0);
	CHECK_EQ(balloon_page_finalize(device, pages[2]), 0);
	check_valid(map);
	CHECK_EQ(balloon_pages_dequeue(device, got, FEW), 3);
	CHECK_EQ(balloon_device_destroy(map, device), 0);
	check_valid(map);
}

static bool is_filled(const unsigned char *memory, size_t n_bytes)
{
	for (size_t i = 0; i < n_bytes; i++)
		if (memory[i] != FILL)
			return false;
	return true;
}

CLAIM(contract, a_map_lives_in_any_memory_more_than_once)
{
	enum { BEYOND_BYTES = 4096 };
	unsigned char *memory;
	struct balloon_memmap_config config = {.strategy = strategy, .n_pages = FEW};
	struct balloon_memmap *map;
	size_t size_bytes;
	CHECK_EQ(balloon_memmap_size(&config, &size_bytes), 0);
	memory = aligned_alloc(BALLOON_MEMORY_ALIGN, size_bytes + BEYOND_BYTES);
	CHECK(memory);
	for (int i = 0; i < 2; i++) {
		memset(memory, FILL, size_bytes + BEYOND_BYTES);
		CHECK_EQ(balloon_memmap_init(memory, size_bytes, &config, &map), 0);
		exercise(map);
		CHECK_EQ(balloon_memmap_fini(map), 0);
		CHECK(is_filled(memory + size_bytes, BEYOND_BYTES));
	}
	free(memory);
}

/* FEW structures of the caller's, each a descriptor with foreign bytes before and after. */
struct embedding {
	unsigned char *memory;
	size_t before_bytes;
	size_t descriptor_bytes;
	size_t stride_bytes;
};

static struct embedding embed(const struct balloon_strategy *strategy)
{
	size_t align = strategy->descriptor_align;
	size_t rounded = (strategy->descriptor_bytes + align - 1) / align * align;
	struct embedding e = {NULL, align, strategy->descriptor_bytes, rounded + 2 * align};
	size_t size_bytes = FEW * e.stride_bytes;
	e.memory = aligned_alloc(BALLOON_MEMORY_ALIGN,
		(size_bytes + BALLOON_MEMORY_ALIGN - 1) & ~(size_t)(BALLOON_MEMORY_ALIGN - 1));
	CHECK(e.memory != NULL);
	memset(e.memory, FILL, size_bytes);
	return e;
}

static bool foreign_bytes_are_filled(const struct embedding *e)
{
	size_t after = e->before_bytes + e->descriptor_bytes;
	for (size_t i = 0; i < FEW; i++) {
		const unsigned char *structure = e->memory + i * e->stride_bytes;
		if (!is_filled(structure, e->before_bytes) ||
			!is_filled(structure + after, e->stride_bytes - after))
			return false;
	}
	return true;
}

CLAIM(contract, embedded_descriptors_leave_the_bytes_around_them_alone)
{
	struct embedding e = embed(strategy);
	struct balloon_memmap_config config = {.strategy = strategy,
		.n_pages = FEW,
		.descriptors = e.memory + e.before_bytes,
		.descriptor_stride_bytes = e.stride_bytes};
	struct balloon_memmap_config own = {.strategy = strategy, .n_pages = FEW};
	struct balloon_memmap *map;
	size_t size_bytes;
	size_t own_size_bytes;
	CHECK_EQ(balloon_memmap_size(&config, &size_bytes), 0);
	CHECK_EQ(balloon_memmap_size(&own, &own_size_bytes), 0);
	CHECK(strategy->descriptor_bytes == 0 || size_bytes < own_size_bytes);
	CHECK_EQ(balloon_memmap_create(&config, &map), 0);
	CHECK(foreign_bytes_are_filled(&e));
	exercise(map);
	CHECK(foreign_bytes_are_filled(&e));
	CHECK_EQ(balloon_memmap_destroy(map), 0);
	CHECK(foreign_bytes_are_filled(&e));
	free(e.memory);
}
