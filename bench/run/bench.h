/* SPDX-License-Identifier: MIT */
/*
 * One shape on its bench: subjects are opened on it, run repeat by repeat, and closed. After each
 * repeat all is counted; in the end every page has to come out again.
 */
#ifndef RUN_BENCH_H
#define RUN_BENCH_H

#include "harness/trial.h"
#include "run/worker.h"

/* A thread's hand has room for so many batches of pages. */
enum { HAND_BATCHES = 4 };

/** All that a repeat needs but its subject: shared by the trials of a round. */
struct bench {
	struct shape shape;
	struct balloon_page *pages; /* the balloon's, in the order in which they go in */
	struct balloon_page *work;  /* cycle: the same, as the threads hold them; drained pages */
	struct balloon_page *hands; /* of all workers, and what else they write all the time */
	size_t hand_stride;         /* pages from one worker's to the next one's */
	struct worker *workers;
	double seconds; /* of a repeat; 0: one round of each thread */
	bool is_pinned;
};

/** Make the bench of a round, which ends it. Returns 0 or -1. */
int bench_make(struct round *round, const struct shape *shape, double seconds, bool is_pinned);

/** trial->how is a struct subject, trial->own its instance. */
extern const struct trial_ops bench_ops;
int bench_open(struct trial *trial);
void bench_close(struct trial *trial);

/**
 * One round of the only thread, by the calling one, and begin() and end() right before and right after its work; then
 * all is checked. Returns 0 or -1.
 */
int bench_round(
	struct trial *trial, void (*begin)(struct trial *trial), void (*end)(struct trial *trial));

static inline struct bench *bench_of(const struct trial *trial)
{
	return trial->round->shared;
}

/** Run one repeat, or with 0 seconds a round of each thread. As trial_ops. */
int bench_repeat(struct trial *trial, double seconds);

/** A number that a set of pages has, and hardly any other set: order does not matter. */
uint64_t bench_fingerprint(const struct balloon_page *pages, size_t n);

#endif
