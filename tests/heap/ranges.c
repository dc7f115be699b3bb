/* SPDX-License-Identifier: MIT */
/* Allocations beside a balloon that has everything, or half of everything, in random order: they succeed, and
 * cost the balloon their own size at most. */

#include "claims.h"

#include <pthread.h>

enum { MIB_PAGES = 256 };

/* Under Valgrind fewer. */
static uint32_t n_pages(void)
{
	return scaled(100) == 100 ? 8192 : 1024;
}

static uint32_t next_random(uint32_t *seed)
{
	*seed = *seed * UINT32_C(1664525) + UINT32_C(1013904223);
	return *seed >> 8;
}

/* All pages of the map, in random order. */
static struct balloon_page *shuffled(uint32_t seed)
{
	struct balloon_page *pages = malloc(n_pages() * sizeof(*pages));
	CHECK(pages);
	for (uint32_t i = 0; i < n_pages(); i++) {
		uint32_t j = next_random(&seed) % (i + 1);
		pages[i] = pages[j];
		pages[j] = balloon_page(i);
	}
	return pages;
}

/* The balloon takes everything, its list in random order. */
static void take_all(struct balloon_heap *heap, struct balloon *balloon, uint32_t seed)
{
	struct balloon_page *pages = shuffled(seed);
	inflate_all(balloon);
	for (uint32_t i = 0; i < n_pages(); i++)
		if (balloon_page_isolate(balloon_heap_memmap(heap), pages[i]) == 0)
			CHECK_EQ(balloon_page_putback(balloon_heap_memmap(heap), pages[i]), 0);
	free(pages);
}

/* The balloon keeps n pages, at random. */
static void keep(struct balloon *balloon, uint32_t n, uint32_t seed)
{
	struct balloon_page *pages = shuffled(seed);
	for (uint32_t i = 0; i < n_pages() && n_inflated(balloon) > n; i++)
		CHECK(balloon_driver_relieve_range(balloon->driver, pages[i], 1) >= 0);
	free(pages);
	CHECK_EQ(n_inflated(balloon), n);
}

static const size_t sizes[] = {5000, 256 << 10, 1 << 20, 4 << 20, 8 << 20, 16 << 20};

enum { N_SIZES = sizeof(sizes) / sizeof(*sizes) };

static void an_allocation_costs_the_balloon_its_own_size(void)
{
	for (uint32_t i = 0; i < scaled(N_SIZES); i++) {
		struct balloon_heap *heap = make_heap((struct balloon_heap_config){0}, n_pages());
		struct balloon balloon = make_balloon(heap);
		take_all(heap, &balloon, i);
		uint64_t n_before = n_inflated(&balloon);
		void *block = balloon_heap_allocate(heap, sizes[i]);
		CHECK(block);
		mark(block, sizes[i], i);
		CHECK(n_before - n_inflated(&balloon) <=
			sizes[i] / BALLOON_HEAP_PAGE_SIZE * 11 / 10 + 2 * MIB_PAGES);
		CHECK_EQ(stats_of(heap).n_failures, 0);
		CHECK(is_marked(block, sizes[i], i));
		balloon_heap_free(heap, block);
		end_balloon(heap, &balloon);
		end_heap(heap);
	}
}

static void frames_that_are_free_but_not_adjacent_will_do(void)
{
	for (uint32_t i = 0; i < scaled(N_SIZES - 1); i++) {
		struct balloon_heap *heap = make_heap((struct balloon_heap_config){0}, n_pages());
		struct balloon balloon = make_balloon(heap);
		take_all(heap, &balloon, i);
		keep(&balloon, n_pages() / 2, i + 100);
		uint64_t n_relieved = stats_of(heap).n_relieved;
		void *block = balloon_heap_allocate(heap, sizes[i] - BALLOON_HEAP_PAGE_SIZE);
		CHECK(block);
		mark(block, sizes[i] - BALLOON_HEAP_PAGE_SIZE, i);
		CHECK_EQ(n_inflated(&balloon), n_pages() / 2);
		CHECK_EQ(stats_of(heap).n_relieved, n_relieved);
		CHECK(sizes[i] < 256 << 10 || stats_of(heap).n_moved > 0);
		CHECK(is_marked(block, sizes[i] - BALLOON_HEAP_PAGE_SIZE, i));
		balloon_heap_free(heap, block);
		end_balloon(heap, &balloon);
		end_heap(heap);
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
		CHECK_EQ(balloon_zone_claim_range(zone, balloon_page(i * EVERY + i), 1), 0);
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
	what_is_in_use_is_gone_around();
	/* Under Valgrind the last one only. */
	for (size_t i = 0; balloon_driver_design_at(i); i++)
		if (scaled(100) == 100 || !balloon_driver_design_at(i + 1))
			none_of_many_fails(balloon_driver_design_at(i));
}
