/* SPDX-License-Identifier: MIT */
/* One thread of a repeat. Nobody else looks at it before it was joined. */
#ifndef RUN_WORKER_H
#define RUN_WORKER_H

#include <stdatomic.h>

#include "common/clock.h"
#include "common/pages.h"
#include "harness/histogram.h"
#include "run/subject.h"

/* Of so many calls the duration of one is measured: two looks at the clock cost as much as a call. */
enum { SAMPLE_INTERVAL = 128 };

struct worker {
	const struct shape *shape;
	const atomic_bool *stop;
	struct place place;
	unsigned number;
	struct balloon_page *pages; /* cycle: its share of the pages; else room for hand_max */
	size_t n_pages;             /* cycle: the share; else how many it holds */
	size_t hand_max;
	struct balloon_page *found, *spare; /* a scanner's: one batch each */
	uint32_t cursor, n_map;             /* of the scan, over so many pages */
	uint64_t random;
	unsigned until_dequeue, until_isolate; /* calls to the next one that is measured */

	/* Results. */
	uint64_t n_done; /* pages that went out and came in again */
	uint64_t n_attempts, n_isolated;
	uint64_t begin_ns, end_ns, cpu_ns;
	uint64_t aside_ns; /* of these, for what is no work of the subject's */
	struct histogram dequeue, isolate;
	const char *failed; /* which call; NULL: none */
	int error;

	void (*work)(struct worker *worker);
};

static inline bool worker_is_stopped(const struct worker *worker)
{
	return atomic_load_explicit(worker->stop, memory_order_relaxed);
}

/** A call failed that fails in no working subject: the thread ends. Returns false. */
bool worker_fail(struct worker *worker, const char *call, int error);

/** Somebody else holds what this thread wants: let others run. */
void worker_yield(void);

/**
 * Between two rounds of a cycle in random order: the pages that came out are in random order again. Else a subject
 * that gives them by address would have them so from its second round on.
 */
void worker_restore_order(struct worker *worker);

/** All work until the time is over, and each ends the round that it is in. Returns 0; 1: it was interrupted; or a
 * negative error number: no thread has worked. */
int workers_run(struct worker *workers, unsigned n, bool is_pinned, double seconds);

/** Wall time of all together, less a thread's share of what was no work; and what they did. */
double workers_elapsed_ns(const struct worker *workers, unsigned n, uint64_t *n_done);

/** The time that it worked. */
static inline uint64_t worker_elapsed_ns(const struct worker *worker)
{
	return worker->end_ns - worker->begin_ns - worker->aside_ns;
}

/** A pseudo-random number, different for each thread. */
static inline uint32_t worker_random(struct worker *worker)
{
	uint64_t x = worker->random; /* xorshift: a period of 2^64 - 1 */
	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	worker->random = x;
	return (uint32_t)(x >> 32);
}

#endif
