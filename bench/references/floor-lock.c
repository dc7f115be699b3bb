/* SPDX-License-Identifier: MIT */
/* floor-lock: the list work under the library's lock, one hold an operation, written inline. */
#include "references/shelf.h"

static int insert(struct place *place, const struct balloon_page *pages, size_t n)
{
	struct shelf *shelf = place->own;
	balloon_lock_acquire(&shelf->guard.lock);
	shelf_push(shelf, pages, n);
	balloon_lock_release(&shelf->guard.lock);
	return (int)n;
}

static int dequeue(struct place *place, struct balloon_page *pages, size_t n)
{
	struct shelf *shelf = place->own;
	balloon_lock_acquire(&shelf->guard.lock);
	size_t n_done = shelf_pop(shelf, pages, n);
	balloon_lock_release(&shelf->guard.lock);
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
	for (unsigned i = 0; result == 0 && i < instance->shape->n_devices; i++) {
		struct shelf *shelf = instance->places[i].own;
		balloon_atomic_init(&shelf->n_contended, 0, BALLOON_SHARED_COUNTER);
		balloon_lock_init(&shelf->guard.lock, BALLOON_RANK_PAGES, &shelf->n_contended);
	}
	return result;
}

static void destroy(struct instance *instance)
{
	for (unsigned i = 0; i < instance->shape->n_devices; i++)
		balloon_lock_fini(&((struct shelf *)instance->places[i].own)->guard.lock);
	shelves_destroy(instance);
}

const struct subject reference_floor_lock = {
	.name = "floor-lock",
	.what = "the same list work under the library's lock, inline",
	.kind = SUBJECT_FLOOR,
	.ops = &ops,
	.workloads = LOOPS_MOVING,
	.create = create,
	.destroy = destroy,
	.work = work,
	.count = shelves_count,
};
