/* SPDX-License-Identifier: MIT */
/* A heap alone: what is allocated holds, and what is freed goes back. */

#include "claims.h"

#include <string.h>

#include "parts.h"

enum { N_PAGES = 16384, N_SIZES = 11, N_EACH = 40 };

static const size_t sizes[N_SIZES] = {
	1, 8, 100, 2000, 4096, 14336, 16384, 100000, 262144, 1 << 20, (1 << 20) + 4096};

static void what_is_freed_goes_back_at_once(void)
{
	struct balloon_heap *heap = make_heap((struct balloon_heap_config){0}, N_PAGES);
	char *blocks[N_SIZES][N_EACH];
	for (int i = 0; i < N_SIZES; i++)
		for (int j = 0; j < N_EACH / (1 + i / 3); j++) {
			char *block = balloon_heap_allocate(heap, sizes[i]);
			CHECK(block && balloon_heap_usable_size(heap, block) >= sizes[i]);
			mark(block, sizes[i], (uint32_t)(i + j));
			blocks[i][j] = block;
		}
	struct balloon_heap_stats stats = stats_of(heap);
	CHECK(stats.n_held > 0 && stats.n_held + stats.n_free == N_PAGES);
	CHECK(stats.allocated_bytes > 10 << 20);
	for (int i = 0; i < N_SIZES; i++)
		for (int j = 0; j < N_EACH / (1 + i / 3); j++) {
			CHECK(is_marked(blocks[i][j], sizes[i], (uint32_t)(i + j)));
			balloon_heap_free(heap, blocks[i][j]);
		}
	CHECK_EQ(stats_of(heap).n_free, N_PAGES); /* without being purged */
	end_heap(heap);
}

/* An allocation takes the frames that it needs and one more at most: nothing is kept in reserve. */
static void nothing_is_held_in_reserve(void)
{
	struct balloon_heap *heap = make_heap((struct balloon_heap_config){0}, N_PAGES);
	for (int i = 5; i < N_SIZES; i++) {
		void *block = balloon_heap_allocate(heap, sizes[i]);
		uint64_t n_least = (balloon_heap_usable_size(heap, block) + 4095) / 4096;
		if (sizes[i] > 14336) /* smaller ones come from slabs */
			CHECK(stats_of(heap).n_held <= n_least + 1);
		balloon_heap_free(heap, block);
		CHECK_EQ(stats_of(heap).n_held, 0);
	}
	end_heap(heap);
}

static void alignment_is_kept(void)
{
	struct balloon_heap *heap = make_heap((struct balloon_heap_config){0}, N_PAGES);
	for (size_t alignment = 1; alignment <= 4 << 20; alignment *= 2) {
		char *block = balloon_heap_allocate_aligned(heap, alignment, 3000);
		CHECK(block && (uintptr_t)block % alignment == 0);
		balloon_heap_free(heap, block);
	}
	CHECK(!balloon_heap_allocate_aligned(heap, 0, 1));
	CHECK(!balloon_heap_allocate_aligned(heap, 24, 1));
	CHECK(!balloon_heap_allocate_aligned(heap, 8 << 20, 1));
	end_heap(heap);
}

static void reallocation_keeps_contents(void)
{
	struct balloon_heap *heap = make_heap((struct balloon_heap_config){0}, N_PAGES);
	char *block = balloon_heap_reallocate(heap, NULL, 10);
	memcpy(block, "contents!", 10);
	for (int i = 0; i < N_SIZES; i++) {
		size_t size = sizes[i * 7 % N_SIZES] + 10; /* larger and smaller */
		block = balloon_heap_reallocate(heap, block, size);
		CHECK(block && memcmp(block, "contents!", 10) == 0);
	}
	CHECK(!balloon_heap_reallocate(heap, block, (size_t)N_PAGES * 4096));
	CHECK(memcmp(block, "contents!", 10) == 0);
	balloon_heap_free(heap, block);
	end_heap(heap);
}

/* Memory that was used before; zeros are asked for in jemalloc's own words, as no call here does. */
static void zeros_are_zeros(void)
{
	struct balloon_heap *heap = make_heap((struct balloon_heap_config){0}, N_PAGES);
	memset(balloon_heap_base(heap), 0xaa, 4 << 20);
	for (int i = 0; i < N_SIZES; i++) {
		char *block = mallocx(sizes[i],
			(int)MALLOCX_ARENA(heap->arena) | MALLOCX_TCACHE_NONE | MALLOCX_ZERO);
		for (size_t j = 0; j < sizes[i]; j++)
			CHECK_EQ(block[j], 0);
		balloon_heap_free(heap, block);
	}
	end_heap(heap);
}

