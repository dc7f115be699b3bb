/* SPDX-License-Identifier: MIT */
/* Making a stretch of frames free. */
#ifndef BALLOON_HEAP_STRETCH_H
#define BALLOON_HEAP_STRETCH_H

#include "heap/shortage.h"

/** Make a stretch of n frames free, or n_liked if they are there, and reserve it. Returns whether it is there. */
bool balloon_shortage_clear_stretch(
	struct balloon_heap *heap, struct shortage *shortage, uint32_t n_frames, uint32_t n_liked);

/** Free frames of the zone, adjacent or not. */
uint64_t balloon_shortage_n_free(struct balloon_heap *heap);

#endif
