/* SPDX-License-Identifier: MIT */
/*
 * floor-bitmap: a bit a page, 64 aligned pages by one atomic operation, in and out. It names no
 * single pages: what can be had when pages are handed over in words.
 */
#include "references/peer.h"

enum { WORD_PAGES = 64 };

static uint32_t n_words(const struct shape *shape)
{
	return (shape->n_pages + WORD_PAGES - 1) / WORD_PAGES;
}

/* A thread's words are its own share; the last one may have less than 64 pages. */
static bool cycle_once(struct worker *worker)
{
	uint64_t *words = worker->place.own;
	const size_t n_all = n_words(worker->shape);
	const unsigned n_threads = worker->shape->n_threads;
	size_t first = n_all * worker->number / n_threads;
	size_t end = n_all * (worker->number + 1) / n_threads;
	uint64_t n = 0;
	for (size_t i = first; i < end; i++)
		__atomic_fetch_or(&words[i], UINT64_MAX, __ATOMIC_RELEASE);
	for (size_t i = first; i < end; i++)
		if (__atomic_exchange_n(&words[i], 0, __ATOMIC_ACQUIRE) == UINT64_MAX)
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
	return peer_create(instance, n_words(instance->shape) * sizeof(uint64_t));
}

const struct subject reference_floor_bitmap = {
	.name = "floor-bitmap",
	.what = "a bit a page, 64 pages by one atomic operation; it names no single pages",
	.lacks = "no single pages are named; no list, no owner of a page",
	.kind = SUBJECT_FLOOR,
	.workloads = 1 << WORKLOAD_CYCLE,
	.create = create,
	.destroy = peer_free,
	.work = work,
};
