/* SPDX-License-Identifier: MIT */
/* The goals of heaps, and what is reached. */
#include <math.h>
#include <stddef.h>
#include <string.h>

#include "report/goals.h"
#include "report/trial.h"

static const struct heap_goal goals[] = {
	{"W12", "heap with thread caches, blocks up to 4 KiB, wherever it is slowest",
		{"heap-caches"}, false, "jemalloc with its caches \xc3\x97 1.4", "malloc", 1.4},
	{"W13", "heap without caches, the same", {"heap"}, false,
		"jemalloc without caches \xc3\x97 1.15", "jemalloc", 1.15},
	{"W13", "the same; the arena keeps what is free", {"heap-keeps"}, false,
		"jemalloc without caches \xc3\x97 1.15", "jemalloc-keeps", 1.15},
	{"W14", "heap, blocks of 16 to 64 KiB", {"heap", "heap-caches"}, true,
		"jemalloc without caches \xc3\x97 1.15", "jemalloc", 1.15},
	{"W14", "the same; the arena keeps what is free", {"heap-keeps"}, true,
		"jemalloc without caches \xc3\x97 1.15", "jemalloc-keeps", 1.15},
};

const struct heap_goal *heap_goal_at(size_t index)
{
	return index < sizeof goals / sizeof goals[0] ? &goals[index] : NULL;
}

bool heap_goal_is_for(const struct heap_goal *goal, const struct trial *trial)
{
	const char *pattern = trial->setup.pattern;
	if (!trial_is_of(trial, "heap") || !pattern ||
		(strcmp(pattern, "large") == 0) != goal->is_large)
		return false;
	for (size_t i = 0; i < 2 && goal->subjects[i]; i++)
		if (strcmp(trial->setup.subject, goal->subjects[i]) == 0)
			return true;
	return false;
}

struct attainment heap_goal_attain(const struct heap_goal *goal, const struct trial *trial)
{
	double reached = trial ? trial->ns.median : NAN;
	double times = trial ? goal->times / trial_times(trial, goal->to).median : NAN;
	return (struct attainment){reached * times, reached, times};
}

const struct trial *heap_goal_worst(const struct model *model, const struct heap_goal *goal)
{
	const struct trial *worst = NULL;
	for (size_t i = 0; i < model->n_trials; i++) {
		const struct trial *trial = &model->trials[i];
		double times = heap_goal_attain(goal, trial).times;
		if (heap_goal_is_for(goal, trial) && !isnan(times) &&
			!(heap_goal_attain(goal, worst).times <= times))
			worst = trial;
	}
	return worst;
}

double heap_trial_attain(const struct trial *trial)
{
	for (size_t i = 0; i < sizeof goals / sizeof goals[0]; i++)
		if (heap_goal_is_for(&goals[i], trial))
			return heap_goal_attain(&goals[i], trial).times;
	return NAN;
}
