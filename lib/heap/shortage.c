/* SPDX-License-Identifier: MIT */
/*
 * An allocation that found no room: in which order room is made.
 *
 * As in a kernel: what can be had again is given up first, and the balloon last. The arena gives up what it keeps
 * for a decay time. In a child of fork() what its parent's balloon had is nobody's (fork.c). The program's `shortage` is asked until as many bytes were freed as are wanted. Then a
 * stretch is cleared for what the arena asked for (stretch.c). The arena's hook gets that stretch: it
 * is known by its thread, as hooks have no other context.
 *
 * It goes on as long as it helps: the program frees something, or the balloon shrinks, or somebody is at what
 * is wanted just now; and for shortage_ms in all. Calls that want little have one of them clear a stretch that
 * is large enough for several; the others wait for its end and try again.
 */
#include "core/probe.h"
#include "heap/arena.h"
#include "heap/fork.h"
#include "heap/shortage.h"
#include "heap/stretch.h"

/* Frames of a stretch for calls that want less: 1 MiB. Fewer at a time would leave the host a hole each. */
enum { LITTLE_FRAMES = 256 };

static const uint64_t nap_ns = 1000000;

void balloon_shortage_nap(const struct shortage *shortage)
{
	const uint32_t word = 0;
	uint64_t until_ns = balloon_platform_now_ns() + nap_ns;
	balloon_platform_wait_until(
		&word, 0, until_ns < shortage->until_ns ? until_ns : shortage->until_ns);
}

/* ---- The list -------------------------------------------------------------------------------- */

static void enter(struct balloon_heap *heap, struct shortage *shortage)
{
	uint64_t now_ns = balloon_platform_now_ns();
	*shortage = (struct shortage){.thread = pthread_self(),
		.until_ns = now_ns + heap->shortage_ns,
		.may_ask = heap->shortage != NULL};
	balloon_atomic_add(&heap->n_shortages_now, 1, BALLOON_RELAXED);
	balloon_lock_acquire(&heap->lock);
	BALLOON_WRITE(shortage->next, BALLOON_READ(heap->shortages));
	BALLOON_WRITE(heap->shortages, shortage);
	balloon_lock_release(&heap->lock);
}

static void leave(struct balloon_heap *heap, const struct shortage *shortage, bool has_failed)
{
	balloon_lock_acquire(&heap->lock);
	struct shortage **link = &heap->shortages;
	while (BALLOON_READ(*link) != shortage)
		link = &BALLOON_READ(*link)->next;
	BALLOON_WRITE(*link, BALLOON_READ(shortage->next));
	if (has_failed)
		BALLOON_ADD(heap->n_failures, 1);
	balloon_lock_release(&heap->lock);
	balloon_atomic_sub(&heap->n_shortages_now, 1, BALLOON_RELAXED);
}

struct shortage *balloon_shortage_here(struct balloon_heap *heap)
{
	if (balloon_atomic_load(&heap->n_shortages_now, BALLOON_RELAXED) == 0)
		return NULL; /* one of this thread's would be counted */
	balloon_lock_acquire(&heap->lock);
	struct shortage *shortage = BALLOON_READ(heap->shortages);
	while (shortage && !pthread_equal(shortage->thread, pthread_self()))
		shortage = BALLOON_READ(shortage->next);
	balloon_lock_release(&heap->lock);
	return shortage;
}

/* ---- The stretch ----------------------------------------------------------------------------- */

bool balloon_shortage_take(struct balloon_heap *heap, struct shortage *shortage, uint32_t n_frames,
	uint32_t align_frames, struct balloon_page *first)
{
	const struct balloon_zone_reservation *stretch = &shortage->stretch;
	if (!shortage->has_stretch || n_frames > stretch->n_frames ||
		stretch->first.index % align_frames)
		return false;
	*first = stretch->first;
	balloon_zone_take_reserved(heap->zone, &shortage->stretch);
	shortage->has_stretch = false;
	if (n_frames < stretch->n_frames)
		balloon_zone_free_range(heap->zone, balloon_page(first->index + n_frames),
			stretch->n_frames - n_frames);
	balloon_atomic_add(&heap->n_stretches_ended, 1, BALLOON_RELAXED);
	return true;
}

