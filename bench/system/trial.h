/* SPDX-License-Identifier: MIT */
/*
 * What is measured of the system around the pages: trials, each a subject at a work.
 *
 * Trials that are compared form a round and take turns, repeat by repeat: a noisy moment of the
 * machine hits all of them. Each repeat checks what it did; a trial that did not do its work ends
 * the command.
 */
#ifndef SYSTEM_TRIAL_H
#define SYSTEM_TRIAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/histogram.h"
#include "common/problem.h"
#include "common/spread.h"

enum work {
	WORK_RELEASE,
	WORK_TARGET,
	WORK_COMPACTION,
	WORK_RELIEF,
	WORK_COST,
	WORK_LATENCY,
	WORK_CROWD,
	WORK_HEAP,
	N_WORKS
};
enum trial_kind {
	TRIAL_RAW,
	TRIAL_CHANNEL,
	TRIAL_DRIVER,
	TRIAL_STRATEGY,
	TRIAL_HEAP,
	N_TRIAL_KINDS
};

/** What one repeat came to, by figure; NAN: this work, or this subject, has no such figure. */
enum figure {
	/* A page is 4 KiB, whatever the map's pages are: given to the host; moved; migrated. */
	NS_PER_PAGE,
	DEFLATE_NS_PER_PAGE,
	REFAULT_NS_PER_PAGE,      /* touched again, when all of them had been released */
	REFAULT_WARM_NS_PER_PAGE, /* touched again right after their request */
	HUGE_SHARE,               /* of the memory, in huge pages before the release */
	SECONDS,
	BUSY,     /* calls that found the design's lock taken and gave up */
	AGAIN,    /* calls that were told to come again */
	MIGRATED, /* pages */
	PASSES,
	/* Of the free frames, how many can be had in blocks of this order. */
	ORDER_9_BEFORE,
	ORDER_9_AFTER,
	ORDER_10_BEFORE,
	ORDER_10_AFTER,
	/* What does the same beside the driver, and the driver's time over its. */
	REFERENCE_NS_PER_PAGE,
	TIMES_REFERENCE,
	NS_PER_PAIR, /* an allocation and its free */
	N_FIGURES,
};

struct sample {
	double figures[N_FIGURES];
};

/** What is compared, and in which setting. NULL: does not apply. */
struct labels {
	enum work work;
	enum trial_kind kind;
	const char *subject; /* unique in its round */
	const char *memory;  /* what is released: anonymous, memfd */
	const char *channel, *call, *order, *driver, *strategy;
	const char *guarantee; /* relief, while a fill is under way: busy, progress */
	const char *pattern;   /* heap: what threads do with blocks */
	int other_thread;      /* of the process: running, not running; -1: does not apply */
	int fill;              /* under way; as other_thread */
	uint32_t pages, request;
	uint32_t page_bytes;
	uint32_t host_us; /* how long the host takes for a request */
	uint32_t threads; /* heap; 0: does not apply */
};

struct plan;
struct trial;

struct trial_ops {
	/** Returns 0, or -1: nothing is left. */
	int (*open)(struct trial *trial, struct problem *problem);
	/** One repeat, checked. All figures are NAN before. Returns 0 or -1. */
	int (*repeat)(struct trial *trial, struct sample *sample, struct problem *problem);
	void (*close)(struct trial *trial);
};

struct trial {
	const struct plan *plan;
	struct labels labels;
	const struct trial_ops *ops;
	const void *how; /* of the work: constant */
	void *shared;    /* of the round */
	void *own;       /* of open() and close() */
	struct sample *samples;
	size_t n_samples;
	struct histogram recovery; /* ns, of all repeats; of the work relief alone */
};

enum { TRIALS_MAX = 64 };

struct round {
	struct trial trials[TRIALS_MAX];
	size_t n_trials;
	void *shared; /* NULL, or freed by end() */
	void (*end)(struct round *round);
};

extern const char *const work_names[N_WORKS];
extern const char *const trial_kind_names[N_TRIAL_KINDS];
extern const char *const figure_names[N_FIGURES];

/** A work's rounds: how many it has, and how each of them is made. */
struct rounds {
	size_t (*count)(const struct plan *plan);
	/** Returns 0 or -1. The trials' labels, ops, how and shared; round->shared, round->end. */
	int (*make)(const struct plan *plan, size_t number, struct round *round,
		struct problem *problem);
	const char *lacks; /* why there is none; NULL: there are some */
};
extern const struct rounds rounds_of_release, rounds_of_target, rounds_of_compaction,
	rounds_of_relief, rounds_of_cost, rounds_of_latency, rounds_of_crowd, rounds_of_heap;

/** Add a trial to a round that is made. Returns it; there is always room for all built-in ones. */
struct trial *round_add(
	struct round *round, const struct labels *labels, const struct trial_ops *ops);

/** How far all rounds have come. */
struct advance {
	uint64_t begin_ns;
	size_t n_done, n_all; /* rounds */
};

/** Open all trials, let them take turns, close them. Returns 0, -1, or 1: interrupted. */
int round_run(struct round *round, const struct plan *plan, const struct advance *advance,
	struct problem *problem);
void round_fini(struct round *round);

/** Over the repeats; all NAN if the trial has no such figure. */
struct spread trial_spread(const struct trial *trial, enum figure figure);
/** The figure that trials of this work are compared by. */
enum figure trial_time(const struct trial *trial);
/** That figure over what the reference had in the same repeat. */
struct spread trial_ratio(const struct trial *trial, const struct trial *reference);
/** In GiB a second, of NS_PER_PAGE. */
struct spread trial_rate(const struct trial *trial);

/** Say which trial failed at what. Each returns -1. */
int trial_fail(const struct trial *trial, struct problem *problem, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
int trial_fail_errno(
	const struct trial *trial, struct problem *problem, const char *call, int error);

#endif
