/* SPDX-License-Identifier: MIT */
/* A balloon of whole units, of huge pages' size, beside allocations that know nothing of them. */

#define _GNU_SOURCE 1 /* mincore() */

#include "claims.h"

#include <pthread.h>
#include <string.h>
#include <sys/mman.h>

#include <balloon/pool.h>

enum { MIB = 1 << 20, UNIT = 2 * MIB, UNIT_PAGES = UNIT / BALLOON_HEAP_PAGE_SIZE, SIZE = 32 * MIB };

static struct balloon_pool *make_pool(void)
{
	struct balloon_pool *pool = NULL;
	const struct balloon_pool_config config = {.heap = {.size_bytes = SIZE, .unit_bytes = UNIT},
		.driver = {.allocation_backoff_ns = 1000000, .relief_holdoff_ns = 1000000}};
	CHECK_EQ(balloon_pool_create(&config, &pool), 0);
	return pool;
}

static uint64_t n_ballooned(struct balloon_pool *pool)
{
	struct balloon_driver_progress progress;
	CHECK_EQ(balloon_driver_progress(balloon_pool_driver(pool), &progress), 0);
	return progress.n_enqueued;
}

/* -EAGAIN: an allocation that failed before holds it off. */
static void fill(struct balloon_pool *pool)
{
	int result;
	CHECK_EQ(balloon_pool_set_limit(pool, 0), 0);
	do
		result = balloon_driver_step(balloon_pool_driver(pool));
	while (result > 0 || result == -EAGAIN);
	CHECK(result == -ENOMEM || result == 0);
}

/* Is a page of the unit in memory? */
static bool is_resident(struct balloon_heap *heap, uint32_t unit)
{
	unsigned char pages[UNIT_PAGES];
	CHECK_EQ(mincore((char *)balloon_heap_base(heap) + (size_t)unit * UNIT, UNIT, pages), 0);
	for (uint32_t i = 0; i < UNIT_PAGES; i++)
		if (pages[i] & 1)
			return true;
	return false;
}

/* Each unit is wholly in the balloon, and not in memory; or the heap's. */
static void hold_units(struct balloon_pool *pool)
{
	struct balloon_heap *heap = balloon_pool_heap(pool);
	struct balloon_memmap *map = balloon_heap_memmap(heap);
	uint64_t n = 0;
	CHECK_EQ(balloon_memmap_n_pages(map), SIZE / UNIT);
	for (uint32_t unit = 0; unit < SIZE / UNIT; unit++) {
		if (!balloon_page_is_candidate(map, balloon_page(unit)))
			continue;
		CHECK(!is_resident(heap, unit));
		n++;
	}
	CHECK_EQ(n, n_ballooned(pool));
}

static void the_balloon_takes_what_is_whole_alone(void)
{
	struct balloon_pool *pool = make_pool();
	struct balloon_heap *heap = balloon_pool_heap(pool);
	struct balloon_zone *zone = balloon_heap_zone(heap);
	char *block = balloon_heap_allocate(heap, SIZE / 2);
	memset(block, 1, SIZE / 2);
	balloon_heap_free(heap, block);
	/* A frame in use in each second unit. */
	for (uint32_t at = 0; at < SIZE / BALLOON_HEAP_PAGE_SIZE; at += 2 * UNIT_PAGES)
		CHECK_EQ(balloon_zone_take_frames(zone, balloon_page(at + 7), 1), 0);
	fill(pool);
	CHECK_EQ(n_ballooned(pool), SIZE / UNIT / 2);
	hold_units(pool);
	for (uint32_t at = 0; at < SIZE / BALLOON_HEAP_PAGE_SIZE; at += 2 * UNIT_PAGES)
		CHECK_EQ(balloon_zone_free(zone, balloon_page(at + 7), 0), 0);
	fill(pool);
	CHECK_EQ(n_ballooned(pool), SIZE / UNIT);
	CHECK_EQ(balloon_pool_destroy(pool, BALLOON_NEVER), 0);
}

/* The whole units that hold it, whatever it begins with. */
static void an_allocation_takes_whole_units(void)
{
	static const size_t sizes[] = {1, 256 << 10, MIB, UNIT, UNIT + 4096, 9 * MIB};
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		struct balloon_pool *pool = make_pool();
		struct balloon_heap *heap = balloon_pool_heap(pool);
		fill(pool);
		CHECK_EQ(n_ballooned(pool), SIZE / UNIT);
		void *block = balloon_heap_allocate(heap, sizes[i]);
		CHECK(block);
		mark(block, sizes[i], 1);
		CHECK(SIZE / UNIT - n_ballooned(pool) <= sizes[i] / UNIT + 2);
		hold_units(pool);
		CHECK(is_marked(block, sizes[i], 1));
		balloon_heap_free(heap, block);
		CHECK_EQ(stats_of(heap).n_failures, 0);
		CHECK_EQ(balloon_pool_destroy(pool, BALLOON_NEVER), 0);
	}
}

