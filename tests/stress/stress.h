/* SPDX-License-Identifier: MIT */
/* Stress: fillers, leakers, scanners and migrators on one map, every transition held against a
 * shadow state (shadow.h). */
#ifndef STRESS_STRESS_H
#define STRESS_STRESS_H

#include <stdbool.h>
#include <stdint.h>

#include <balloon/balloon.h>

enum {
	STRESS_THREADS_MAX = 256,
	STRESS_DEVICES_MAX = 64,
	STRESS_BATCH_MAX = 32, /* pages in one call */
};

struct stress_options {
	unsigned n_threads; /* thread i is filler, leaker, scanner or migrator by i modulo 4 */
	unsigned seconds;   /* how long; 0: n_rounds says how much */
	uint64_t n_rounds;  /* rounds of each thread */
	uint32_t n_pages;   /* few pages collide often */
	uint32_t n_devices;
	uint64_t seed;
	unsigned deadline_s; /* how long threads may take to reach a pause */
	bool greedy;         /* threads do not yield between rounds: hard on fairness */
	bool progress;       /* a line a second on stderr */
};

/**
 * What came of it.
 *
 * Work is counted in rounds: one batch of 1 to 32 pages that a thread tried to insert, dequeue,
 * isolate or let go of. A thread that finds nothing to do (no free page, an empty device) goes
 * through the lock of a device all the same, and counts one. Every round passes at least one lock,
 * but a round of one role may cost several times another's, most of all when threads are greedy: a
 * share somewhat below the mean says little, a share near nothing says that a thread was kept
 * waiting.
 */
struct stress_report {
	double seconds;
	uint64_t n_rounds;    /* of all threads */
	uint64_t n_moved;     /* transitions that succeeded */
	uint64_t n_isolated;  /* of these, isolations */
	uint64_t n_contended; /* locks found taken */
	/* The thread with the smallest part in a second, as per cent of the mean of that second; 100
	 * in a run of less than a second. */
	double worst_percent;
	unsigned worst_thread;
	unsigned worst_second;
};

/**
 * Run one strategy.
 *
 * Returns 0, or a negative errno if the run could not be set up. A broken invariant does not
 * return: it is reported on stderr and ends the process with status 1 (shadow_fail()).
 */
int stress_run(const struct balloon_strategy *strategy, const struct stress_options *options,
	struct stress_report *report);

/** What thread number i does. */
const char *stress_role_name(unsigned i);

#endif
