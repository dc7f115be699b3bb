/* SPDX-License-Identifier: MIT */
/* A floor's list work under a lock, once for each lock: LOCK, UNLOCK, LOCK_FINI and lock_init() say which one. */

static int insert(struct place *place, const struct balloon_page *pages, size_t n)
{
	struct shelf *shelf = place->own;
	LOCK(shelf);
	shelf_push(shelf, pages, n);
	UNLOCK(shelf);
	return (int)n;
}

static int dequeue(struct place *place, struct balloon_page *pages, size_t n)
{
	struct shelf *shelf = place->own;
	LOCK(shelf);
	size_t n_done = shelf_pop(shelf, pages, n);
	UNLOCK(shelf);
	return (int)n_done;
}

LOOPS_OF_REFERENCE

static int create(struct instance *instance)
{
	int result = shelves_create(instance);
	for (unsigned i = 0; result == 0 && i < instance->shape->n_devices; i++)
		lock_init(instance->places[i].own);
	return result;
}

static void destroy(struct instance *instance)
{
	for (unsigned i = 0; i < instance->shape->n_devices; i++)
		LOCK_FINI((struct shelf *)instance->places[i].own);
	shelves_destroy(instance);
}

#define UNDER_LOCK(called, is)                                                                     \
	.name = (called), .what = (is),                                                            \
	.lacks = "no isolation, no owner that is checked, no refusal of a page put in twice",      \
	.kind = SUBJECT_FLOOR, .ops = &ops, .workloads = LOOPS_MOVING, .create = create,           \
	.destroy = destroy, .work = work, .count = shelves_count
