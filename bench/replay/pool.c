/* SPDX-License-Identifier: MIT */
#include "pool.h"

#include <stdlib.h>

int pool_init(struct pool *pool, uint32_t n_total)
{
	*pool = (struct pool){.n_pages = n_total, .n_total = n_total};
	pool->pages = calloc(n_total, sizeof *pool->pages);
	if (!pool->pages)
		return -1;
	pthread_mutex_init(&pool->mutex, NULL);
	for (uint32_t i = 0; i < n_total; i++)
		pool->pages[i] = balloon_page(n_total - 1 - i);
	return 0;
}

void pool_fini(struct pool *pool)
{
	pthread_mutex_destroy(&pool->mutex);
	free(pool->pages);
}

bool pool_take(struct pool *pool, struct balloon_page *page)
{
	pthread_mutex_lock(&pool->mutex);
	bool is_done = pool->n_pages > 0;
	if (is_done)
		*page = pool->pages[--pool->n_pages];
	pthread_mutex_unlock(&pool->mutex);
	return is_done;
}

bool pool_give(struct pool *pool, struct balloon_page page)
{
	pthread_mutex_lock(&pool->mutex);
	bool is_done = pool->n_pages < pool->n_total;
	if (is_done)
		pool->pages[pool->n_pages++] = page;
	pthread_mutex_unlock(&pool->mutex);
	return is_done;
}

int pool_is_sound(const struct pool *pool)
{
	bool *is_seen = calloc(pool->n_total, sizeof *is_seen);
	int result = is_seen ? 1 : -1;
	for (uint32_t i = 0; result == 1 && i < pool->n_pages; i++) {
		uint32_t index = pool->pages[i].index;
		result = index < pool->n_total && !is_seen[index];
		if (result)
			is_seen[index] = true;
	}
	free(is_seen);
	return result;
}
