/* SPDX-License-Identifier: MIT */
#include "count/count.h"

#ifdef BALLOON_COUNTING

#include <balloon/sync.h>

/* A bracket's context is one pointer, to the subject's index: the counts are reached from here. */
static struct count *results;
static uint64_t n_before;

static void begin(void *context)
{
	(void)context;
	n_before = balloon_count_atomics;
}

static void end(void *context)
{
	results[*(size_t *)context].atomics = (double)(balloon_count_atomics - n_before);
}

int count_atomics(const struct plan *plan, const struct shape *shape, struct count *counts,
	struct problem *problem)
{
	struct bracket bracket = {begin, end, NULL};
	results = counts;
	if (count_rounds(plan, shape, &bracket, problem) < 0)
		return -1;
	for (size_t i = 0; i < plan->n_subjects; i++)
		counts[i].atomics /= shape->n_pages;
	return 0;
}

#else

int count_atomics(const struct plan *plan, const struct shape *shape, struct count *counts,
	struct problem *problem)
{
	(void)plan;
	(void)shape;
	(void)counts;
	return problem_set(problem, "this build counts no atomic operations");
}

#endif
