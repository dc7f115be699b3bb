/* SPDX-License-Identifier: MIT */
/* Heap, balloon and table, put together and taken apart. */

#include "cache.h"

#include <balloon/madvise.h>

/* The heap asks: is there anything to give up for this? */
static bool evict_for_entry(void *context, size_t size_bytes)
{
	struct cache *c = context;
	pthread_mutex_lock(&c->lock);
	c->n_full++;
	pthread_mutex_unlock(&c->lock);
	return table_evict(c->table, c->heap, size_bytes) > 0;
}

void build(struct cache *c)
{
	const struct balloon_heap_config heap_config = {
		.strategy = balloon_strategy_find("isolated-bit"),
		.size_bytes = c->heap_mib * MIB,
		.shortage = evict_for_entry,
		.shortage_context = c,
	};
	if (balloon_heap_create(&heap_config, &c->heap) < 0)
		fail("cannot make a heap");
	const struct balloon_madvise_config kernel_config = {.base = balloon_heap_base(c->heap),
		.n_pages = balloon_memmap_n_pages(balloon_heap_memmap(c->heap))};
	if (balloon_madvise_create(&kernel_config, &c->kernel) < 0)
		fail("cannot make a channel to the kernel");
	const struct balloon_driver_config driver_config = {
		.design = balloon_driver_design_find("alloc-outside"),
		.map = balloon_heap_memmap(c->heap),
		.frames = balloon_zone_frames(balloon_heap_zone(c->heap)),
		.channel = c->kernel,
		.allocation_backoff_ns = NS_PER_MS,
		.relief_holdoff_ns = NS_PER_MS,
	};
	if (balloon_driver_create(&driver_config, &c->driver) < 0)
		fail("cannot make a driver");
	balloon_heap_set_driver(c->heap, c->driver);
	c->table = table_create(c->n_keys);
	if (!c->table)
		fail("no memory");
	pthread_mutex_init(&c->lock, NULL);
}

/* Everything goes back: what does not, was lost. */
void take_apart(struct cache *c)
{
	uint64_t deadline_ns = balloon_platform_now_ns() + c->deadline_s * NS_PER_S;
	table_destroy(c->table, c->heap);
	balloon_driver_set_target(c->driver, 0);
	if (balloon_driver_run(c->driver, deadline_ns, NULL, NULL) < 0 ||
		balloon_driver_validate(c->driver, NULL) < 0)
		fail("the balloon does not give its pages back");
	balloon_heap_set_driver(c->heap, NULL);
	struct balloon_heap_stats stats;
	balloon_heap_stats(c->heap, &stats);
	if (stats.n_free != stats.n_frames)
		fail("frames were lost");
	if (balloon_driver_destroy(c->driver) < 0 || balloon_madvise_destroy(c->kernel) < 0 ||
		balloon_heap_destroy(c->heap) < 0)
		fail("something does not end");
	pthread_mutex_destroy(&c->lock);
}
