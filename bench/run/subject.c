/* SPDX-License-Identifier: MIT */
#include "run/subject.h"

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
