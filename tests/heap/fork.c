/* SPDX-License-Identifier: MIT */
/* A program with threads forks: each child allocates, and so does its parent. */

#define _GNU_SOURCE 1 /* mlockall() */

#include "zone/zone.h"
#include "claims.h"
#include "heap/heap.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { N_PAGES = 16384, N_THREADS = 3, N_SLOTS = 64, N_BLOCKS = 50 };

struct churn {
	struct balloon_heap *heap;
	struct balloon *balloon; /* NULL: none */
	uint32_t is_over;        /* atomic */
	uint32_t seed;           /* atomic */
};

static uint32_t next_random(uint32_t *seed)
{
	*seed = *seed * UINT32_C(1664525) + UINT32_C(1013904223);
	return *seed >> 8;
}

static bool is_over(struct churn *churn)
{
	return __atomic_load_n(&churn->is_over, __ATOMIC_RELAXED);
}

static void *allocate_and_free(void *argument)
{
	struct churn *churn = argument;
	uint32_t seed = __atomic_fetch_add(&churn->seed, 1, __ATOMIC_RELAXED);
	void *slots[N_SLOTS] = {NULL};
	while (!is_over(churn)) {
		void **slot = &slots[next_random(&seed) % N_SLOTS];
		balloon_heap_free(churn->heap, *slot);
		*slot = balloon_heap_allocate(churn->heap, 16 + next_random(&seed) % 60000);
		CHECK(*slot);
		mark(*slot, 16, 1);
	}
	for (uint32_t i = 0; i < N_SLOTS; i++)
		balloon_heap_free(churn->heap, slots[i]);
	return NULL;
}

static void *move_target(void *argument)
{
	struct churn *churn = argument;
	for (uint32_t i = 0; !is_over(churn); i++) {
		balloon_driver_set_target(churn->balloon->driver, N_PAGES / 10 * (1 + i % 8));
		for (uint32_t n = 0; n < 50; n++)
			balloon_driver_step(churn->balloon->driver);
	}
	return NULL;
}

/* In the child: what was allocated before is there, and more can be had. */
static void be_child(struct balloon_heap *heap, const void *before)
{
	void *blocks[N_BLOCKS];
	CHECK(is_marked(before, 5000, 7));
	for (uint32_t i = 0; i < N_BLOCKS; i++) {
		blocks[i] = balloon_heap_allocate(heap, 100 + i * 1000);
		CHECK(blocks[i]);
		mark(blocks[i], 100, i);
	}
	for (uint32_t i = 0; i < N_BLOCKS; i++) {
		CHECK(is_marked(blocks[i], 100, i));
		balloon_heap_free(heap, blocks[i]);
	}
	CHECK_EQ(balloon_zone_validate(balloon_heap_zone(heap)), 0);
	_exit(0);
}

static void fork_once(struct balloon_heap *heap, const void *before)
{
	int status = -1;
	pid_t child = fork();
	CHECK(child >= 0);
	if (child == 0)
		be_child(heap, before);
	CHECK_EQ(waitpid(child, &status, 0), child);
	CHECK_EQ(status, 0);
}

static void children_allocate(bool has_balloon)
{
	struct balloon_heap *heap = make_heap((struct balloon_heap_config){0}, N_PAGES);
	struct balloon balloon = {0};
	struct churn churn = {.heap = heap, .balloon = &balloon};
	pthread_t threads[N_THREADS + 1];
	void *before = balloon_heap_allocate(heap, 5000);
	mark(before, 5000, 7);
	if (has_balloon)
		balloon = make_balloon(heap);
	for (uint32_t i = 0; i < N_THREADS; i++)
		CHECK_EQ(pthread_create(&threads[i], NULL, allocate_and_free, &churn), 0);
	if (has_balloon)
		CHECK_EQ(pthread_create(&threads[N_THREADS], NULL, move_target, &churn), 0);
	for (uint32_t n = scaled(200); n > 0; n--)
		fork_once(heap, before);
	__atomic_store_n(&churn.is_over, 1, __ATOMIC_RELAXED);
	for (uint32_t i = 0; i < N_THREADS + (has_balloon ? 1u : 0u); i++)
		CHECK_EQ(pthread_join(threads[i], NULL), 0);
	CHECK_EQ(stats_of(heap).n_failures, 0);
	CHECK(is_marked(before, 5000, 7));
	balloon_heap_free(heap, before);
	if (has_balloon)
		end_balloon(heap, &balloon);
	end_heap(heap);
}

/* ---- A thread that waits in a hook ----------------------------------------------------------- */

enum { LARGE = 1 << 20 };

struct visit {
	struct balloon_heap *heap;
	void *block; /* allocated before */
};

static void *allocate_large(void *argument)
{
	struct visit *visit = argument;
	void *block = balloon_heap_allocate(visit->heap, LARGE);
	balloon_heap_free(visit->heap, block);
	balloon_heap_free(visit->heap, visit->block);
	return NULL;
}

