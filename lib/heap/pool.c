/* SPDX-License-Identifier: MIT */
/* Pools: the parts of the library in the order in which they are made, and ended. */

#include <stdlib.h>

#include <balloon/pool.h>

struct balloon_pool {
	struct balloon_heap *heap;
	struct balloon_channel *kernel;
	struct balloon_driver *driver;
	void *compactor_memory; /* the compactor lies at its start */
	size_t compactor_bytes;
	struct balloon_compactor *compactor; /* NULL: there is none */
};

/* ---- What is not said ------------------------------------------------------------------------ */

static const struct balloon_strategy *strategy_of(const struct balloon_pool_config *config)
{
	if (config->heap.strategy)
		return config->heap.strategy;
	if (config->strategy_name)
		return balloon_strategy_find(config->strategy_name);
	const struct balloon_strategy *found = balloon_strategy_find("isolated-bit");
	for (size_t i = 0; !found && balloon_strategy_at(i); i++)
		if (!balloon_strategy_at(i + 1))
			found = balloon_strategy_at(i);
	return found;
}

static const struct balloon_driver_design *design_of(const struct balloon_pool_config *config)
{
	if (config->driver.design)
		return config->driver.design;
	if (config->design_name)
		return balloon_driver_design_find(config->design_name);
	const struct balloon_driver_design *found = balloon_driver_design_find("alloc-outside");
	for (size_t i = 0; !found && balloon_driver_design_at(i); i++)
		if (!balloon_driver_design_at(i + 1))
			found = balloon_driver_design_at(i);
	return found;
}

static bool is_sane(const struct balloon_pool_config *config)
{
	const struct balloon_driver_config *driver = &config->driver;
	const struct balloon_madvise_config *kernel = &config->kernel;
	if ((config->heap.strategy && config->strategy_name) ||
		(driver->design && config->design_name))
		return false;
	return !kernel->base && !kernel->n_pages && !kernel->page_size && !driver->map &&
	       !driver->frames && !driver->channel &&
	       !(config->compacts && (driver->before_fill || driver->before_fill_context));
}

/* ---- Making ---------------------------------------------------------------------------------- */

static int make_kernel(struct balloon_pool *pool, struct balloon_madvise_config config)
{
	config.base = balloon_heap_base(pool->heap);
	config.page_size = balloon_memmap_page_size(balloon_heap_memmap(pool->heap));
	config.n_pages = balloon_memmap_n_pages(balloon_heap_memmap(pool->heap));
	return balloon_madvise_create(&config, &pool->kernel);
}

/* The compactor wants the driver, and the driver is told where it will lie: nothing fills until both are. */
static int make_compactor_memory(struct balloon_pool *pool)
{
	const struct balloon_compactor_config config = {.map = balloon_heap_memmap(pool->heap)};
	int result = balloon_compactor_size(&config, &pool->compactor_bytes);
	if (result < 0)
		return result;
	pool->compactor_memory = aligned_alloc(BALLOON_MEMORY_ALIGN, pool->compactor_bytes);
	return pool->compactor_memory ? 0 : -ENOMEM;
}

static int make_driver(struct balloon_pool *pool, struct balloon_driver_config config)
{
	config.map = balloon_heap_memmap(pool->heap);
	config.frames = balloon_zone_units(balloon_heap_zone(pool->heap));
	config.channel = pool->kernel;
	if (pool->compactor_memory) {
		config.before_fill = balloon_compactor_prepare;
		config.before_fill_context = pool->compactor_memory;
	}
	return balloon_driver_create(&config, &pool->driver);
}

static int make_compactor(struct balloon_pool *pool)
{
	const struct balloon_compactor_config config = {.map = balloon_heap_memmap(pool->heap),
		.frames = balloon_zone_units(balloon_heap_zone(pool->heap)),
		.drivers = &pool->driver,
		.n_drivers = 1};
	return balloon_compactor_init(
		pool->compactor_memory, pool->compactor_bytes, &config, &pool->compactor);
}

static int make_parts(struct balloon_pool *pool, const struct balloon_pool_config *config)
{
	struct balloon_heap_config heap = config->heap;
	struct balloon_driver_config driver = config->driver;
	heap.strategy = strategy_of(config);
	driver.design = design_of(config);
	int result = balloon_heap_create(&heap, &pool->heap);
	if (result == 0)
		result = make_kernel(pool, config->kernel);
	if (result == 0 && config->compacts)
		result = make_compactor_memory(pool);
	if (result == 0)
		result = make_driver(pool, driver);
	if (result == 0 && config->compacts)
		result = make_compactor(pool);
	if (result == 0)
		result = balloon_heap_set_driver(pool->heap, pool->driver);
	return result;
}

/* ---- Ending ---------------------------------------------------------------------------------- */

/* What was ended is null: an end that failed goes on where it stood. */
static int end_driver(struct balloon_pool *pool)
{
	int result = 0;
	balloon_heap_set_driver(pool->heap, NULL);
	if (pool->compactor)
		result = balloon_compactor_fini(pool->compactor);
	if (result < 0)
		return result;
	pool->compactor = NULL;
	result = balloon_driver_destroy(pool->driver);
	if (result == 0)
		pool->driver = NULL;
	return result;
}

static int end_parts(struct balloon_pool *pool)
{
	int result = pool->driver ? end_driver(pool) : 0;
	if (result == 0 && pool->kernel)
		result = balloon_madvise_destroy(pool->kernel);
	if (result == 0)
		pool->kernel = NULL;
	if (result == 0 && pool->heap)
		result = balloon_heap_destroy(pool->heap);
	if (result == 0) {
		free(pool->compactor_memory);
		free(pool);
	}
	return result;
}

static int empty_balloon(struct balloon_pool *pool, uint64_t deadline_ns)
{
	balloon_driver_set_target(pool->driver, 0);
	int result = balloon_driver_run(pool->driver, deadline_ns, NULL, NULL);
	return result == -ECANCELED ? balloon_driver_reset(pool->driver) : result;
}

/* ---- The calls ------------------------------------------------------------------------------- */

int balloon_pool_create(const struct balloon_pool_config *config, struct balloon_pool **pool)
{
	if (!config || !pool || !is_sane(config))
		return -EINVAL;
	struct balloon_pool *p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	int result = make_parts(p, config);
	if (result < 0)
		end_parts(p);
	else
		*pool = p;
	return result;
}

int balloon_pool_destroy(struct balloon_pool *pool, uint64_t deadline_ns)
{
	if (!pool)
		return -EINVAL;
	int result = pool->driver ? empty_balloon(pool, deadline_ns) : 0;
	return result < 0 ? result : end_parts(pool);
}

int balloon_pool_set_limit(struct balloon_pool *pool, uint64_t bytes)
{
	if (!pool)
		return -EINVAL;
	const struct balloon_memmap *map = balloon_heap_memmap(pool->heap);
	uint64_t n_pages = balloon_memmap_n_pages(map);
	uint64_t page_size = balloon_memmap_page_size(map);
	uint64_t n_kept = bytes / page_size + (bytes % page_size != 0);
	return balloon_driver_set_target(pool->driver, n_kept < n_pages ? n_pages - n_kept : 0);
}

struct balloon_heap *balloon_pool_heap(const struct balloon_pool *pool)
{
	return pool ? pool->heap : NULL;
}

struct balloon_driver *balloon_pool_driver(const struct balloon_pool *pool)
{
	return pool ? pool->driver : NULL;
}

struct balloon_compactor *balloon_pool_compactor(struct balloon_pool *pool)
{
	return pool ? pool->compactor : NULL;
}
