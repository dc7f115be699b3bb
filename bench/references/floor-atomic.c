/* SPDX-License-Identifier: MIT */
/*
 * floor-atomic: one atomic read-modify-write a page that goes out and comes in again, on a word that
 * no other thread touches. What nothing that synchronises page by page can do without.
 */
#include "references/memory.h"
#include "run/loops.h"

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
	instance->places = calloc(shape->n_devices, sizeof *instance->places);
	instance->memory = reference_allocate(shape->n_threads * sizeof(struct line));
	if (!instance->places || !instance->memory) {
		free(instance->memory);
		free(instance->places);
		return -ENOMEM;
	}
	for (unsigned i = 0; i < shape->n_devices; i++)
		instance->places[i].own = instance->memory;
	return 0;
}

static void destroy(struct instance *instance)
{
	free(instance->memory);
	free(instance->places);
}

const struct subject reference_floor_atomic = {
	.name = "floor-atomic",
	.what = "one atomic read-modify-write a page, uncontended; it moves no pages",
	.kind = SUBJECT_FLOOR,
	.workloads = 1 << WORKLOAD_CYCLE | 1 << WORKLOAD_CHURN,
	.create = create,
	.destroy = destroy,
	.work = work,
};
