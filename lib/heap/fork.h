/* SPDX-License-Identifier: MIT */
/* Heaps of a program with threads that forks. */
#ifndef BALLOON_HEAP_FORK_H
#define BALLOON_HEAP_FORK_H

#include "heap/heap.h"

/** A heap is there, or is about to go. Returns 0; -ENOMEM. */
int balloon_fork_add(struct balloon_heap *heap);
void balloon_fork_remove(struct balloon_heap *heap);

/** In a child, what its parent's balloon had is free from here on. Returns whether that is worth another try. */
bool balloon_fork_take_balloon(struct balloon_heap *heap);

#endif
