/* SPDX-License-Identifier: MIT */
#include "run/subject.h"

const char *const order_names[] = {"sequential", "random", NULL};

bool shape_is_filled(const struct shape *shape)
{
	return shape->workload != WORKLOAD_CYCLE;
}

static bool has_scanners(const struct shape *shape)
{
	return shape->workload == WORKLOAD_SCAN || shape->workload == WORKLOAD_MIGRATE;
}

bool shape_isolates(const struct shape *shape)
{
	return has_scanners(shape) || shape->workload == WORKLOAD_MIXED;
}

uint32_t shape_n_spare(const struct shape *shape)
{
	bool migrates = shape->workload == WORKLOAD_MIGRATE || shape->workload == WORKLOAD_MIXED;
	return migrates ? shape->n_threads * shape->batch : 0;
}

unsigned shape_n_churners(const struct shape *shape)
{
	return has_scanners(shape) ? (shape->n_threads + 1) / 2 : shape->n_threads;
}

bool subject_can(const struct subject *subject, const struct shape *shape)
{
	return (subject->workloads >> shape->workload & 1) &&
	       (!subject->is_single || shape->n_threads == 1);
}

const char *subject_kind_name(enum subject_kind kind)
{
	static const char *const names[] = {"strategy", "floor", "peer"};
	return names[kind];
}
