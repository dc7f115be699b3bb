/* SPDX-License-Identifier: MIT */
/* In place of heap.c, where there is no jemalloc. */
#include "system/system.h"

static size_t count(const void *plan)
{
	(void)plan;
	return 0;
}

const struct workload workload_heap = {"heap", NULL, NULL, count, NULL, "built without jemalloc"};
