/* SPDX-License-Identifier: MIT */
/* Allocating, as long as there is room. */
#ifndef BALLOON_HEAP_ALLOCATE_H
#define BALLOON_HEAP_ALLOCATE_H

#include "heap/heap.h"

/** Allocate by flags of jemalloc's, beside those that every allocation has. */
void *balloon_heap_allocate_as(struct balloon_heap *heap, size_t size, int flags);

#endif
