/* SPDX-License-Identifier: MIT */
/*
 * Blocks: each thread allocates a block of a zone and frees it, again and again; or 64 of them by one call. Beside it
 * what no zone under one lock can do without for a call each way, two holds of such a lock; and what a block's bits cost alone, an atomic operation a word and
 * way, where nobody looks for a block and nothing is counted.
 */
#include <errno.h>
#include <string.h>

#include <balloon/sync.h>
#include <balloon/frames-ops.h>
#include <balloon/zone.h>

#include "run/bench.h"
#include "system/system.h"

enum { THREADS_MAX = 2, BLOCKS_OF_A_CALL = 64, WORD_PAGES = 64, WORDS_MAX = 8 };
#define REPEAT_S 0.02

static const unsigned orders[] = {6, 9}; /* 64 pages, and 2 MiB */
enum { N_ORDERS_OF_BLOCKS = sizeof orders / sizeof orders[0] };

/* A thread's own. */
struct line {
	uint64_t words[WORDS_MAX] __attribute__((aligned(128)));
};

struct blocks {
	struct balloon_lock lock __attribute__((aligned(128)));
	struct balloon_atomic_word n_contended __attribute__((aligned(128)));
	struct line lines[THREADS_MAX];
	struct balloon_zone *zone;
	unsigned order;
	struct worker workers[THREADS_MAX];
};

/* ---- Subjects: each makes a pair, or some, and says how many ---------------------------------- */

struct blocks_subject {
	const char *name, *kind;
	void (*work)(struct worker *worker);
};

static unsigned pair_zone(struct blocks *blocks, struct worker *worker)
{
	struct balloon_page first;
	int result = balloon_zone_allocate(blocks->zone, blocks->order, &first);
	if (result == 0)
		result = balloon_zone_free(blocks->zone, first, blocks->order);
	return result == 0 || worker_fail(worker, "allocating or freeing a block", result);
}

/* A small zone has fewer blocks, or none while the other thread has them. */
static unsigned pairs_zone(struct blocks *blocks, struct worker *worker)
{
	struct balloon_page firsts[BLOCKS_OF_A_CALL];
	int n = balloon_zone_allocate_blocks(blocks->zone, blocks->order, firsts, BLOCKS_OF_A_CALL);
	if (n == -ENOMEM) {
		worker_yield();
		return 0;
	}
	if (n < 0 || balloon_zone_free_blocks(blocks->zone, blocks->order, firsts, (size_t)n) != n)
		return worker_fail(worker, "allocating or freeing blocks", n < 0 ? n : -EIO);
	return (unsigned)n;
}

static unsigned pair_lock(struct blocks *blocks, struct worker *worker)
{
	(void)worker;
	for (int i = 0; i < 2; i++) {
		balloon_lock_acquire(&blocks->lock);
		balloon_lock_release(&blocks->lock);
	}
	return 1;
}

static unsigned pair_bits(struct blocks *blocks, struct worker *worker)
{
	uint64_t *words = blocks->lines[worker->number].words;
	const unsigned n_words = (1u << blocks->order) / WORD_PAGES;
	for (unsigned i = 0; i < n_words; i++)
		__atomic_fetch_or(&words[i], UINT64_MAX, __ATOMIC_RELEASE);
	for (unsigned i = 0; i < n_words; i++)
		__atomic_exchange_n(&words[i], 0, __ATOMIC_ACQUIRE);
	return 1;
}

#define WORK(pair)                                                                                 \
	static void work_##pair(struct worker *worker)                                             \
	{                                                                                          \
		do                                                                                 \
			worker->n_done += pair(worker->place.own, worker);                         \
		while (!worker->failed && !worker_is_stopped(worker));                             \
	}

WORK(pair_zone)
WORK(pairs_zone)
WORK(pair_lock)
WORK(pair_bits)

static const struct blocks_subject subjects[] = {{"zone", "zone", work_pair_zone},
	{"zone-bulk", "zone", work_pairs_zone}, {"floor-lock", "floor", work_pair_lock},
	{"floor-bitmap", "floor", work_pair_bits}};

/* ---- Trials ---------------------------------------------------------------------------------- */

static int repeat(struct trial *trial)
{
	struct blocks *blocks = trial->own;
	const struct blocks_subject *subject = trial->how;
	const unsigned n_threads = number_of(trial, "threads");
	uint64_t n_done;
	memset(blocks->workers, 0, sizeof blocks->workers);
	for (unsigned i = 0; i < n_threads; i++) {
		blocks->workers[i].work = subject->work;
		blocks->workers[i].place.own = blocks;
		blocks->workers[i].number = i;
	}
	int result = workers_run(blocks->workers, n_threads, true, REPEAT_S);
	if (result < 0)
		return trial_expect(trial, "starting threads", result);
	for (unsigned i = 0; i < n_threads; i++)
		if (blocks->workers[i].failed)
			return trial_expect(
				trial, blocks->workers[i].failed, blocks->workers[i].error);
	double ns = workers_elapsed_ns(blocks->workers, n_threads, &n_done);
	ns /= (double)(n_done ? n_done : 1);
	trial_note(trial, "ns_per_block", ns);
	trial_note(trial, "ns_per_page", ns / number_of(trial, "block"));
	struct balloon_frames *frames = balloon_zone_frames(blocks->zone);
	if (balloon_zone_validate(blocks->zone) < 0 ||
		frames->ops->n_free(frames) != number_of(trial, "pages"))
		return trial_fail(trial, "the zone is not valid, or not whole");
	return result;
}

static int open_trial(struct trial *trial)
{
	const struct balloon_zone_config config = {.n_frames = number_of(trial, "pages")};
	struct blocks *blocks = trial->own;
	balloon_atomic_init(&blocks->n_contended, 0, BALLOON_SHARED_COUNTER);
	balloon_lock_init_lasting(&blocks->lock, BALLOON_RANK_LEAF, &blocks->n_contended);
	while (1u << blocks->order < number_of(trial, "block"))
		blocks->order++;
	return trial_expect(trial, "making a zone", balloon_zone_create(&config, &blocks->zone));
}

static void close_trial(struct trial *trial)
{
	struct blocks *blocks = trial->own;
	balloon_zone_destroy(blocks->zone);
	balloon_lock_fini(&blocks->lock);
}

/* ---- Rounds ---------------------------------------------------------------------------------- */

static int make(struct round *round, size_t number)
{
	static const struct trial_ops ops = {
		sizeof(struct blocks), open_trial, repeat, repeat, NULL, close_trial};
	const struct system_plan *plan = round->plan;
	round->labels = (struct labels){{{"block", .number = 1u << orders[number / THREADS_MAX]},
		{"threads", .number = number % THREADS_MAX + 1},
		{"pages", .number = plan->n_zone_pages}}};
	for (size_t i = 0; i < sizeof subjects / sizeof subjects[0]; i++)
		round_add(round, subjects[i].name, subjects[i].kind, &ops, &subjects[i]);
	return 0;
}

static const struct column columns[] = {COLUMNS_OF("ns/block", "ns_per_block"),
	{"ns/page", "ns_per_page", "%.3g", 0}, {"x lock", "ratio/floor-lock", "%.3g", 0},
	NO_COLUMN};

const struct workload workload_blocks = {"blocks",
	"of a zone, allocated and freed, on 1 and 2 threads, beside the lock alone", "ns_per_block",
	columns, NULL, make, NULL, (size_t)N_ORDERS_OF_BLOCKS *THREADS_MAX};