static void a_decay_time_keeps_memory_until_it_is_purged(void)
{
	struct balloon_heap *heap =
		make_heap((struct balloon_heap_config){.decay_ms = 100000}, 1024);
	balloon_heap_free(heap, balloon_heap_allocate(heap, 2 << 20));
	CHECK(stats_of(heap).n_held >= 512);
	CHECK_EQ(balloon_heap_purge(heap), 0);
	CHECK_EQ(stats_of(heap).n_held, 0);
	balloon_heap_free(heap, balloon_heap_allocate(heap, 2 << 20));
	CHECK(stats_of(heap).n_held >= 512);
	/* What is kept makes room for what does not fit into it. */
	void *block = balloon_heap_allocate(heap, 3 << 20);
	CHECK(block);
	balloon_heap_free(heap, block);
	end_heap(heap);
}

static void mistakes_are_refused(void)
{
	struct balloon_heap *heap = make_heap((struct balloon_heap_config){0}, 64);
	struct balloon_heap_config config = {.strategy = some_strategy(), .size_bytes = 4096};
	struct balloon_heap *other;
	int local = 0;
	CHECK_EQ(balloon_heap_create(NULL, &other), -EINVAL);
	CHECK_EQ(balloon_heap_create(&config, NULL), -EINVAL);
	config.size_bytes = 4097;
	CHECK_EQ(balloon_heap_create(&config, &other), -EINVAL);
	config.size_bytes = 0;
	CHECK_EQ(balloon_heap_create(&config, &other), -EINVAL);
	config.size_bytes = UINT64_C(1) << 63;
	CHECK_EQ(balloon_heap_create(&config, &other), -EINVAL);
	config = (struct balloon_heap_config){.size_bytes = 4096};
	CHECK_EQ(balloon_heap_create(&config, &other), -EINVAL);
	config = (struct balloon_heap_config){
		.strategy = some_strategy(), .size_bytes = 4096, .n_devices = 70000};
	CHECK_EQ(balloon_heap_create(&config, &other), -EINVAL);
	balloon_heap_free(heap, &local);
	balloon_heap_free(heap, NULL);
	balloon_heap_free(NULL, &local);
	CHECK_EQ(stats_of(heap).n_strays, 1);
	CHECK_EQ(balloon_heap_usable_size(heap, &local), 0);
	CHECK_EQ(balloon_heap_usable_size(NULL, &local), 0);
	CHECK(!balloon_heap_reallocate(heap, &local, 1));
	CHECK(!balloon_heap_allocate(NULL, 1));
	CHECK(!balloon_heap_allocate_aligned(NULL, 8, 1));
	CHECK(!balloon_heap_allocate(heap, SIZE_MAX));
	CHECK(balloon_heap_base(NULL) == NULL && balloon_heap_zone(NULL) == NULL);
	CHECK(balloon_heap_memmap(NULL) == NULL);
	CHECK_EQ(balloon_heap_stats(heap, NULL), -EINVAL);
	CHECK_EQ(balloon_heap_purge(NULL), -EINVAL);
	CHECK_EQ(balloon_heap_destroy(NULL), -EINVAL);
	CHECK_EQ(balloon_heap_set_driver(NULL, NULL), -EINVAL);
	void *block = balloon_heap_allocate(heap, 0);
	CHECK(block && balloon_heap_usable_size(heap, block) >= 1);
	balloon_heap_free(heap, block);
	end_heap(heap);
}

static void a_heap_ends_with_all_that_is_in_it(void)
{
	for (int i = 0; i < 20; i++) {
		struct balloon_heap *heap = make_heap((struct balloon_heap_config){0}, 1024);
		for (int j = 0; j < N_SIZES - 2; j++)
			CHECK(balloon_heap_allocate(heap, sizes[j]));
		CHECK_EQ(balloon_heap_destroy(heap), 0);
	}
}

void allocation_claims(void)
{
	what_is_freed_goes_back_at_once();
	nothing_is_held_in_reserve();
	alignment_is_kept();
	reallocation_keeps_contents();
	zeros_are_zeros();
	a_decay_time_keeps_memory_until_it_is_purged();
	mistakes_are_refused();
	a_heap_ends_with_all_that_is_in_it();
}
