/* SPDX-License-Identifier: MIT */
/* The goals, and what the best strategy reaches. */
#include "report/goals.h"

#include <math.h>
#include <stddef.h>

const char goal_fairness[] = "fairness";

static const struct goal goals[] = {
	{"W1", "take one page out, put one in, hot; one thread",
		{"churn", NULL, 1, 1, ANY, ANY, {ANY}},
		{{"the list work under the same lock, inline, \xc3\x97 1.2", "floor-lock", 1.2},
			{"with a cache for each thread", NULL, 5}}},
	{"W2", "the same; two threads on one balloon", {"churn", NULL, 2, 1, ANY, ANY, {ANY}},
		{{"mutex", NULL, 34}, {"ck_stack", NULL, 111},
			{"mempool with a cache for each core", NULL, 2.6},
			{"floor-mutex", "floor-mutex", 1}, {"ck-stack", "ck-stack", 1}}},
	{"W3", "the same; 8 threads", {"churn", NULL, 8, 1, ANY, ANY, {ANY}},
		{{"goal on two cores", NULL, 32}, {"floor-mutex", "floor-mutex", 1},
			{"fairness: within 3 \xc3\x97", goal_fairness, 1.0 / 3}}},
	{"W4", "batches of 256 in and out; one thread",
		{"cycle", "sequential", 1, 256, 4096, ANY, {ANY}},
		{{"list", NULL, 3.0}, {"handles only", NULL, 0.66}, {"bitmap words", NULL, 0.16},
			{"floor-list", "floor-list", 1}, {"floor-lock", "floor-lock", 1},
			{"dpdk-ring", "dpdk-ring", 1}, {"floor-bitmap", "floor-bitmap", 1}}},
	{"W4", "the same; two threads", {"cycle", "sequential", 2, 256, 4096, ANY, {ANY}},
		{{"list", NULL, 3.1}, {"handles only", NULL, 1.3}, {"bitmap words", NULL, 0.09},
			{"floor-lock", "floor-lock", 1}, {"dpdk-ring", "dpdk-ring", 1},
			{"floor-bitmap", "floor-bitmap", 1}}},
	{"W4", "the same; 8 threads", {"cycle", "sequential", 8, 256, 4096, ANY, {ANY}},
		{{"list", NULL, 10}, {"floor-lock", "floor-lock", 1}}},
	{"W5", "fill and drain 2 M pages in random order",
		{"cycle", "random", ANY, ANY, 2097152, ANY, {ANY}},
		{{"goal", NULL, 20}, {"a list", NULL, 200}, {"floor-list", "floor-list", 1}}},
};

const struct goal *goal_at(size_t index)
{
	return index < sizeof goals / sizeof goals[0] ? &goals[index] : NULL;
}

const struct row *goal_best(const struct model *model, const struct goal *goal)
{
	return select_lowest(model, &goal->setup, row_ns);
}

struct attainment target_attain(
	const struct model *model, const struct target *target, const struct row *best)
{
	double figure = target->figure, reached = best ? row_ns(best) : NAN;
	if (target->to == goal_fairness) {
		reached = best ? row_fairness(best) : NAN;
		return (struct attainment){figure, reached, reached / figure};
	}
	if (target->to)
		figure *= best ? reached / row_times(model, best, target->to).median : NAN;
	return (struct attainment){figure, reached, figure / reached};
}
