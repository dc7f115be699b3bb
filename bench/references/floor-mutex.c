/* SPDX-License-Identifier: MIT */
/* floor-mutex: the list work under a mutex of the C library, one hold an operation. */
#include "references/shelf.h"

static int insert(struct place *place, const struct balloon_page *pages, size_t n)
{
	struct shelf *shelf = place->own;
	pthread_mutex_lock(&shelf->guard.mutex);
	shelf_push(shelf, pages, n);
	pthread_mutex_unlock(&shelf->guard.mutex);
	return (int)n;
}

static int dequeue(struct place *place, struct balloon_page *pages, size_t n)
{
	struct shelf *shelf = place->own;
	pthread_mutex_lock(&shelf->guard.mutex);
	size_t n_done = shelf_pop(shelf, pages, n);
	pthread_mutex_unlock(&shelf->guard.mutex);
	return (int)n_done;
}

static const struct ops ops = {.insert = insert, .dequeue = dequeue};

static void work(struct worker *worker)
{
	loops_moving(&ops, worker);
}

static int create(struct instance *instance)
{
	int result = shelves_create(instance);
	for (unsigned i = 0; result == 0 && i < instance->shape->n_devices; i++)
		pthread_mutex_init(&((struct shelf *)instance->places[i].own)->guard.mutex, NULL);
	return result;
}

static void destroy(struct instance *instance)
{
	for (unsigned i = 0; i < instance->shape->n_devices; i++)
		pthread_mutex_destroy(&((struct shelf *)instance->places[i].own)->guard.mutex);
	shelves_destroy(instance);
}

const struct subject reference_floor_mutex = {
	.name = "floor-mutex",
	.what = "the same list work under a pthread mutex",
	.kind = SUBJECT_FLOOR,
	.ops = &ops,
	.workloads = LOOPS_MOVING,
	.create = create,
	.destroy = destroy,
	.work = work,
	.count = shelves_count,
};
