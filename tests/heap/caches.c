/* SPDX-License-Identifier: MIT */
/* Thread caches: blocks wait for their thread, and anybody gets them back. */

#define _POSIX_C_SOURCE 200809L /* pthread_barrier_t */

#include "claims.h"

#include <pthread.h>
#include <string.h>

#include "heap/caches.h"

enum {
	N_PAGES = 2048,
	N_BLOCKS = 400,
	N_THREADS = 3,
	N_SLOTS = 512,
	N_HEAPS = 11,
	FLUSH_EVERY = 3
};

static struct balloon_heap *make_cached(uint32_t n_pages)
{
	return make_heap((struct balloon_heap_config){.thread_caches = true}, n_pages);
}

/* Blocks of many sizes come and go. */
static void use(struct balloon_heap *heap)
{
	char *blocks[N_BLOCKS];
	for (uint32_t i = 0; i < N_BLOCKS; i++) {
		size_t size = (i * 37 % 5000);
		blocks[i] = balloon_heap_allocate(heap, size);
		CHECK(blocks[i] && balloon_heap_usable_size(heap, blocks[i]) >= size);
		mark(blocks[i], size, i);
	}
	for (uint32_t i = 0; i < N_BLOCKS; i++) {
		CHECK(is_marked(blocks[i], i * 37 % 5000, i));
		balloon_heap_free(heap, blocks[i]);
	}
}

static void what_is_freed_waits_for_its_thread_until_a_purge(void)
{
	struct balloon_heap *heap = make_cached(N_PAGES);
	void *block = balloon_heap_allocate(heap, 100);
	balloon_heap_free(heap, block);
	CHECK(balloon_heap_allocate(heap, 100) == block);
	balloon_heap_free(heap, block);
	use(heap);
	CHECK(stats_of(heap).n_held > 0);
	CHECK_EQ(balloon_heap_purge(heap), 0);
	CHECK_EQ(stats_of(heap).n_held, 0);
	use(heap);
	end_heap(heap);
}

static void a_new_driver_finds_no_cached_blocks(void)
{
	struct balloon_heap *heap = make_cached(N_PAGES);
	use(heap);
	CHECK_EQ(balloon_heap_set_driver(heap, NULL), 0);
	CHECK_EQ(stats_of(heap).n_held, 0);
	end_heap(heap);
}

static void blocks_from_a_cache_are_cleared_and_have_their_size(void)
{
	struct balloon_heap *heap = make_cached(N_PAGES);
	for (size_t size = 0; size <= 5000; size += 7) {
		unsigned char *block = balloon_heap_allocate(heap, size);
		memset(block, 0xaa, balloon_heap_usable_size(heap, block));
		balloon_heap_free(heap, block);
		block = balloon_heap_calloc(heap, size, 1);
		CHECK(balloon_heap_usable_size(heap, block) >= size);
		CHECK(size <= 8 || balloon_heap_usable_size(heap, block) ==
					   balloon_heap_good_size(heap, size));
		for (size_t i = 0; i < size; i++)
			CHECK_EQ(block[i], 0);
		balloon_heap_free_sized(heap, block, size);
	}
	CHECK_EQ(stats_of(heap).n_strays, 0);
	end_heap(heap);
}

/* Blocks that came past the caches, of sizes that these have not, serve no other size: not that either which lay there
 * before. */
static void blocks_serve_their_own_size_alone(void)
{
	static const size_t others[] = {1, 8, 4097, 5000, 14336};
	struct balloon_heap *heap = make_cached(N_PAGES);
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++) {
		balloon_heap_free(heap, balloon_heap_allocate(heap, 16));
		CHECK_EQ(balloon_heap_purge(heap), 0);
		CHECK_EQ(stats_of(heap).n_held, 0);
		balloon_heap_free(heap, balloon_heap_reallocate(heap, NULL, others[i]));
		void *block = balloon_heap_allocate(heap, 16);
		CHECK_EQ(balloon_heap_usable_size(heap, block), 16);
		balloon_heap_free(heap, block);
	}
	end_heap(heap);
}

/* Of every size more than a cache takes; fewer for tools that would take a minute. */
static void a_cache_keeps_two_mebibytes_at_most(void)
{
	void *blocks[N_BLOCKS];
	struct balloon_heap *heap = make_cached(N_PAGES);
	uint32_t n_blocks = scaled(100) < 100 ? N_BLOCKS / 10 : N_BLOCKS;
	for (size_t size = 16; size <= 4096; size = balloon_heap_good_size(heap, size + 1)) {
		for (uint32_t i = 0; i < n_blocks; i++)
			CHECK((blocks[i] = balloon_heap_allocate(heap, size)) != NULL);
		for (uint32_t i = 0; i < n_blocks; i++)
			balloon_heap_free(heap, blocks[i]);
	}
	uint64_t n_kept_bytes = usage_of(heap).allocated_bytes;
	CHECK(n_kept_bytes <= 2 << 20 && (n_kept_bytes > 1 << 20 || n_blocks < N_BLOCKS));
	CHECK_EQ(balloon_heap_purge(heap), 0);
	CHECK_EQ(usage_of(heap).allocated_bytes, 0);
	end_heap(heap);
}

