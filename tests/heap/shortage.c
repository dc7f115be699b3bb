/* SPDX-License-Identifier: MIT */
/* A heap that has no room: the program is asked, then the balloon, and then there is failure. */

#include "claims.h"

enum { N_PAGES = 2048, BLOCK = 64 * 1024 };

/* Blocks in a row of pointers at their starts, until there are no more. */
static void **fill(struct balloon_heap *heap)
{
	void **last = NULL;
	void **block;
	while ((block = balloon_heap_allocate(heap, BLOCK))) {
		*block = last;
		last = block;
	}
	return last;
}

static void **free_one(struct balloon_heap *heap, void **last)
{
	void **before = *last;
	balloon_heap_free(heap, last);
	return before;
}

static void a_full_heap_fails_and_recovers(void)
{
	struct balloon_heap *heap = make_heap((struct balloon_heap_config){0}, N_PAGES);
	void **last = fill(heap);
	struct balloon_heap_stats stats = stats_of(heap);
	CHECK_EQ(stats.n_failures, 1);
	CHECK(stats.n_held > N_PAGES - 32);
	while (last)
		last = free_one(heap, last);
	end_heap(heap);
}

static void the_balloon_is_relieved(void)
{
	struct balloon_heap *heap = make_heap((struct balloon_heap_config){0}, N_PAGES);
	struct balloon balloon = make_balloon(heap);
	bring_to(&balloon, N_PAGES);
	void *large = balloon_heap_allocate(heap, N_PAGES / 4 * 4096);
	CHECK(large);
	mark(large, N_PAGES / 4 * 4096, 3);
	struct balloon_heap_stats stats = stats_of(heap);
	CHECK(stats.n_reliefs > 0 && stats.n_relieved >= N_PAGES / 4);
	CHECK_EQ(stats.n_failures, 0);
	CHECK_EQ(n_inflated(&balloon), N_PAGES - stats.n_relieved);
	/* All of it, in small pieces. */
	void **last = fill(heap);
	CHECK(stats_of(heap).n_held > N_PAGES / 10 * 9); /* what is left is in holes */
	CHECK(n_inflated(&balloon) <= N_PAGES - stats_of(heap).n_held);
	CHECK(is_marked(large, N_PAGES / 4 * 4096, 3));
	while (last)
		last = free_one(heap, last);
	balloon_heap_free(heap, large);
	end_balloon(heap, &balloon);
	end_heap(heap);
}

struct hoard {
	struct balloon_heap *heap;
	void **last;
	uint32_t n_calls;
	bool is_eager; /* says "again" though it has nothing */
};

static bool give_up_one(void *context, size_t size)
{
	struct hoard *hoard = context;
	CHECK(size == BLOCK || size == BLOCK / 2);
	hoard->n_calls++;
	if (!hoard->last)
		return hoard->is_eager;
	hoard->last = free_one(hoard->heap, hoard->last);
	return true;
}

static bool give_up(void *context, size_t size)
{
	struct hoard *hoard = context;
	(void)size;
	hoard->n_calls++;
	if (!hoard->last)
		return false;
	hoard->last = free_one(hoard->heap, hoard->last);
	return true;
}

static void the_program_is_asked(void)
{
	struct hoard hoard = {0};
	struct balloon_heap_config config = {.shortage = give_up_one, .shortage_context = &hoard};
	struct balloon_heap *heap = make_heap(config, N_PAGES);
	hoard.heap = heap;
	hoard.last = fill(heap);
	CHECK_EQ(hoard.n_calls, 1); /* it said no */
	void *block = balloon_heap_allocate(heap, BLOCK);
	CHECK(block);
	CHECK_EQ(hoard.n_calls, 2);
	/* For what can never be, nobody is asked. */
	CHECK(!balloon_heap_allocate(heap, (size_t)N_PAGES * 4096 + 1));
	CHECK(!balloon_heap_allocate(heap, SIZE_MAX));
	CHECK_EQ(hoard.n_calls, 2);
	/* It says "again" and again: that ends. */
	void **kept = hoard.last;
	hoard.last = NULL;
	hoard.is_eager = true;
	CHECK(!balloon_heap_allocate(heap, BLOCK / 2) || stats_of(heap).n_free < 16);
	CHECK(!balloon_heap_allocate(heap, BLOCK));
	CHECK(hoard.n_calls > 2);
	CHECK_EQ(stats_of(heap).n_shortages, hoard.n_calls);
	CHECK_EQ(balloon_heap_destroy(heap), 0); /* with all that is in it */
	(void)kept;
	(void)block;
}

/* As long as the program has something to give, the balloon keeps what it has. */
static void the_program_is_asked_before_the_balloon(void)
{
	struct hoard hoard = {0};
	struct balloon_heap_config config = {.shortage = give_up_one, .shortage_context = &hoard};
	struct balloon_heap *heap = make_heap(config, N_PAGES);
	struct balloon balloon = make_balloon(heap);
	hoard.heap = heap;
	bring_to(&balloon, N_PAGES / 2);
	while (hoard.n_calls < 3) {
		void **block = balloon_heap_allocate(heap, BLOCK);
		CHECK(block);
		*block = hoard.last;
		hoard.last = block;
	}
	CHECK_EQ(n_inflated(&balloon), N_PAGES / 2);
	CHECK_EQ(stats_of(heap).n_reliefs, 0);
	while (hoard.last)
		hoard.last = free_one(heap, hoard.last);
	end_balloon(heap, &balloon);
	end_heap(heap);
}

/* An item for each page that is wanted has to go, and then one more. */
static void the_program_is_asked_as_often_as_it_takes(void)
{
	struct hoard hoard = {0};
	struct balloon_heap_config config = {.shortage = give_up, .shortage_context = &hoard};
	struct balloon_heap *heap = make_heap(config, N_PAGES);
	hoard.heap = heap;
	hoard.last = fill(heap);
	hoard.n_calls = 0;
	void *large = balloon_heap_allocate(heap, 64 * BLOCK);
	CHECK(large);
	CHECK(hoard.n_calls >= 60);
	balloon_heap_free(heap, large);
	while (hoard.last)
		hoard.last = free_one(heap, hoard.last);
	end_heap(heap);
}

static bool give_nothing(void *context, size_t size)
{
	(void)size;
	++*(uint32_t *)context;
	return true;
}

/* It says that it gave something up, and did not. */
static void what_the_program_says_is_not_what_counts(void)
{
	uint32_t n_calls = 0;
	struct balloon_heap_config config = {
		.shortage = give_nothing, .shortage_context = &n_calls};
	struct balloon_heap *heap = make_heap(config, N_PAGES);
	struct balloon balloon = make_balloon(heap);
	inflate_all(&balloon);
	void *block = balloon_heap_allocate(heap, BLOCK);
	CHECK(block);
	CHECK_EQ(n_calls, 1);
	balloon_heap_free(heap, block);
	end_balloon(heap, &balloon);
	end_heap(heap);
}

void shortage_claims(void)
{
	a_full_heap_fails_and_recovers();
	the_balloon_is_relieved();
	the_program_is_asked();
	the_program_is_asked_before_the_balloon();
	the_program_is_asked_as_often_as_it_takes();
	what_the_program_says_is_not_what_counts();
}
