/* SPDX-License-Identifier: MIT */
/*
 * floor-atomic: one atomic read-modify-write a page that goes out and comes in again, on a word that
 * no other thread touches. What nothing that synchronises page by page can do without.
 */
#include "references/peer.h"

/* A line of its own for each thread: they take turns in the array. */
struct line {
	uint64_t word __attribute__((aligned(64)));
};

static bool round_once(struct worker *worker)
{
	struct line *line = (struct line *)worker->place.own + worker->number;
	const size_t n =
		worker->shape->workload == WORKLOAD_CYCLE ? worker->n_pages : worker->shape->batch;
	for (size_t i = 0; i < n; i++)
		__atomic_fetch_add(&line->word, 1, __ATOMIC_ACQ_REL);
	worker->n_done += n;
	return true;
}

static void work(struct worker *worker)
{
	while (round_once(worker) && !worker_is_stopped(worker))
		;
}

static int create(struct instance *instance)
{
	const struct shape *shape = instance->shape;
	int result = peer_create(instance, shape->n_threads * sizeof(struct line));
	instance->bytes_per_page = 0;
	return result;
}

const struct subject reference_floor_atomic = {
	.name = "floor-atomic",
	.what = "one atomic read-modify-write a page, uncontended; it moves no pages",
	.lacks = "no pages are moved",
	.kind = SUBJECT_FLOOR,
	.workloads = 1 << WORKLOAD_CYCLE | 1 << WORKLOAD_CHURN,
	.create = create,
	.destroy = peer_free,
	.work = work,
};