/* The arena wanted something else after all. */
static void give_up_stretch(struct balloon_heap *heap, struct shortage *shortage)
{
	if (!shortage->has_stretch)
		return;
	balloon_zone_unreserve(heap->zone, &shortage->stretch);
	balloon_atomic_add(&heap->n_stretches_ended, 1, BALLOON_RELAXED);
	shortage->has_stretch = false;
}

static bool clear_stretch(struct balloon_heap *heap, struct shortage *shortage, uint32_t n_liked)
{
	shortage->has_stretch =
		balloon_shortage_clear_stretch(heap, shortage, shortage->n_frames, n_liked);
	return shortage->has_stretch;
}

/* One of the calls that want little clears a stretch, the others wait until it is over. Returns whether it is
 * worth trying again. */
static bool clear_for_all(struct balloon_heap *heap, struct shortage *shortage)
{
	uint32_t n = shortage->n_frames;
	balloon_lock_acquire(&heap->lock);
	uint32_t seen = balloon_event_seen(&heap->relieved);
	bool is_ours = !BALLOON_READ(heap->is_relieving);
	BALLOON_WRITE(heap->is_relieving, true);
	balloon_lock_release(&heap->lock);
	if (!is_ours) {
		balloon_event_wait(&heap->relieved, seen, shortage->until_ns);
		return true;
	}
	/* Enough are free, but not adjacent: then the balloon need give nothing up. */
	bool has_enough = balloon_shortage_n_free(heap) >= n;
	bool result = clear_stretch(heap, shortage, has_enough ? n : LITTLE_FRAMES);
	balloon_lock_acquire(&heap->lock);
	BALLOON_WRITE(heap->is_relieving, false);
	balloon_lock_release(&heap->lock);
	balloon_event_signal(&heap->relieved);
	return result;
}

/* ---- The program ----------------------------------------------------------------------------- */

/* Returns whether it freed anything; who did not is not asked again in this call. */
static bool ask_program(struct balloon_heap *heap, struct shortage *shortage, size_t size)
{
	if (!shortage->may_ask)
		return false;
	heap_count(heap, &heap->n_shortages, 1);
	balloon_atomic_add(&heap->n_asking, 1, BALLOON_RELAXED);
	size_t before = balloon_atomic_load(&heap->freed_bytes, BALLOON_RELAXED);
	bool has_given = heap->shortage(heap->shortage_context, size);
	size_t after = balloon_atomic_load(&heap->freed_bytes, BALLOON_RELAXED);
	balloon_atomic_sub(&heap->n_asking, 1, BALLOON_RELAXED);
	shortage->may_ask = has_given && after != before;
	shortage->given_bytes += has_given ? after - before : 0;
	return shortage->may_ask;
}

/* ---- In order -------------------------------------------------------------------------------- */

static bool clear_enough(struct balloon_heap *heap, struct shortage *shortage)
{
	if (shortage->n_frames == 0)
		return false; /* it was not frames that the arena lacked */
	if (shortage->n_frames <= LITTLE_FRAMES)
		return clear_for_all(heap, shortage);
	return clear_stretch(heap, shortage, shortage->n_frames);
}

static void *make_room(
	struct balloon_heap *heap, struct shortage *shortage, void *pointer, size_t size, int flags)
{
	/* As much as would else be asked of the balloon. */
	const size_t little_bytes = LITTLE_FRAMES * BALLOON_HEAP_PAGE_SIZE;
	const size_t wanted_bytes = size > little_bytes ? size : little_bytes;
	balloon_arena_purge(heap);
	for (;;) {
		void *result = balloon_heap_try(pointer, size, flags);
		give_up_stretch(heap, shortage);
		if (result || balloon_platform_now_ns() >= shortage->until_ns)
			return result;
		if (balloon_fork_take_balloon(heap))
			continue;
		if (shortage->given_bytes < wanted_bytes && ask_program(heap, shortage, size))
			continue;
		if (!clear_enough(heap, shortage) && !ask_program(heap, shortage, size))
			return balloon_heap_try(
				pointer, size, flags); /* others may have freed it */
	}
}

void *balloon_heap_allocate_short(struct balloon_heap *heap, void *pointer, size_t size, int flags)
{
	struct shortage shortage;
	void *result = NULL;
	BALLOON_PROBE(heap__shortage__begin, heap, size);
	enter(heap, &shortage);
	if (size <= heap->size_bytes)
		result = make_room(heap, &shortage, pointer, size, flags);
	leave(heap, &shortage, result == NULL);
	BALLOON_PROBE(heap__shortage__end, heap, size, result);
	return result;
}
