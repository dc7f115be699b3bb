/* SPDX-License-Identifier: MIT */
/*
 * A fork of a program whose other threads use heaps.
 *
 * The child has the thread that forked and no other, and memory as it was: what somebody was in the middle of
 * changing stays so. So the zone and the heap are locked over the fork.
 *
 * Our handlers run before jemalloc's, which are registered first, and which take locks that a thread in a hook
 * might have while it waits for ours. It has none of them: jemalloc 5.3 calls alloc and dalloc without any
 * lock, but for a reserve under the arena's lock for growing, and that is refused before a lock is taken.
 * tests/heap/fork.c forks while a thread waits in each of the hooks.
 *
 * In the child shortages of other threads are over, what lay in their caches is lost, and the heap has no
 * driver: it is the parent's, as the host is. The balloon's pages are not: memory is private to each of the two
 * processes, and in the child nothing lies there. So an allocation of the child's that finds no room takes
 * them. Not the fork: it would look at each page of the map, for a child that may only exec().
 *
 * They are found without the map's locks, which may be held for good: the map changes no more, and a page that
 * a strategy says to be a candidate was in the balloon when the parent forked. What others had on its way into
 * the balloon or out of it just then, or isolated, is lost.
 */
#include "heap/caches.h"
#include "heap/fork.h"

#include <errno.h>
#include <pthread.h>

#include "heap/shortage.h"

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER; /* protects the list, held over forks */
static struct balloon_heap *heaps;

static void before(void)
{
	pthread_mutex_lock(&mutex);
	balloon_caches_before_fork();
	for (struct balloon_heap *heap = heaps; heap; heap = heap->next) {
		balloon_zone_before_fork(heap->zone);
		balloon_lock_before_fork(&heap->lock);
	}
}

/* The thread that forked was in no call. */
static void forget_others(struct balloon_heap *heap)
{
	balloon_caches_abandon(heap);
	heap->driver = NULL;
	/* A child of the child has what its parent had not taken. */
	if (!heap->is_inherited)
		balloon_atomic_store(&heap->has_parents_balloon, 1, BALLOON_RELAXED);
	heap->is_inherited = true;
	BALLOON_WRITE(heap->shortages, NULL);
	BALLOON_WRITE(heap->is_relieving, false);
	balloon_atomic_store(&heap->n_asking, 0, BALLOON_RELAXED);
	balloon_atomic_store(&heap->n_stretches_begun, 0, BALLOON_RELAXED);
	balloon_atomic_store(&heap->n_stretches_ended, 0, BALLOON_RELAXED);
	balloon_atomic_store(&heap->n_shortages_now, 0, BALLOON_RELAXED);
	balloon_event_init(&heap->relieved);
}

static void after(bool is_child)
{
	for (struct balloon_heap *heap = heaps; heap; heap = heap->next) {
		if (is_child)
			forget_others(heap);
		balloon_lock_after_fork(&heap->lock, is_child);
		balloon_zone_after_fork(heap->zone, is_child);
	}
	balloon_caches_after_fork();
	pthread_mutex_unlock(&mutex);
}

static void after_in_parent(void)
{
	after(false);
}

static void after_in_child(void)
{
	after(true);
}

int balloon_fork_add(struct balloon_heap *heap)
{
	static bool is_registered;
	pthread_mutex_lock(&mutex);
	int result = is_registered ? 0 : -pthread_atfork(before, after_in_parent, after_in_child);
	if (result == 0) {
		is_registered = true;
		heap->next = heaps;
		heaps = heap;
	}
	pthread_mutex_unlock(&mutex);
	return result;
}

void balloon_fork_remove(struct balloon_heap *heap)
{
	pthread_mutex_lock(&mutex);
	struct balloon_heap **link = &heaps;
	while (*link && *link != heap)
		link = &(*link)->next;
	if (*link)
		*link = heap->next;
	pthread_mutex_unlock(&mutex);
}

/* ---- The balloon of the parent --------------------------------------------------------------- */

/* Adjacent pages of the balloon from here on. */
static uint32_t n_ballooned(struct balloon_heap *heap, uint32_t first)
{
	uint32_t page = first;
	while (balloon_page_is_candidate(heap->map, balloon_page(page)))
		page++; /* no page past the last one is */
	return page - first;
}

/* The mutex is held: a fork comes before all of it, or after. */
static void take_balloon(struct balloon_heap *heap)
{
	uint32_t n_pages = balloon_memmap_n_pages(heap->map);
	for (uint32_t page = 0; page < n_pages; page++) {
		uint32_t n = n_ballooned(heap, page);
		if (n == 0)
			continue;
		balloon_zone_free_range(
			heap->zone, balloon_page(page << heap->unit_order), n << heap->unit_order);
		page += n;
	}
}

bool balloon_fork_take_balloon(struct balloon_heap *heap)
{
	if (!balloon_atomic_load(&heap->has_parents_balloon, BALLOON_RELAXED))
		return false;
	pthread_mutex_lock(&mutex);
	if (balloon_atomic_load(&heap->has_parents_balloon, BALLOON_RELAXED))
		take_balloon(heap);
	balloon_atomic_store(&heap->has_parents_balloon, 0, BALLOON_RELAXED);
	pthread_mutex_unlock(&mutex);
	return true;
}