/* Half of it is the balloon's, in every second unit: there is room without a deflation. */
static void units_are_moved_out_of_the_way(void)
{
	struct balloon_pool *pool = make_pool();
	struct balloon_heap *heap = balloon_pool_heap(pool);
	fill(pool);
	for (uint32_t unit = 0; unit < SIZE / UNIT; unit += 2)
		CHECK_EQ(balloon_driver_relieve_range(
				 balloon_pool_driver(pool), balloon_page(unit), 1),
			1);
	void *block = balloon_heap_allocate(heap, 3 * UNIT + 4096);
	CHECK(block);
	CHECK_EQ(n_ballooned(pool), SIZE / UNIT / 2);
	CHECK_EQ(stats_of(heap).n_relieved, 0);
	CHECK(stats_of(heap).n_moved > 0);
	hold_units(pool);
	CHECK_EQ(balloon_pool_destroy(pool, BALLOON_NEVER), 0);
}

enum { N_THREADS = 3, N_BLOCKS = 12 };

static void *allocate_and_free(void *argument)
{
	struct balloon_heap *heap = argument;
	void *blocks[N_BLOCKS];
	for (uint32_t round = 0; round < scaled(100); round++) {
		for (uint32_t i = 0; i < N_BLOCKS; i++) {
			size_t size = i % 4 ? 4096 * (i + round % 8) : 500000;
			blocks[i] = balloon_heap_allocate(heap, size);
			CHECK(blocks[i]);
			mark(blocks[i], size, i);
		}
		for (uint32_t i = 0; i < N_BLOCKS; i++) {
			size_t size = i % 4 ? 4096 * (i + round % 8) : 500000;
			CHECK(is_marked(blocks[i], size, i));
			balloon_heap_free(heap, blocks[i]);
		}
	}
	return NULL;
}

static void none_of_many_fails(void)
{
	struct balloon_pool *pool = make_pool();
	struct balloon_heap *heap = balloon_pool_heap(pool);
	pthread_t threads[N_THREADS];
	fill(pool);
	for (uint32_t i = 0; i < N_THREADS; i++)
		CHECK_EQ(pthread_create(&threads[i], NULL, allocate_and_free, heap), 0);
	for (uint32_t i = 0; i < scaled(200); i++)
		balloon_driver_step(balloon_pool_driver(pool));
	for (uint32_t i = 0; i < N_THREADS; i++)
		CHECK_EQ(pthread_join(threads[i], NULL), 0);
	CHECK_EQ(stats_of(heap).n_failures, 0);
	CHECK_EQ(balloon_heap_purge(heap), 0);
	hold_units(pool);
	fill(pool);
	CHECK_EQ(balloon_zone_validate(balloon_heap_zone(heap)), 0);
	CHECK_EQ(balloon_pool_destroy(pool, BALLOON_NEVER), 0);
}

static void units_that_cannot_be_are_refused(void)
{
	struct balloon_pool *pool = NULL;
	static const struct {
		uint64_t size_bytes;
		uint32_t unit_bytes;
	} wrong[] = {{SIZE, 1}, {SIZE, 2048}, {SIZE, 12288}, {SIZE, 8 * MIB}, {SIZE + 4096, UNIT},
		{MIB, UNIT}};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		const struct balloon_pool_config config = {
			.heap = {.size_bytes = wrong[i].size_bytes,
				.unit_bytes = wrong[i].unit_bytes}};
		CHECK_EQ(balloon_pool_create(&config, &pool), -EINVAL);
	}
	/* A compactor wants frames one by one. */
	const struct balloon_pool_config compacting = {
		.heap = {.size_bytes = SIZE, .unit_bytes = UNIT}, .compacts = true};
	CHECK_EQ(balloon_pool_create(&compacting, &pool), -EINVAL);
	CHECK(!pool);
}

void units_claims(void)
{
	the_balloon_takes_what_is_whole_alone();
	an_allocation_takes_whole_units();
	units_are_moved_out_of_the_way();
	none_of_many_fails();
	units_that_cannot_be_are_refused();
}
