/* SPDX-License-Identifier: MIT */
/* In place of heap.c, where there is no jemalloc. */
#include "system/system.h"

const struct workload workload_heap = {
	.name = "heap", .about = "built without jemalloc", .lacks = "built without jemalloc"};