/* ---- Other threads ----------------------------------------------------------------------------- */

struct idler {
	pthread_t thread;
	pthread_barrier_t barrier;
	struct balloon_heap *heap;
};

static void *idle(void *argument)
{
	struct idler *idler = argument;
	use(idler->heap);
	pthread_barrier_wait(&idler->barrier); /* its cache is full */
	pthread_barrier_wait(&idler->barrier);
	return NULL;
}

static void begin_idler(struct idler *idler, struct balloon_heap *heap)
{
	idler->heap = heap;
	CHECK_EQ(pthread_barrier_init(&idler->barrier, NULL, 2), 0);
	CHECK_EQ(pthread_create(&idler->thread, NULL, idle, idler), 0);
	pthread_barrier_wait(&idler->barrier);
}

static void end_idler(struct idler *idler)
{
	pthread_barrier_wait(&idler->barrier);
	CHECK_EQ(pthread_join(idler->thread, NULL), 0);
	pthread_barrier_destroy(&idler->barrier);
}

static void anybody_empties_the_cache_of_an_idle_thread(void)
{
	struct balloon_heap *heap = make_cached(N_PAGES);
	struct idler idler;
	begin_idler(&idler, heap);
	CHECK(stats_of(heap).n_held > 0);
	CHECK_EQ(balloon_heap_purge(heap), 0);
	CHECK_EQ(stats_of(heap).n_held, 0);
	end_idler(&idler);
	end_heap(heap);
}

static void a_shortage_empties_the_cache_of_an_idle_thread(void)
{
	struct balloon_heap *heap = make_cached(N_PAGES);
	struct idler idler;
	uint64_t n_blocks = 0;
	begin_idler(&idler, heap);
	uint64_t n_held = stats_of(heap).n_held;
	while (balloon_heap_allocate(heap, 16384))
		n_blocks++;
	CHECK(n_held > 60 && n_blocks * 5 + 30 > N_PAGES); /* of five frames each */
	end_idler(&idler);
	CHECK_EQ(balloon_heap_destroy(heap), 0);
}

static void a_thread_that_ends_leaves_nothing(void)
{
	struct balloon_heap *heap = make_cached(N_PAGES);
	struct idler idler;
	begin_idler(&idler, heap);
	end_idler(&idler);
	CHECK_EQ(stats_of(heap).n_held, 0);
	end_heap(heap);
}

/* Its thread lives on, uses others, and ends. */
static void a_heap_ends_before_the_threads_that_used_it(void)
{
	struct idler idlers[2];
	for (int i = 0; i < 2; i++)
		begin_idler(&idlers[i], make_cached(N_PAGES));
	use(idlers[0].heap);
	for (int i = 0; i < 2; i++)
		CHECK_EQ(balloon_heap_destroy(idlers[i].heap), 0);
	struct balloon_heap *heap = make_cached(N_PAGES);
	use(heap);
	end_heap(heap);
	for (int i = 0; i < 2; i++)
		end_idler(&idlers[i]);
}

static void one_thread_uses_many_heaps(void)
{
	struct balloon_heap *heaps[N_HEAPS];
	void *blocks[N_HEAPS];
	for (int i = 0; i < N_HEAPS; i++)
		heaps[i] = make_cached(64);
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < N_HEAPS; i++) {
			blocks[i] = balloon_heap_allocate(heaps[i], 100);
			CHECK(balloon_heap_owns(heaps[i], blocks[i]));
		}
		for (int i = N_HEAPS; i-- > 0;)
			balloon_heap_free(heaps[i], blocks[i]);
	}
	for (int i = 0; i < N_HEAPS; i++)
		end_heap(heaps[i]);
}

/* jemalloc has so many explicit caches, and no more: heaps go on without. */
static void a_thread_too_many_has_a_small_cache(void)
{
	static unsigned taken[5000];
	uint32_t n = 0;
	size_t size = sizeof(taken[0]);
	while (n < 5000 && mallctl("tcache.create", &taken[n], &size, NULL, 0) == 0)
		n++;
	CHECK(n > 1000 && n < 5000);
	struct balloon_heap *heap = make_cached(N_PAGES);
	use(heap);
	CHECK(stats_of(heap).n_held > 0);
	CHECK_EQ(balloon_heap_purge(heap), 0);
	CHECK_EQ(stats_of(heap).n_held, 0);
	end_heap(heap);
	while (n-- > 0)
		CHECK_EQ(mallctl("tcache.destroy", NULL, NULL, &taken[n], sizeof(taken[n])), 0);
}

