/* SPDX-License-Identifier: MIT */
/*
 * floor-bitmap: a bit a page, 64 aligned pages by one atomic operation, in and out. It names no
 * single pages: what can be had when pages are handed over in words.
 */
#include <stdlib.h>

#include "run/loops.h"

enum { WORD_PAGES = 64 };

struct bitmap {
	uint64_t *words;
	size_t n_words;
};

/* A thread's words are its own share; the last one may have less than 64 pages. */
static bool cycle_once(struct worker *worker)
{
	const struct bitmap *bitmap = worker->place.own;
	const unsigned n_threads = worker->shape->n_threads;
	size_t first = bitmap->n_words * worker->number / n_threads;
	size_t end = bitmap->n_words * (worker->number + 1) / n_threads;
	uint64_t n = 0;
	for (size_t i = first; i < end; i++)
		__atomic_fetch_or(&bitmap->words[i], UINT64_MAX, __ATOMIC_RELEASE);
	for (size_t i = first; i < end; i++)
		if (__atomic_exchange_n(&bitmap->words[i], 0, __ATOMIC_ACQUIRE) == UINT64_MAX)
			n += WORD_PAGES;
	worker->n_done += n;
	return n == (end - first) * WORD_PAGES || worker_fail(worker, "claiming", -EIO);
}

static void work(struct worker *worker)
{
	while (cycle_once(worker) && !worker_is_stopped(worker))
		;
}

static int create(struct instance *instance)
{
	const struct shape *shape = instance->shape;
	struct bitmap *bitmap = calloc(1, sizeof *bitmap);
	instance->places = calloc(1, sizeof *instance->places);
	instance->memory = bitmap;
	if (bitmap) {
		bitmap->n_words = (shape->n_pages + WORD_PAGES - 1) / WORD_PAGES;
		bitmap->words = calloc(bitmap->n_words, sizeof *bitmap->words);
	}
	if (!bitmap || !bitmap->words || !instance->places) {
		free(bitmap ? bitmap->words : NULL);
		free(bitmap);
		free(instance->places);
		return -ENOMEM;
	}
	instance->places[0].own = bitmap;
	instance->bytes_per_page = 1.0 / 8;
	return 0;
}

static void destroy(struct instance *instance)
{
	free(((struct bitmap *)instance->memory)->words);
	free(instance->memory);
	free(instance->places);
}

const struct subject reference_floor_bitmap = {
	.name = "floor-bitmap",
	.what = "a bit a page, 64 pages by one atomic operation; it names no single pages",
	.kind = SUBJECT_FLOOR,
	.workloads = 1 << WORKLOAD_CYCLE,
	.create = create,
	.destroy = destroy,
	.work = work,
};
