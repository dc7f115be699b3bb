/* SPDX-License-Identifier: MIT */
/* A heap that has no room: the program is asked, then the balloon, and then there is failure. */

#include "claims.h"
#include "heap/heap.h"
#include "zone/zone.h"

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

/* ---- Others are faster ----------------------------------------------------------------------- */

/* Between the zone's answer which frames are free, and what is made of it. */
static void (*meanwhile)(uint32_t first, uint32_t n);
static const struct balloon_frames_ops *zone_ops;

static void which_free(
	struct balloon_frames *frames, uint32_t first, uint32_t n, uint64_t *free_bits)
{
	zone_ops->which_free(frames, first, n, free_bits);
	if (meanwhile)
		meanwhile(first, n);
}

/* Look on as shortages look for frames. */
static void watch(struct balloon_heap *heap, void (*what)(uint32_t first, uint32_t n))
{
	static struct balloon_frames_ops ops;
	struct balloon_frames *frames = balloon_zone_frames(balloon_heap_zone(heap));
	zone_ops = frames->ops;
	ops = *zone_ops;
	ops.which_free = which_free;
	meanwhile = what;
	frames->ops = &ops;
}

static void watch_no_more(struct balloon_heap *heap)
{
	balloon_zone_frames(balloon_heap_zone(heap))->ops = zone_ops;
}

enum { BLOCK_PAGES = BLOCK / BALLOON_HEAP_PAGE_SIZE, N_BLOCKS = N_PAGES / BLOCK_PAGES };

static struct balloon_heap *heap;
/* In the order of their addresses; room for the one that fails. */
static void *blocks[N_BLOCKS + 1];
static uint32_t n_blocks;
static struct balloon balloon;

static int by_address(const void *a, const void *b)
{
	const char *const *left = a;
	const char *const *right = b;
	return *left < *right ? -1 : *left > *right;
}

static void fill_in_order(void)
{
	uint32_t n = 0;
	while ((blocks[n] = balloon_heap_allocate(heap, BLOCK)) != NULL)
		n++;
	n_blocks = n;
	qsort(blocks, n_blocks, sizeof(*blocks), by_address);
}

static void free_block(uint32_t i)
{
	balloon_heap_free(heap, blocks[i]);
	blocks[i] = NULL;
}

static void free_blocks(void)
{
	for (uint32_t i = 0; i < n_blocks; i++)
		free_block(i);
	n_blocks = 0;
}

static bool free_two_holes(void *context, size_t size)
{
	(void)context;
	(void)size;
	if (n_blocks > 0 && blocks[2]) {
		free_block(2);
		free_block(n_blocks / 2);
		free_block(n_blocks / 2 + 1);
	}
	return false;
}

static struct balloon_zone_reservation taken;
static struct balloon_page short_hole;

static void take_short_hole(uint32_t first, uint32_t n)
{
	(void)first;
	(void)n;
	meanwhile = NULL;
	CHECK_EQ(balloon_zone_reserve(heap->zone, &taken, short_hole, BLOCK_PAGES), 0);
	CHECK_EQ(balloon_zone_missing(heap->zone, &taken), 0);
	balloon_zone_take_reserved(heap->zone, &taken);
}

/* Without a driver, and so at once. */
static void a_stretch_that_others_take_is_given_up_for_another(void)
{
	heap = make_heap((struct balloon_heap_config){.shortage = free_two_holes}, N_PAGES);
	fill_in_order();
	short_hole = balloon_page((uint32_t)((char *)blocks[2] - (char *)balloon_heap_base(heap)) /
				  BALLOON_HEAP_PAGE_SIZE);
	watch(heap, take_short_hole);
	void *block = balloon_heap_allocate(heap, BLOCK);
	CHECK(block);
	CHECK(!meanwhile);
	watch_no_more(heap);
	balloon_zone_free_range(heap->zone, short_hole, BLOCK_PAGES);
	balloon_heap_free(heap, block);
	free_blocks();
	end_heap(heap);
}

/* Isolate the pages of the balloon for as long as they are looked at; those of the upper half are too few. */
static void isolate_while_looked_at(uint32_t first, uint32_t n)
{
	static struct balloon_page pages[N_PAGES];
	static uint32_t n_isolated;
	struct balloon_memmap *map = balloon_heap_memmap(heap);
	while (n_isolated > 0)
		CHECK_EQ(balloon_page_putback(map, pages[--n_isolated]), 0);
	for (uint32_t at = first; at < first + n && at < N_PAGES / 2; at++)
		if (balloon_page_isolate(map, balloon_page(at)) == 0)
			pages[n_isolated++] = balloon_page(at);
	if (first + n == N_PAGES)
		meanwhile = NULL;
}

/* It was nowhere when it was looked for, and nothing is under way any more. */
static void what_was_on_its_way_is_found(void)
{
	heap = make_heap((struct balloon_heap_config){0}, N_PAGES);
	balloon = make_balloon(heap);
	fill_in_order();
	for (uint32_t i = 0; i < n_blocks / 2; i++)
		free_block(i);
	inflate_all(&balloon);
	CHECK(n_inflated(&balloon) > N_PAGES / 4);
	watch(heap, isolate_while_looked_at);
	void *block = balloon_heap_allocate(heap, BLOCK);
	CHECK(block);
	CHECK(!meanwhile);
	watch_no_more(heap);
	balloon_heap_free(heap, block);
	free_blocks();
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

	a_stretch_that_others_take_is_given_up_for_another();
	what_was_on_its_way_is_found();
}
