/* SPDX-License-Identifier: MIT */
/*
 * One shape on its bench: subjects are opened on it, run repeat by repeat, and closed. After each
 * repeat all is counted; in the end every page has to come out again.
 */
#ifndef RUN_BENCH_H
#define RUN_BENCH_H

#include "common/problem.h"
#include "run/worker.h"

/* A thread's hand has room for so many batches of pages. */
enum { HAND_BATCHES = 4 };

/** What one repeat came to. */
struct sample {
	double ns_per_page;
	double fairness; /* of the threads with one role, what the slowest did for the fastest's one */
	double cpu_s_per_million_pages;
	double contended_per_page; /* locks found taken */
	double success_rate;       /* of the pages that somebody tried to isolate */
};

/** What all repeats of one subject came to together. */
struct totals {
	uint64_t n_attempts, n_isolated;
	struct histogram dequeue, isolate;
};

/** All that a repeat needs but its subject: made once for a shape. */
struct bench {
	struct shape shape;
	struct balloon_page *pages; /* the balloon's, in the order in which they go in */
	struct balloon_page *work;  /* cycle: the same, as the threads hold them; drained pages */
	struct balloon_page *hands; /* of all workers, and what else they write all the time */
	size_t hand_stride;         /* pages from one worker's to the next one's */
	struct worker *workers;
	bool is_pinned;
};

/** Returns 0 and the caller calls bench_fini(); or -1. */
int bench_init(
	struct bench *bench, const struct shape *shape, bool is_pinned, struct problem *problem);
void bench_fini(struct bench *bench);

/** Make an instance and bring it into the state in which a repeat begins. Returns 0 or -1. */
int bench_open(struct bench *bench, struct instance *instance, const struct subject *subject,
	struct problem *problem);

/** Hold it against what went in: each page comes out once, and the map is valid. Returns 0 or -1. */
int bench_check(struct bench *bench, struct instance *instance, struct problem *problem);

/** Release it, with whatever is in it. */
void bench_close(struct instance *instance);

/**
 * Run and check one repeat. seconds: how long; 0: one round of each thread. is_interrupted: asked
 * now and then; true ends it early. Returns 0, -1, or 1: it was interrupted, and does not count.
 */
int bench_repeat(struct bench *bench, struct instance *instance, double seconds,
	bool (*is_interrupted)(void), struct sample *sample, struct totals *totals,
	struct problem *problem);

/** What is to be called right before and right after the work of a round. */
struct bracket {
	void (*begin)(void *context);
	void (*end)(void *context);
	void *context;
};

/** One round of the only thread, by the calling one; then all is checked. Returns 0 or -1. */
int bench_round(struct bench *bench, struct instance *instance, const struct bracket *bracket,
	struct problem *problem);

/** Say which subject failed at what. Each returns -1. */
int bench_fail(struct problem *problem, const struct instance *instance, const char *what);
int bench_fail_errno(
	struct problem *problem, const struct instance *instance, const char *call, int error);

/** A number that a set of pages has, and hardly any other set: order does not matter. */
uint64_t bench_fingerprint(const struct balloon_page *pages, size_t n);

#endif
