/* SPDX-License-Identifier: MIT */
/* Pools: all parts in one call, and all of them gone after another. */

#include "claims.h"

#include <pthread.h>
#include <string.h>

#include <balloon/pool.h>

enum { MIB = 1 << 20, SIZE = 16 * MIB };

static struct balloon_pool *make_pool(struct balloon_pool_config config)
{
	struct balloon_pool *pool = NULL;
	config.heap.size_bytes = SIZE;
	CHECK_EQ(balloon_pool_create(&config, &pool), 0);
	return pool;
}

static void bring_down_to(struct balloon_pool *pool, uint64_t bytes)
{
	CHECK_EQ(balloon_pool_set_limit(pool, bytes), 0);
	CHECK_EQ(balloon_driver_run(balloon_pool_driver(pool), BALLOON_NEVER, NULL, NULL), 0);
}

static uint64_t n_ballooned(struct balloon_pool *pool)
{
	struct balloon_driver_progress progress;
	CHECK_EQ(balloon_driver_progress(balloon_pool_driver(pool), &progress), 0);
	return progress.n_enqueued;
}

static void memory_is_given_back_and_taken_again(void)
{
	struct balloon_pool *pool = make_pool((struct balloon_pool_config){0});
	struct balloon_heap *heap = balloon_pool_heap(pool);
	char *block = balloon_heap_allocate(heap, 12 * MIB);
	memset(block, 1, 12 * MIB);
	balloon_heap_free(heap, block);
	CHECK(usage_of(heap).resident_bytes >= 12 * MIB);
	bring_down_to(pool, 2 * MIB);
	CHECK(usage_of(heap).resident_bytes <= 2 * MIB);
	CHECK_EQ(n_ballooned(pool), 14 * MIB / 4096);
	/* Allocations that find no room take it out of the balloon. */
	for (int i = 0; i < 6 * 16; i++)
		CHECK(balloon_heap_allocate(heap, MIB / 16));
	CHECK(n_ballooned(pool) <= 10 * MIB / 4096);
	CHECK_EQ(balloon_pool_destroy(pool, BALLOON_NEVER), 0); /* with all that is in it */
}

static void a_limit_is_in_bytes(void)
{
	struct balloon_pool *pool = make_pool((struct balloon_pool_config){0});
	static const struct {
		uint64_t bytes;
		uint64_t n_left;
	} limits[] = {{0, 0}, {1, 1}, {4096, 1}, {4097, 2}, {SIZE - 4096, SIZE / 4096 - 1},
		{SIZE, SIZE / 4096}, {UINT64_MAX, SIZE / 4096}};
	for (size_t i = 0; i < sizeof(limits) / sizeof(*limits); i++) {
		bring_down_to(pool, limits[i].bytes);
		CHECK_EQ(SIZE / 4096 - n_ballooned(pool), limits[i].n_left);
	}
	CHECK_EQ(balloon_pool_set_limit(NULL, 1), -EINVAL);
	CHECK_EQ(balloon_pool_destroy(pool, BALLOON_NEVER), 0);
}

static void a_pool_that_compacts_leaves_whole_memory(void)
{
	struct balloon_pool *pool = make_pool((struct balloon_pool_config){.compacts = true});
	struct balloon_pool *other = make_pool((struct balloon_pool_config){0});
	struct balloon_compactor_stats stats;
	CHECK(!balloon_pool_compactor(other) && balloon_pool_compactor(pool));
	bring_down_to(pool, SIZE / 2);
	bring_down_to(pool, SIZE / 4);
	CHECK_EQ(balloon_compactor_stats(balloon_pool_compactor(pool), &stats), 0);
	/* What is whole already costs nothing: the pass is the program's own. */
	CHECK_EQ(stats.n_scanned, 0);
	CHECK_EQ(balloon_compactor_run(balloon_pool_compactor(pool), BALLOON_NEVER), 0);
	CHECK_EQ(balloon_compactor_stats(balloon_pool_compactor(pool), &stats), 0);
	CHECK(stats.n_passes > 0);
	CHECK_EQ(balloon_pool_destroy(pool, BALLOON_NEVER), 0);
	CHECK_EQ(balloon_pool_destroy(other, BALLOON_NEVER), 0);
}

static void *serve(void *driver)
{
	CHECK_EQ(balloon_driver_serve(driver, NULL, NULL), -ECANCELED);
	return NULL;
}

/* A thread that serves is stopped, and what the balloon has then comes back all the same. */
static void a_pool_with_a_stopped_driver_ends(void)
{
	struct balloon_pool *pool = make_pool((struct balloon_pool_config){0});
	pthread_t server;
	bring_down_to(pool, SIZE / 2);
	CHECK_EQ(pthread_create(&server, NULL, serve, balloon_pool_driver(pool)), 0);
	CHECK_EQ(balloon_driver_stop(balloon_pool_driver(pool), BALLOON_NEVER), 0);
	pthread_join(server, NULL);
	CHECK_EQ(balloon_pool_destroy(pool, BALLOON_NEVER), 0);
}