static void *allocate_small(void *argument)
{
	struct visit *visit = argument;
	void *blocks[300]; /* more than a slab of them */
	for (uint32_t i = 0; i < 300; i++)
		blocks[i] = balloon_heap_allocate(visit->heap, 700);
	for (uint32_t i = 0; i < 300; i++)
		balloon_heap_free(visit->heap, blocks[i]);
	balloon_heap_free(visit->heap, visit->block);
	return NULL;
}

static void *free_large(void *argument)
{
	struct visit *visit = argument;
	balloon_heap_free(visit->heap, visit->block);
	return NULL;
}

static void *grow(void *argument)
{
	struct visit *visit = argument;
	balloon_heap_free(
		visit->heap, balloon_heap_reallocate(visit->heap, visit->block, 2 * LARGE));
	return NULL;
}

static void *shrink(void *argument)
{
	struct visit *visit = argument;
	balloon_heap_free(
		visit->heap, balloon_heap_reallocate(visit->heap, visit->block, LARGE / 4));
	return NULL;
}

static void *free_and_purge(void *argument)
{
	struct visit *visit = argument;
	balloon_heap_free(visit->heap, visit->block);
	balloon_heap_purge(visit->heap);
	return NULL;
}

static struct visit visit;
static void *(*visitor)(void *); /* NULL: none */
static pthread_t visiting;

/* After the library's handler, which has locked the zone, and before jemalloc's: another thread comes as far as a
 * hook that waits for the zone. */
static void visit_heap(void)
{
	if (!visitor)
		return;
	const struct balloon_lock *zone = &visit.heap->zone->lock;
	const struct balloon_lock *lock = &visit.heap->lock;
	CHECK_EQ(pthread_create(&visiting, NULL, visitor, &visit), 0);
	while (balloon_atomic_load(&zone->n_waiting, BALLOON_RELAXED) == 0 &&
		balloon_atomic_load(&lock->n_waiting, BALLOON_RELAXED) == 0)
		sched_yield();
}

static void fork_while(void *(*in_hook)(void *), uint32_t decay_ms)
{
	int status = -1;
	visit.heap = make_heap((struct balloon_heap_config){.decay_ms = decay_ms}, N_PAGES);
	visit.block = balloon_heap_allocate(visit.heap, LARGE);
	if (visit.heap->lock.is_lasting)
		visitor = in_hook; /* else those who wait are not counted */
	pid_t child = fork();
	CHECK(child >= 0);
	if (child == 0) {
		visit.block = balloon_heap_allocate(visit.heap, 3 * LARGE);
		_exit(visit.block ? 0 : 1);
	}
	CHECK_EQ(waitpid(child, &status, 0), child);
	CHECK_EQ(status, 0);
	if (visitor)
		CHECK_EQ(pthread_join(visiting, NULL), 0);
	else
		in_hook(&visit);
	visitor = NULL;
	end_heap(visit.heap);
}

static void jemalloc_holds_no_lock_around_a_hook(void)
{
	static void *(*const in_hooks[])(void *) = {
		allocate_large, allocate_small, free_large, grow, shrink, free_and_purge};
	for (uint32_t i = 0; i < sizeof(in_hooks) / sizeof(*in_hooks); i++) {
		fork_while(in_hooks[i], 0);
		if (in_hooks[i] != free_large && in_hooks[i] != shrink) /* then it calls no hook */
			fork_while(in_hooks[i], 100000);
	}
}

/* ---- A balloon that holds everything, as when a server's child writes its snapshot ----------- */

enum { BLOCK = 57344, N_GRANDCHILDREN = 20 };

/* Allocate until there is no room. Returns how many blocks. */
static uint32_t take_all(struct balloon_heap *heap, void **blocks)
{
	uint32_t n = 0;
	while ((blocks[n] = balloon_heap_allocate(heap, BLOCK)) != NULL)
		mark(blocks[n], BLOCK, n), n++;
	return n;
}

static void give_all(struct balloon_heap *heap, void **blocks, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		CHECK(is_marked(blocks[i], BLOCK, i));
		balloon_heap_free(heap, blocks[i]);
	}
}

enum { BLOCKS_MAX = N_PAGES / (BLOCK / BALLOON_HEAP_PAGE_SIZE) };

static pthread_barrier_t barrier;

static void *take_beside_others(void *heap)
{
	pthread_barrier_wait(&barrier);
	CHECK(balloon_heap_allocate(heap, BLOCK));
	return NULL;
}

/* Who comes while another thread takes the balloon waits for it. */
static void take_in_threads(struct balloon_heap *heap)
{
	pthread_t threads[N_THREADS];
	CHECK_EQ(pthread_barrier_init(&barrier, NULL, N_THREADS), 0);
	for (uint32_t i = 0; i < N_THREADS; i++)
		CHECK_EQ(pthread_create(&threads[i], NULL, take_beside_others, heap), 0);
	for (uint32_t i = 0; i < N_THREADS; i++)
		CHECK_EQ(pthread_join(threads[i], NULL), 0);
}

/* But for what is between blocks, and beside them. */
static void all_is_there(uint32_t n, uint64_t n_ballooned)
{
	CHECK(n >= n_ballooned / (BLOCK / BALLOON_HEAP_PAGE_SIZE) / 8 * 7);
}

