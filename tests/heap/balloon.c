/* SPDX-License-Identifier: MIT */
/* A heap with a balloon: they compete for frames, and hold what they hold. */

#include "claims.h"

#include <pthread.h>
#include <string.h>

enum { N_PAGES = 4096, N_WORKERS = 2, N_SLOTS = 256 };

static void what_the_balloon_has_the_heap_has_not(void)
{
	struct balloon_heap *heap = make_heap((struct balloon_heap_config){0}, N_PAGES);
	struct balloon balloon = make_balloon(heap);
	void *block = balloon_heap_allocate(heap, 4 << 20);
	mark(block, 4 << 20, 1);
	bring_to(&balloon, N_PAGES / 2);
	CHECK_EQ(stats_of(heap).n_free, N_PAGES / 2 - stats_of(heap).n_held);
	CHECK_EQ(balloon_heap_destroy(heap), -EBUSY);
	/* More than there is: the balloon takes what the heap has not. */
	inflate_all(&balloon);
	CHECK_EQ(n_inflated(&balloon), N_PAGES - stats_of(heap).n_held);
	CHECK(is_marked(block, 4 << 20, 1));
	bring_to(&balloon, 0);
	CHECK(is_marked(block, 4 << 20, 1));
	balloon_heap_free(heap, block);
	CHECK_EQ(balloon_heap_destroy(heap), -EBUSY); /* the driver is still on the map */
	end_balloon(heap, &balloon);
	end_heap(heap);
}

static void frames_that_others_took_keep_a_heap_from_its_end(void)
{
	struct balloon_heap *heap = make_heap((struct balloon_heap_config){0}, N_PAGES);
	struct balloon_page page;
	void *block = balloon_heap_allocate(heap, 100);
	CHECK_EQ(balloon_zone_allocate(balloon_heap_zone(heap), 0, &page), 0);
	CHECK_EQ(balloon_heap_destroy(heap), -EBUSY);
	CHECK_EQ(balloon_zone_free(balloon_heap_zone(heap), page, 0), 0);
	memset(block, 1, 100);
	balloon_heap_free(heap, block);
	end_heap(heap);
}

static void the_driver_is_one_of_the_heap(void)
{
	struct balloon_heap *heap = make_heap((struct balloon_heap_config){0}, 64);
	struct balloon_heap *other = make_heap((struct balloon_heap_config){0}, 64);
	struct balloon balloon = make_balloon(heap);
	CHECK_EQ(balloon_heap_set_driver(other, balloon.driver), -EXDEV);
	end_balloon(heap, &balloon);
	end_heap(heap);
	end_heap(other);
}

/* ---- Beside each other ----------------------------------------------------------------------- */

struct worker {
	pthread_t thread;
	struct balloon_heap *heap;
	uint32_t n_rounds;
	uint32_t random;
	uint32_t n_refused;
	void *blocks[N_SLOTS];
	size_t sizes[N_SLOTS];
};

static uint32_t below(uint32_t *random, uint32_t n)
{
	*random = *random * 1664525 + 1013904223;
	return (uint32_t)((uint64_t)*random * n >> 32);
}

static void drop(struct worker *w, uint32_t slot)
{
	CHECK(is_marked(w->blocks[slot], w->sizes[slot], slot));
	balloon_heap_free(w->heap, w->blocks[slot]);
	w->blocks[slot] = NULL;
}

static void fill_slot(struct worker *w, uint32_t slot)
{
	w->sizes[slot] = 1 + below(&w->random, 1u << (4 + below(&w->random, 13)));
	w->blocks[slot] = balloon_heap_allocate(w->heap, w->sizes[slot]);
	if (w->blocks[slot])
		mark(w->blocks[slot], w->sizes[slot], slot);
	else
		w->n_refused++;
}

static void *work(void *argument)
{
	struct worker *w = argument;
	for (uint32_t i = 0; i < w->n_rounds; i++) {
		uint32_t slot = below(&w->random, N_SLOTS);
		if (w->blocks[slot])
			drop(w, slot);
		else
			fill_slot(w, slot);
	}
	for (uint32_t slot = 0; slot < N_SLOTS; slot++)
		if (w->blocks[slot])
			drop(w, slot);
	return NULL;
}

static void contents_hold_beside_a_moving_balloon(void)
{
	struct balloon_heap *heap = make_heap((struct balloon_heap_config){0}, N_PAGES);
	struct balloon balloon = make_balloon(heap);
	struct worker *workers = calloc(N_WORKERS, sizeof(*workers));
	uint32_t random = 5;
	for (uint32_t i = 0; i < N_WORKERS; i++) {
		workers[i].heap = heap;
		workers[i].n_rounds = scaled(20000);
		workers[i].random = i;
		CHECK_EQ(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
	}
	for (uint32_t i = 0; i < scaled(100); i++) {
		balloon_driver_set_target(balloon.driver, below(&random, N_PAGES));
		balloon_driver_run(balloon.driver, in_ms(5), NULL, NULL);
	}
	for (uint32_t i = 0; i < N_WORKERS; i++) {
		pthread_join(workers[i].thread, NULL);
		/* Half of the frames are enough for all that the workers hold. */
		CHECK_EQ(workers[i].n_refused, 0);
	}
	free(workers);
	end_balloon(heap, &balloon);
	end_heap(heap);
}

void balloon_claims(void)
{
	what_the_balloon_has_the_heap_has_not();
	frames_that_others_took_keep_a_heap_from_its_end();
	the_driver_is_one_of_the_heap();
	contents_hold_beside_a_moving_balloon();
}