/* ---- Beside each other ------------------------------------------------------------------------- */

/* Blocks that any thread takes out and frees, whoever put them in. */
struct exchange {
	struct balloon_heap *heap;
	pthread_mutex_t locks[N_SLOTS];
	char *blocks[N_SLOTS];
	size_t sizes[N_SLOTS];
};

struct trader {
	pthread_t thread;
	struct exchange *exchange;
	uint32_t random;
};

static uint32_t below(uint32_t *random, uint32_t n)
{
	*random = *random * 1664525 + 1013904223;
	return (uint32_t)((uint64_t)*random * n >> 32);
}

/* Every way in which a block comes from a heap. */
static char *get(struct balloon_heap *heap, size_t size, uint32_t how)
{
	if (how == 0)
		return balloon_heap_calloc(heap, size, 1);
	if (how == 1)
		return balloon_heap_allocate_aligned(heap, 256, size);
	if (how == 2)
		return balloon_heap_reallocate(
			heap, balloon_heap_allocate(heap, 6000 - size), size);
	return balloon_heap_allocate(heap, size);
}

/* Blocks of one size, out of the cache and into it: little else happens. */
static void churn(struct balloon_heap *heap, uint32_t number)
{
	char *blocks[8];
	for (int i = 0; i < 8; i++) {
		blocks[i] = balloon_heap_allocate(heap, 64);
		mark(blocks[i], 64, number);
	}
	for (int i = 0; i < 8; i++) {
		CHECK(is_marked(blocks[i], 64, number));
		balloon_heap_free(heap, blocks[i]);
	}
}

static void *trade(void *argument)
{
	struct trader *t = argument;
	struct exchange *e = t->exchange;
	/* What race tools show, few rounds show, and jemalloc's own words make each one slow for them. */
	uint32_t n_rounds = scaled(100) < 100 ? 60 : 60000;
	for (uint32_t i = 0; i < n_rounds; i++) {
		uint32_t slot = below(&t->random, N_SLOTS);
		size_t size = 1 + below(&t->random, 5000);
		char *fresh =
			below(&t->random, 2) ? get(e->heap, size, below(&t->random, 12)) : NULL;
		if (fresh)
			mark(fresh, size, slot);
		pthread_mutex_lock(&e->locks[slot]);
		char *old = e->blocks[slot];
		size_t old_size = e->sizes[slot];
		e->blocks[slot] = fresh;
		e->sizes[slot] = size;
		pthread_mutex_unlock(&e->locks[slot]);
		CHECK(!old || is_marked(old, old_size, slot));
		balloon_heap_free(e->heap, old);
		churn(e->heap, t->random);
		/* Without the arena's purge, which takes longer than all else: to come often. */
		if (i % FLUSH_EVERY == 0)
			balloon_caches_flush(e->heap);
	}
	return NULL;
}

static void blocks_hold_beside_those_that_empty_all_caches(void)
{
	struct exchange *e = calloc(1, sizeof(*e));
	struct trader traders[N_THREADS];
	e->heap = make_cached(N_PAGES);
	for (uint32_t i = 0; i < N_SLOTS; i++)
		CHECK_EQ(pthread_mutex_init(&e->locks[i], NULL), 0);
	for (uint32_t i = 0; i < N_THREADS; i++) {
		traders[i] = (struct trader){.exchange = e, .random = i};
		CHECK_EQ(pthread_create(&traders[i].thread, NULL, trade, &traders[i]), 0);
	}
	for (uint32_t i = 0; i < N_THREADS; i++)
		CHECK_EQ(pthread_join(traders[i].thread, NULL), 0);
	for (uint32_t i = 0; i < N_SLOTS; i++) {
		CHECK(!e->blocks[i] || is_marked(e->blocks[i], e->sizes[i], i));
		balloon_heap_free(e->heap, e->blocks[i]);
		pthread_mutex_destroy(&e->locks[i]);
	}
	end_heap(e->heap);
	free(e);
}

void caches_claims(void)
{
	what_is_freed_waits_for_its_thread_until_a_purge();
	a_new_driver_finds_no_cached_blocks();
	blocks_from_a_cache_are_cleared_and_have_their_size();
	blocks_serve_their_own_size_alone();
	a_cache_keeps_two_mebibytes_at_most();
	anybody_empties_the_cache_of_an_idle_thread();
	a_shortage_empties_the_cache_of_an_idle_thread();
	a_thread_that_ends_leaves_nothing();
	a_heap_ends_before_the_threads_that_used_it();
	one_thread_uses_many_heaps();
	a_thread_too_many_has_a_small_cache();
}

void caches_stress_claims(void)
{
	blocks_hold_beside_those_that_empty_all_caches();
}