/* What a thread finds that wanted memory before the balloon was taken, and looks for it when others have used
 * that up, and have freed something. */
static void *spare;

static bool free_spare(void *heap, size_t size)
{
	(void)size;
	balloon_heap_free(*(struct balloon_heap **)heap, spare);
	spare = NULL;
	return false;
}

static void *take_late(struct balloon_heap *heap, void *block)
{
	spare = block;
	return balloon_heap_allocate(heap, BLOCK);
}

/* Every other block goes: the balloon has holes of their size. */
static uint32_t make_holes(struct balloon_heap *heap, void **blocks)
{
	uint32_t n = take_all(heap, blocks);
	for (uint32_t i = 0; 2 * i + 1 < n; i++) {
		balloon_heap_free(heap, blocks[2 * i + 1]);
		blocks[i] = blocks[2 * i];
		mark(blocks[i], BLOCK, i);
	}
	return n / 2;
}

static void wait_for(pid_t child)
{
	int status = -1;
	CHECK(child >= 0);
	CHECK_EQ(waitpid(child, &status, 0), child);
	CHECK_EQ(status, 0);
}

static void child_of_full_balloon(
	struct balloon_heap *heap, struct balloon *balloon, uint64_t n_ballooned)
{
	void *blocks[BLOCKS_MAX];
	CHECK_EQ(balloon_heap_set_driver(heap, balloon->driver), -EBUSY);
	pid_t grandchild;
	for (uint32_t i = 0; i < N_GRANDCHILDREN; i++) { /* before the child has taken anything */
		if ((grandchild = fork()) == 0) {
			take_in_threads(heap);
			_exit(0);
		}
		wait_for(grandchild);
	}
	uint32_t n = take_all(heap, blocks);
	all_is_there(n, n_ballooned);
	CHECK((blocks[n - 1] = take_late(heap, blocks[n - 1])) != NULL);
	mark(blocks[n - 1], BLOCK, n - 1);
	grandchild = fork(); /* and after: there is nothing that could be taken twice */
	if (grandchild == 0) {
		CHECK(!balloon_heap_allocate(heap, BLOCK));
		balloon_heap_free(heap, blocks[--n]);
		CHECK((blocks[n] = balloon_heap_allocate(heap, BLOCK)) != NULL);
		mark(blocks[n], BLOCK, n);
		n++;
	}
	give_all(heap, blocks, n);
	CHECK_EQ(balloon_zone_validate(balloon_heap_zone(heap)), 0);
	if (grandchild == 0)
		_exit(0);
	wait_for(grandchild);
	_exit(0);
}

static void a_child_has_what_its_parents_balloon_had(void)
{
	static void *blocks[BLOCKS_MAX];
	static struct balloon_heap *heap;
	heap = make_heap(
		(struct balloon_heap_config){.shortage = free_spare, .shortage_context = &heap},
		N_PAGES);
	struct balloon balloon = make_balloon(heap);
	uint32_t n = make_holes(heap, blocks);
	inflate_all(&balloon);
	uint64_t n_before = n_inflated(&balloon);
	CHECK(n_before > N_PAGES / 5 * 2);
	pid_t child = fork();
	if (child == 0)
		child_of_full_balloon(heap, &balloon, n_before);
	wait_for(child);
	CHECK_EQ(n_inflated(&balloon), n_before);
	give_all(heap, blocks, n);
	end_balloon(heap, &balloon);
	end_heap(heap);
}

/* ---- A process that locks all memory --------------------------------------------------------- */

/* Sanitizers take locking, and its end, for done without asking the kernel. */
static void be_locked(void)
{
	if (mlockall(MCL_FUTURE) != 0)
		_exit(0);
	struct balloon_heap *heap = make_heap((struct balloon_heap_config){0}, N_PAGES);
	struct balloon balloon = make_balloon(heap);
	struct balloon_heap_usage usage;
	void *block = balloon_heap_allocate(heap, LARGE);
	mark(block, LARGE, 1);
	CHECK_EQ(balloon_heap_usage(heap, &usage), 0);
	CHECK(usage.resident_bytes >= LARGE && usage.resident_bytes < 4 * LARGE);
	balloon_heap_free(heap, block);
	bring_to(&balloon, N_PAGES);
	CHECK_EQ(balloon_heap_usage(heap, &usage), 0);
	CHECK_EQ(usage.resident_bytes, 0);
	end_balloon(heap, &balloon);
	end_heap(heap);
	_exit(0);
}

static void memory_of_heaps_is_never_locked(void)
{
	int status = -1;
	pid_t child = fork();
	CHECK(child >= 0);
	if (child == 0)
		be_locked();
	CHECK_EQ(waitpid(child, &status, 0), child);
	CHECK_EQ(status, 0);
}

int main(void)
{
	/* Before there is any heap. */
	CHECK_EQ(pthread_atfork(visit_heap, NULL, NULL), 0);
	jemalloc_holds_no_lock_around_a_hook();
	children_allocate(false);
	children_allocate(true);
	a_child_has_what_its_parents_balloon_had();
	memory_of_heaps_is_never_locked();
	return 0;
}
