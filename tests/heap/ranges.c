/* SPDX-License-Identifier: MIT */
/* Allocations beside a balloon that has everything, or half of everything, in random order: they succeed, and
 * cost the balloon their own size at most. */

#include "claims.h"

#include <pthread.h>

enum { MIB_PAGES = 256 };

/* Under Valgrind it is not. */
static bool is_whole(void)
{
	return scaled(100) == 100;
}

static uint32_t n_pages(void)
{
	return is_whole() ? 8192 : 1024;
}

static uint32_t next_random(uint32_t *seed)
{
	*seed = *seed * UINT32_C(1664525) + UINT32_C(1013904223);
	return *seed >> 8;
}

static uint32_t n_pages_of(struct balloon_heap *heap)
{
	return balloon_memmap_n_pages(balloon_heap_memmap(heap));
}

/* All pages of the map, in random order. */
static struct balloon_page *shuffled(uint32_t n, uint32_t seed)
{
	struct balloon_page *pages = malloc(n * sizeof(*pages));
	CHECK(pages);
	for (uint32_t i = 0; i < n; i++) {
		uint32_t j = next_random(&seed) % (i + 1);
		pages[i] = pages[j];
		pages[j] = balloon_page(i);
	}
	return pages;
}

/* The balloon takes everything, its list in random order. */
static void take_all(struct balloon_heap *heap, struct balloon *balloon, uint32_t seed)
{
	uint32_t n = n_pages_of(heap);
	struct balloon_page *pages = shuffled(n, seed);
	inflate_all(balloon);
	for (uint32_t i = 0; i < n; i++)
		if (balloon_page_isolate(balloon_heap_memmap(heap), pages[i]) == 0)
			CHECK_EQ(balloon_page_putback(balloon_heap_memmap(heap), pages[i]), 0);
	free(pages);
}

/* The balloon keeps half of it, at random. */
static void keep_half(struct balloon_heap *heap, struct balloon *balloon, uint32_t seed)
{
	uint32_t n = n_pages_of(heap);
	struct balloon_page *pages = shuffled(n, seed);
	for (uint32_t i = 0; i < n && n_inflated(balloon) > n / 2; i++)
		CHECK(balloon_driver_relieve_range(balloon->driver, pages[i], 1) >= 0);
	free(pages);
	CHECK_EQ(n_inflated(balloon), n / 2);
}

static void costs_its_own_size(uint32_t heap_pages, size_t size, uint32_t seed)
{
	struct balloon_heap *heap = make_heap((struct balloon_heap_config){0}, heap_pages);
	struct balloon balloon = make_balloon(heap);
	take_all(heap, &balloon, seed);
	uint64_t n_before = n_inflated(&balloon);
	void *block = balloon_heap_allocate(heap, size);
	CHECK(block);
	mark(block, size, seed);
	CHECK(n_before - n_inflated(&balloon) <=
		size / BALLOON_HEAP_PAGE_SIZE * 11 / 10 + 2 * MIB_PAGES);
	CHECK_EQ(stats_of(heap).n_failures, 0);
	CHECK(is_marked(block, size, seed));
	balloon_heap_free(heap, block);
	end_balloon(heap, &balloon);
	end_heap(heap);
}

static void costs_the_balloon_nothing(uint32_t heap_pages, size_t size, uint32_t seed)
{
	struct balloon_heap *heap = make_heap((struct balloon_heap_config){0}, heap_pages);
	struct balloon balloon = make_balloon(heap);
	take_all(heap, &balloon, seed);
	keep_half(heap, &balloon, seed + 100);
	uint64_t n_relieved = stats_of(heap).n_relieved;
	void *block = balloon_heap_allocate(heap, size);
	CHECK(block);
	mark(block, size, seed);
	CHECK_EQ(n_inflated(&balloon), heap_pages / 2);
	CHECK_EQ(stats_of(heap).n_relieved, n_relieved);
	CHECK(size < (256 << 10) - BALLOON_HEAP_PAGE_SIZE || stats_of(heap).n_moved > 0);
	CHECK(is_marked(block, size, seed));
	balloon_heap_free(heap, block);
	end_balloon(heap, &balloon);
	end_heap(heap);
}

static const size_t sizes[] = {5000, 256 << 10, 1 << 20, 4 << 20, 8 << 20, 16 << 20};

enum { N_SIZES = sizeof(sizes) / sizeof(*sizes) };

static void an_allocation_costs_the_balloon_its_own_size(void)
{
	for (uint32_t i = 0; i < scaled(N_SIZES); i++)
		costs_its_own_size(n_pages(), sizes[i], i);
}

