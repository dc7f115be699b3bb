/* SPDX-License-Identifier: MIT */
/* Pool and table, put together and taken apart. */

#include "cache.h"

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
	const struct balloon_pool_config config = {
		.heap.size_bytes = c->heap_mib * MIB,
		.heap.shortage = evict_for_entry,
		.heap.shortage_context = c,
		.driver.allocation_backoff_ns = NS_PER_MS,
		.driver.relief_holdoff_ns = NS_PER_MS,
	};
	if (balloon_pool_create(&config, &c->pool) < 0)
		fail("cannot make a pool of memory");
	c->heap = balloon_pool_heap(c->pool);
	c->driver = balloon_pool_driver(c->pool);
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
	struct balloon_heap_stats stats;
	balloon_heap_stats(c->heap, &stats);
	if (stats.n_held)
		fail("frames were lost");
	if (balloon_driver_validate(c->driver, NULL) < 0 ||
		balloon_pool_destroy(c->pool, deadline_ns) < 0)
		fail("the balloon does not give its pages back, or something does not end");
	pthread_mutex_destroy(&c->lock);
}
