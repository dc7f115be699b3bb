/* SPDX-License-Identifier: MIT */

#define _GNU_SOURCE 1 /* mincore() */

#include "deadlines.h"
#include "harness.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>

#include <balloon/madvise.h>

enum {
	PAGE = BALLOON_HEAP_PAGE_SIZE,
	N_PAGES = 65536, /* of the heap: 256 MiB */
	SLACK = 2 << 20, /* bytes that may be resident beside what the balloon left */
	THREADS_MAX = 16,
	MOVE_MS = 20, /* until the next target, reached or not */
	GIVE_BACK_MS = 100,
};

struct harness {
	struct balloon_heap *heap;
	struct balloon_channel *kernel;
	struct balloon_driver *driver;
	pthread_t mover;
	atomic_bool is_over;
	uint64_t random; /* the mover's, as all below */
	uint64_t n_moves;
	uint64_t n_reached;
	int64_t worst; /* bytes: the most that was resident beyond what the balloon left */
	unsigned char flags[N_PAGES];
};

static struct harness *current; /* for a last word */

/* ---- Saying what was -------------------------------------------------------------------------- */

static void print_counts(FILE *file, struct harness *harness)
{
	struct balloon_heap_stats stats;
	struct balloon_driver_progress progress;
	balloon_heap_stats(harness->heap, &stats);
	balloon_driver_progress(harness->driver, &progress);
	fprintf(file,
		"  heap: %" PRIu64 " failed, %" PRIu64 " reliefs of %" PRIu64 " pages, %" PRIu64
		" held, %" PRIu64 " free; balloon: %" PRIu64 " of %" PRIu64 "; %" PRIu64
		" moves, %" PRIu64 " reached; resident beyond: %.2f MiB\n",
		stats.n_failures, stats.n_reliefs, stats.n_relieved, stats.n_held, stats.n_free,
		progress.n_enqueued, progress.target, harness->n_moves, harness->n_reached,
		(double)harness->worst / (1 << 20));
}

void check(bool is_true, const char *what, const char *file, int line)
{
	if (is_true)
		return;
	fprintf(stderr, "%s:%d: not true: %s\n", file, line, what);
	if (current)
		print_counts(stderr, current);
	exit(1);
}

/* ---- The mover -------------------------------------------------------------------------------- */

static uint64_t n_acknowledged(struct harness *harness)
{
	struct balloon_driver_progress progress;
	CHECK(balloon_driver_progress(harness->driver, &progress) == 0);
	return progress.n_acknowledged;
}

/*
 * Only this thread inflates. So the balloon is largest before the look, and what is resident then or
 * later is what it left, and what others took out of it meanwhile.
 */
static void look(struct harness *harness)
{
	uint64_t before = n_acknowledged(harness);
	int64_t n_resident = 0;
	CHECK(mincore(balloon_heap_base(harness->heap), (size_t)N_PAGES * PAGE, harness->flags) ==
		0);
	uint64_t after = n_acknowledged(harness);
	for (uint32_t page = 0; page < N_PAGES; page++)
		n_resident += harness->flags[page] & 1;
	int64_t n_left = N_PAGES - (int64_t)(after < before ? after : before);
	int64_t beyond = (n_resident - n_left) * PAGE;
	harness->worst = beyond > harness->worst ? beyond : harness->worst;
	CHECK(beyond <= SLACK);
}

/* From a tenth to nine tenths; every third move goes to one of these. */
static uint64_t next_target(struct harness *harness)
{
	uint32_t per_cent = 10 + below(&harness->random, 81);
	if (below(&harness->random, 3) == 0)
		per_cent = below(&harness->random, 2) ? 10 : 90;
	return (uint64_t)N_PAGES * per_cent / 100;
}

static void *move(void *argument)
{
	struct harness *harness = argument;
	while (!atomic_load(&harness->is_over)) {
		CHECK(balloon_driver_set_target(harness->driver, next_target(harness)) == 0);
		int result = balloon_driver_run(harness->driver, in_ms(MOVE_MS), NULL, NULL);
		CHECK(result == 0 || result == -ETIMEDOUT);
		harness->n_moves++;
		harness->n_reached += result == 0;
		look(harness);
	}
	return NULL;
}

/* ---- Making and ending ------------------------------------------------------------------------ */

static void begin(struct harness *harness, uint64_t holdoff_ns, uint64_t seed)
{
	const struct balloon_heap_config heap_config = {
		.strategy = balloon_strategy_find("isolated-bit"),
		.size_bytes = (uint64_t)N_PAGES * PAGE};
	CHECK(balloon_heap_create(&heap_config, &harness->heap) == 0);
	const struct balloon_madvise_config kernel_config = {
		.base = balloon_heap_base(harness->heap), .n_pages = N_PAGES};
	CHECK(balloon_madvise_create(&kernel_config, &harness->kernel) == 0);
	const struct balloon_driver_config driver_config = {
		.design = balloon_driver_design_find("alloc-outside"),
		.map = balloon_heap_memmap(harness->heap),
		.frames = balloon_zone_frames(balloon_heap_zone(harness->heap)),
		.channel = harness->kernel,
		.allocation_backoff_ns = 1000000,
		.relief_holdoff_ns = holdoff_ns};
	CHECK(balloon_driver_create(&driver_config, &harness->driver) == 0);
	CHECK(balloon_heap_set_driver(harness->heap, harness->driver) == 0);
	harness->random = seed;
	harness->worst = INT64_MIN;
	current = harness;
	CHECK(pthread_create(&harness->mover, NULL, move, harness) == 0);
}

