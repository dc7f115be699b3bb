/* SPDX-License-Identifier: MIT */
/* What is done when an allocation finds no room. */
#ifndef BALLOON_HEAP_SHORTAGE_H
#define BALLOON_HEAP_SHORTAGE_H

#include <pthread.h>

#include "heap/heap.h"

/** A call that found no room: in its stack frame, on the heap's list until it is over. */
struct shortage {
	struct shortage *next; /* under the heap's lock */
	pthread_t thread;
	uint64_t until_ns;
	bool may_ask;       /* the program, again */
	size_t given_bytes; /* by it */
	/* What the arena asked for last in this call, in vain; 0: nothing. */
	uint32_t n_frames;
	uint32_t align_frames;
	/* The stretch that was made free for it. */
	struct balloon_zone_reservation stretch;
	bool has_stretch;
	bool has_progress; /* the balloon shrank, or there is a refusal more */
	bool is_busy;      /* somebody is at what is wanted just now */
};

/** One try: mallocx(), or rallocx() if there is a pointer. */
static inline void *balloon_heap_try(void *pointer, size_t size, int flags)
{
	return pointer ? rallocx(pointer, size, flags) : mallocx(size, flags);
}

/** The try failed: make room and try again, as long as that may help. NULL: it does not, and is counted. */
void *balloon_heap_allocate_short(struct balloon_heap *heap, void *pointer, size_t size, int flags);

/** Was the program asked to free something, so that it counts how much it frees? */
static inline bool balloon_shortage_counts(const struct balloon_heap *heap)
{
	return balloon_atomic_load(&heap->n_asking, BALLOON_RELAXED) != 0;
}

/** Something of the heap is about to be freed: it counts then. */
static inline void balloon_shortage_freed(struct balloon_heap *heap, const void *pointer)
{
	if (balloon_shortage_counts(heap))
		balloon_atomic_add(&heap->freed_bytes, sallocx(pointer, 0), BALLOON_RELAXED);
}

/** The shortage of the calling thread, NULL if it has none. For the hooks. */
struct shortage *balloon_shortage_here(struct balloon_heap *heap);

/** Take n frames of the stretch that was made free. Returns false: there is none, or it does not fit. */
bool balloon_shortage_take(struct balloon_heap *heap, struct shortage *shortage, uint32_t n_frames,
	uint32_t align_frames, struct balloon_page *first);

/** Wait a little for somebody else: a millisecond, or until the time is over. */
void balloon_shortage_nap(const struct shortage *shortage);

#endif
