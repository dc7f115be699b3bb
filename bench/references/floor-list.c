/* SPDX-License-Identifier: MIT */
/* floor-list: the list work without a lock, by one thread. */
#include "references/shelf.h"

static int insert(struct place *place, const struct balloon_page *pages, size_t n)
{
	shelf_push(place->own, pages, n);
	return (int)n;
}

static int dequeue(struct place *place, struct balloon_page *pages, size_t n)
{
	return (int)shelf_pop(place->own, pages, n);
}

LOOPS_OF_REFERENCE

const struct subject reference_floor_list = {
	.name = "floor-list",
	.what = "the same list work without lock or library",
	.lacks =
		"no lock; no isolation, no owner that is checked, no refusal of a page put in twice",
	.kind = SUBJECT_FLOOR,
	.ops = &ops,
	.workloads = LOOPS_MOVING,
	.is_single = true,
	.create = shelves_create,
	.destroy = shelves_destroy,
	.work = work,
	.count = shelves_count,
};
