/* SPDX-License-Identifier: MIT */
/* The pool of free pages: a stack under a mutex. */

#include "worker.h"

#include <stdlib.h>

int pool_init(struct pool *pool, uint32_t n_pages)
{
	pthread_mutex_init(&pool->mutex, NULL);
	pool->pages = calloc(n_pages, sizeof(*pool->pages));
	if (!pool->pages)
		return -ENOMEM;
	for (uint32_t i = 0; i < n_pages; i++)
		pool->pages[i] = balloon_page(i);
	pool->n_pages = n_pages;
	return 0;
}

void pool_fini(struct pool *pool)
{
	free(pool->pages);
	pthread_mutex_destroy(&pool->mutex);
}

size_t pool_take(struct worker *worker, struct balloon_page *pages, size_t n_pages)
{
	struct pool *pool = &worker->run->pool;
	pthread_mutex_lock(&pool->mutex);
	size_t n = n_pages < pool->n_pages ? n_pages : pool->n_pages;
	for (size_t i = 0; i < n; i++) {
		pages[i] = pool->pages[--pool->n_pages];
		shadow_stamp(&worker->thread, SHADOW_POOL, pages[i], shadow_owned(SHADOW_NOBODY),
			shadow_owned(worker->thread.id));
	}
	pthread_mutex_unlock(&pool->mutex);
	return n;
}

void pool_give(struct worker *worker, const struct balloon_page *pages, size_t n_pages)
{
	struct pool *pool = &worker->run->pool;
	pthread_mutex_lock(&pool->mutex);
	for (size_t i = 0; i < n_pages; i++) {
		shadow_stamp(&worker->thread, SHADOW_POOL, pages[i],
			shadow_owned(worker->thread.id), shadow_owned(SHADOW_NOBODY));
		pool->pages[pool->n_pages++] = pages[i];
	}
	pthread_mutex_unlock(&pool->mutex);
}

bool pool_is_low(struct worker *worker)
{
	struct pool *pool = &worker->run->pool;
	pthread_mutex_lock(&pool->mutex);
	bool is_low = pool->n_pages < worker->run->options->n_pages / 2;
	pthread_mutex_unlock(&pool->mutex);
	return is_low;
}