static void frames_that_are_free_but_not_adjacent_will_do(void)
{
	for (uint32_t i = 0; i < scaled(N_SIZES - 1); i++)
		costs_the_balloon_nothing(n_pages(), sizes[i] - BALLOON_HEAP_PAGE_SIZE, i);
}

/* Both, as large as a server's heap is. */
static void so_do_large_ones(void)
{
	enum { HEAP_PAGES = 512 * MIB_PAGES };
	static const size_t large[] = {256 << 10, 4 << 20, 32 << 20, 64 << 20, 128 << 20};
	for (uint32_t i = 0; i < sizeof(large) / sizeof(*large); i++) {
		costs_its_own_size(HEAP_PAGES, large[i], i);
		costs_the_balloon_nothing(HEAP_PAGES, large[i], i);
	}
}

/* Pages in use here and there: none of the stretches with one is taken from the balloon for nothing. */
static void what_is_in_use_is_gone_around(void)
{
	enum { EVERY = 512, FITS = 448 };
	const uint32_t n_used = n_pages() / EVERY;
	struct balloon_heap *heap = make_heap((struct balloon_heap_config){0}, n_pages());
	struct balloon_zone *zone = balloon_heap_zone(heap);
	struct balloon balloon = make_balloon(heap);
	for (uint32_t i = 0; i < n_used; i++)
		CHECK_EQ(balloon_zone_take_frames(zone, balloon_page(i * EVERY + i), 1), 0);
	take_all(heap, &balloon, 1);
	uint64_t n_before = n_inflated(&balloon);
	/* Between two of them there are EVERY pages: room for this and one of jemalloc's, and not for that. */
	void *block = balloon_heap_allocate(heap, FITS * BALLOON_HEAP_PAGE_SIZE);
	CHECK(block);
	CHECK(n_before - n_inflated(&balloon) <= FITS + 1);
	CHECK(!balloon_heap_allocate(heap, EVERY * BALLOON_HEAP_PAGE_SIZE));
	CHECK(n_before - n_inflated(&balloon) <= FITS + 1); /* what cannot be had costs nothing */
	balloon_heap_free(heap, block);
	for (uint32_t i = 0; i < n_used; i++)
		CHECK_EQ(balloon_zone_free(zone, balloon_page(i * EVERY + i), 0), 0);
	end_balloon(heap, &balloon);
	end_heap(heap);
}

enum { N_THREADS = 8, N_BLOCKS = 24 };

static void *allocate_and_free(void *argument)
{
	struct balloon_heap *heap = argument;
	void *blocks[N_BLOCKS];
	for (uint32_t round = 0; round < scaled(20); round++) {
		for (uint32_t i = 0; i < N_BLOCKS; i++) {
			blocks[i] = balloon_heap_allocate(heap, i % 8 ? 4096 * (i % 8) : 300000);
			CHECK(blocks[i]);
			mark(blocks[i], 4096, i);
		}
		for (uint32_t i = 0; i < N_BLOCKS; i++) {
			CHECK(is_marked(blocks[i], 4096, i));
			balloon_heap_free(heap, blocks[i]);
		}
	}
	return NULL;
}

/* Many run out at once, of every design, while the balloon wants everything. */
static void none_of_many_fails(const struct balloon_driver_design *design)
{
	struct balloon_heap *heap = make_heap((struct balloon_heap_config){0}, n_pages());
	struct balloon balloon = make_balloon_of(heap, design);
	pthread_t threads[N_THREADS];
	const uint32_t n_threads = 2 + scaled(N_THREADS - 2);
	take_all(heap, &balloon, 3);
	CHECK_EQ(balloon_driver_set_target(balloon.driver, n_pages()), 0);
	for (uint32_t i = 0; i < n_threads; i++)
		CHECK_EQ(pthread_create(&threads[i], NULL, allocate_and_free, heap), 0);
	for (uint32_t i = 0; i < scaled(50); i++)
		balloon_driver_step(balloon.driver);
	for (uint32_t i = 0; i < n_threads; i++)
		CHECK_EQ(pthread_join(threads[i], NULL), 0);
	CHECK_EQ(stats_of(heap).n_failures, 0);
	end_balloon(heap, &balloon);
	end_heap(heap);
}

void range_claims(void)
{
	an_allocation_costs_the_balloon_its_own_size();
	frames_that_are_free_but_not_adjacent_will_do();
	if (is_whole())
		so_do_large_ones();
	what_is_in_use_is_gone_around();
	/* Under Valgrind the last one only. */
	for (size_t i = 0; balloon_driver_design_at(i); i++)
		if (is_whole() || !balloon_driver_design_at(i + 1))
			none_of_many_fails(balloon_driver_design_at(i));
}