static void an_end_that_failed_goes_on_where_it_stood(void)
{
	struct balloon_pool *pool = make_pool((struct balloon_pool_config){.compacts = true});
	struct balloon_memmap *map = balloon_heap_memmap(balloon_pool_heap(pool));
	struct balloon_zone *zone = balloon_heap_zone(balloon_pool_heap(pool));
	struct balloon_page page;
	bring_down_to(pool, SIZE / 2);
	CHECK_EQ(balloon_zone_allocate(zone, 0, &page), 0);
	CHECK_EQ(balloon_pool_destroy(pool, BALLOON_NEVER), -EBUSY);
	CHECK_EQ(balloon_memmap_validate(map, NULL), 0);
	CHECK_EQ(balloon_pool_destroy(pool, BALLOON_NEVER), -EBUSY);
	CHECK_EQ(balloon_zone_free(zone, page, 0), 0);
	CHECK_EQ(balloon_pool_destroy(pool, BALLOON_NEVER), 0);
}

static void designs_have_names(void)
{
	struct balloon_pool *pool = NULL;
	struct balloon_strategy_info strategy;
	struct balloon_driver_design_info design;
	balloon_strategy_describe(some_strategy(), &strategy);
	balloon_driver_design_describe(balloon_driver_design_at(0), &design);
	struct balloon_pool_config config = {.heap.size_bytes = SIZE,
		.strategy_name = strategy.name,
		.design_name = design.name};
	CHECK_EQ(balloon_pool_create(&config, &pool), 0);
	struct balloon_memmap *map = balloon_heap_memmap(balloon_pool_heap(pool));
	CHECK(balloon_memmap_strategy(map) == some_strategy());
	CHECK_EQ(balloon_pool_destroy(pool, BALLOON_NEVER), 0);
	config.strategy_name = "isolatd-bit";
	CHECK_EQ(balloon_pool_create(&config, &pool), -ENOENT);
	config.strategy_name = NULL;
	config.design_name = "";
	CHECK_EQ(balloon_pool_create(&config, &pool), -ENOENT);
	config.driver.design = balloon_driver_design_at(0);
	CHECK_EQ(balloon_pool_create(&config, &pool), -EINVAL);
	config.design_name = NULL;
	config.heap.strategy = some_strategy();
	config.strategy_name = strategy.name;
	CHECK_EQ(balloon_pool_create(&config, &pool), -EINVAL);
}

static void what_is_the_pools_to_say_is_refused(void)
{
	struct balloon_pool *pool = make_pool((struct balloon_pool_config){0});
	struct balloon_heap *heap = balloon_pool_heap(pool);
	struct balloon_pool *none = NULL;
	struct balloon_pool_config config = {.heap.size_bytes = SIZE};
	const struct balloon_pool_config sane = config;
	CHECK_EQ(balloon_pool_create(NULL, &none), -EINVAL);
	CHECK_EQ(balloon_pool_create(&config, NULL), -EINVAL);
	config.heap.size_bytes = 1;
	CHECK_EQ(balloon_pool_create(&config, &none), -EINVAL);
	config = sane;
	config.kernel.base = balloon_heap_base(heap);
	CHECK_EQ(balloon_pool_create(&config, &none), -EINVAL);
	config = sane;
	config.driver.map = balloon_heap_memmap(heap);
	CHECK_EQ(balloon_pool_create(&config, &none), -EINVAL);
	config = sane;
	config.driver.frames = balloon_zone_frames(balloon_heap_zone(heap));
	CHECK_EQ(balloon_pool_create(&config, &none), -EINVAL);
	config = sane;
	config.driver.n_requests = 1; /* refused by a part, when others are there */
	CHECK_EQ(balloon_pool_create(&config, &none), -EINVAL);
	config = sane;
	config.compacts = true;
	config.driver.before_fill = balloon_compactor_prepare;
	CHECK_EQ(balloon_pool_create(&config, &none), -EINVAL);
	CHECK(!none);
	CHECK(!balloon_pool_heap(NULL) && !balloon_pool_driver(NULL));
	CHECK(!balloon_pool_compactor(NULL));
	CHECK_EQ(balloon_pool_destroy(NULL, 0), -EINVAL);
	CHECK_EQ(balloon_pool_destroy(pool, BALLOON_NEVER), 0);
}

void pool_claims(void)
{
	designs_have_names();
	memory_is_given_back_and_taken_again();
	a_limit_is_in_bytes();
	a_pool_that_compacts_leaves_whole_memory();
	a_pool_with_a_stopped_driver_ends();
	an_end_that_failed_goes_on_where_it_stood();
	what_is_the_pools_to_say_is_refused();
}
