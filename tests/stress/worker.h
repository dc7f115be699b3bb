/* SPDX-License-Identifier: MIT */
/* What the parts of the stress program share: a run, its threads, its pool of free pages. */
#ifndef STRESS_WORKER_H
#define STRESS_WORKER_H

#include <pthread.h>
#include <stdatomic.h>

#include "shadow.h"
#include "stress.h"

/** The free pages of a run. */
struct pool {
	pthread_mutex_t mutex;
	struct balloon_page *pages; /* mutex */
	size_t n_pages;             /* mutex */
};

struct run {
	const struct stress_options *options;
	const char *strategy_name;
	struct balloon_memmap *map;
	struct balloon_device *devices[STRESS_DEVICES_MAX];
	struct shadow shadow;
	struct pool pool;
	struct worker *workers;
	uint64_t n_phase_rounds; /* each thread's, from one pause to the next */
	/* All threads pause here; between two passes of it the main thread is alone. */
	pthread_barrier_t barrier;
	atomic_bool pause; /* asks the threads to come */
	atomic_uint n_arrived;
	bool is_over; /* read and written between two passes of the barrier */
	char setting[160];
};

struct worker {
	_Alignas(64) struct shadow_thread thread;
	struct run *run;
	pthread_t pthread;
	uint64_t random;
	struct balloon_page held[STRESS_BATCH_MAX]; /* isolated, in the order of isolation */
	size_t n_held;
	struct balloon_device_stats counted[STRESS_DEVICES_MAX]; /* its own successes */
	atomic_uint_fast64_t n_rounds;
};

/* The main thread stamps and speaks as one thread more than there are. */
static inline struct worker *run_main_worker(const struct run *run)
{
	return &run->workers[run->options->n_threads];
}

/* recount.c: hold the whole map against the shadow state. All threads pause. */

void recount(struct run *run);

/* pool.c */

int pool_init(struct pool *pool, uint32_t n_pages);
void pool_fini(struct pool *pool);
/** Take up to n pages. Returns how many. */
size_t pool_take(struct worker *worker, struct balloon_page *pages, size_t n_pages);
void pool_give(struct worker *worker, const struct balloon_page *pages, size_t n_pages);
/** Are most pages in the balloons? */
bool pool_is_low(struct worker *worker);

/*
 * calls.c: the library's calls, stamped, counted, and their results checked. Each returns how many
 * pages it did; the others stay what they were.
 */

size_t call_insert(
	struct worker *worker, uint16_t device, const struct balloon_page *pages, size_t n_pages);
size_t call_dequeue(
	struct worker *worker, uint16_t device, struct balloon_page *pages, size_t n_pages);
size_t call_isolate(struct worker *worker, const struct balloon_page *pages, size_t n_pages);
/** All of them, for a page that one holds isolated cannot be refused. */
void call_putback(struct worker *worker, const struct balloon_page *pages, size_t n_pages);
void call_finalize(
	struct worker *worker, uint16_t device, const struct balloon_page *pages, size_t n_pages);
size_t call_migrate(struct worker *worker, uint16_t device, const struct balloon_page *new_pages,
	const struct balloon_page *old_pages, size_t n_pages);
/** Touch nothing but the lock and the counts of a device. */
void call_stats(struct worker *worker, uint16_t device);

/* wrong.c: calls that have to be refused. */

void wrong_with_owned(struct worker *worker, struct balloon_page page);
void wrong_with_isolated(struct worker *worker, struct balloon_page page);

/* roles.c */

/** One round of the worker's role: one call, or a few, on a batch of pages. */
void role_round(struct worker *worker);
/** Let go of all that the worker holds. */
void role_finish(struct worker *worker);

/* A number below n, which is not 0. */
static inline uint32_t worker_random(struct worker *worker, uint32_t n)
{
	worker->random ^= worker->random << 13;
	worker->random ^= worker->random >> 7;
	worker->random ^= worker->random << 17;
	return (uint32_t)(worker->random >> 32) % n;
}

static inline uint16_t worker_random_device(struct worker *worker)
{
	return (uint16_t)worker_random(worker, worker->run->options->n_devices);
}

#endif