/* All memory is back: what is not was lost. */
static void end(struct harness *harness)
{
	struct balloon_heap_stats stats;
	int result;
	atomic_store(&harness->is_over, true);
	CHECK(pthread_join(harness->mover, NULL) == 0);
	CHECK(balloon_driver_set_target(harness->driver, 0) == 0);
	do
		result = balloon_driver_run(harness->driver, in_ms(GIVE_BACK_MS), NULL, NULL);
	while (result == -ETIMEDOUT);
	CHECK(result == 0);
	CHECK(balloon_heap_stats(harness->heap, &stats) == 0);
	CHECK(stats.n_failures == 0);
	CHECK(stats.n_free == N_PAGES && stats.n_strays == 0);
	CHECK(harness->n_moves > 0);
	print_counts(stdout, harness);
	current = NULL;
	CHECK(balloon_driver_validate(harness->driver, NULL) == 0);
	CHECK(balloon_heap_set_driver(harness->heap, NULL) == 0);
	CHECK(balloon_driver_destroy(harness->driver) == 0);
	CHECK(balloon_madvise_destroy(harness->kernel) == 0);
	CHECK(balloon_memmap_validate(balloon_heap_memmap(harness->heap), NULL) == 0);
	CHECK(balloon_zone_validate(balloon_heap_zone(harness->heap)) == 0);
	CHECK(balloon_heap_destroy(harness->heap) == 0);
}

/* ---- Work -------------------------------------------------------------------------------------- */

uint32_t below(uint64_t *random, uint32_t n)
{
	*random = *random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)((*random >> 32) * n >> 32);
}

uint64_t digest(uint64_t before, const void *bytes, size_t n_bytes)
{
	const unsigned char *byte = bytes;
	for (size_t i = 0; i < n_bytes; i++)
		before = (before ^ byte[i]) * UINT64_C(1099511628211);
	return before;
}

struct worker {
	pthread_t thread;
	client_work work;
	struct balloon_heap *heap;
	uint64_t seed;
	uint64_t result;
};

static void *do_work(void *argument)
{
	struct worker *worker = argument;
	worker->result = worker->work(worker->heap, worker->seed);
	return NULL;
}

uint64_t in_threads(client_work work, uint32_t n_threads, struct balloon_heap *heap, uint64_t seed)
{
	struct worker workers[THREADS_MAX];
	uint64_t all = 0;
	CHECK(n_threads <= THREADS_MAX);
	for (uint32_t i = 0; i < n_threads; i++) {
		workers[i] =
			(struct worker){.work = work, .heap = heap, .seed = seed * THREADS_MAX + i};
		CHECK(pthread_create(&workers[i].thread, NULL, do_work, &workers[i]) == 0);
	}
	for (uint32_t i = 0; i < n_threads; i++) {
		CHECK(pthread_join(workers[i].thread, NULL) == 0);
		all = digest(all, &workers[i].result, sizeof(workers[i].result));
	}
	return all;
}

/* An odd seed holds off for 1 ms, an even one for 1 s: a run can be had again by its seed. */
static void run_once(const char *name, client_work work, uint64_t seed)
{
	uint64_t holdoff_ns = seed % 2 ? 1000000 : 1000000000;
	struct harness *harness = calloc(1, sizeof(*harness));
	CHECK(harness != NULL);
	printf("%s: seed %" PRIu64 ", hold-off %" PRIu64 " ms\n", name, seed, holdoff_ns / 1000000);
	fflush(stdout);
	uint64_t expected = work(NULL, seed);
	begin(harness, holdoff_ns, seed);
	uint64_t result = work(harness->heap, seed);
	CHECK(result == expected);
	end(harness);
	free(harness);
}

static uint64_t number(int argc, char **argv, int i)
{
	char *rest = NULL;
	errno = 0;
	uint64_t n = i < argc && argv[i][0] >= '0' && argv[i][0] <= '9'
			     ? strtoull(argv[i], &rest, 10)
			     : 0;
	if (n == 0 || errno || *rest) {
		fprintf(stderr, "%s: %s wants a number from 1 on\n", argv[0], argv[i - 1]);
		exit(2);
	}
	return n;
}

int client_main(int argc, char **argv, const char *name, client_work work)
{
	uint64_t n_runs = 2;
	uint64_t seed = 1;
	for (int i = 1; i < argc; i += 2) {
		bool is_help = strcmp(argv[i], "--help") == 0;
		if (strcmp(argv[i], "--runs") == 0) {
			n_runs = number(argc, argv, i + 1);
		} else if (strcmp(argv[i], "--seed") == 0) {
			seed = number(argc, argv, i + 1);
		} else {
			fprintf(is_help ? stdout : stderr, "usage: %s [--runs N] [--seed N]\n",
				argv[0]);
			return is_help ? 0 : 2;
		}
	}
	for (uint64_t run = 0; run < n_runs; run++)
		run_once(name, work, seed + run);
	printf("%s: results equal, no allocation failed\n", name);
	return 0;
}
