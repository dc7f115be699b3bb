/* SPDX-License-Identifier: MIT */
/*
 * What is reported: the rows and counts of all files, and what was measured.
 *
 * Texts belong to the documents, which live as long as the model. A number that is not known is
 * NAN.
 */
#ifndef REPORT_MODEL_H
#define REPORT_MODEL_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/problem.h"
#include "common/spread.h"

enum kind { KIND_STRATEGY, KIND_FLOOR, KIND_PEER, N_KINDS };

/** What was done, whoever did it. */
struct setup {
	const char *workload, *order;
	unsigned long threads, batch, pages, devices;
	unsigned long
		mix[4]; /* shares of filling, leaking, scanning, migrating; 0: no such workload */
};

struct ratio {
	const char *to; /* a reference's name */
	struct spread times;
};

struct latency {
	double samples, p50, p99, p99_9, max; /* nanoseconds */
	const json_t *histogram; /* pairs of upper bound and count, bounds ascend; NULL: none */
};

/** A result of `balloon-bench run`. */
struct row {
	const char *subject;
	enum kind kind;
	struct setup setup;
	unsigned long n_repeats;
	struct spread ns; /* a page, out and in again */
	struct ratio *ratios;
	size_t n_ratios;
	struct spread fairness, cpu, contended, success;
	double bytes_per_page, attempts, isolated;
	struct latency dequeue, isolate;
	size_t input;
};

/** A result of `balloon-bench count`: a page's. */
struct count {
	const char *subject;
	struct setup setup;
	double atomics, instructions, l1_misses, ll_misses;
};

/** What was measured of the system around the pages: flags are -1 where they do not apply. */
struct trial_setup {
	const char *workload, *subject;
	/* NULL: does not apply. */
	const char *memory, *channel, *call, *order, *driver, *strategy, *pattern;
	int other_thread, fill;
	unsigned long pages, page_bytes, request, host_us, threads;
};

enum trial_kind {
	TRIAL_RAW,
	TRIAL_CHANNEL,
	TRIAL_DRIVER,
	TRIAL_STRATEGY,
	TRIAL_HEAP,
	N_TRIAL_KINDS
};

/** A result of `balloon-bench system`. */
struct trial {
	struct trial_setup setup;
	enum trial_kind kind;
	const char *guarantee; /* NULL: none */
	unsigned long n_repeats;
	struct spread ns; /* a page, or an allocation and its free */
	struct spread rate, deflate, refault, refault_warm;
	struct spread reference, times_reference; /* of what did the same beside it */
	struct spread huge_share, seconds, busy, again, migrated, passes;
	struct spread order_9_before, order_9_after, order_10_before, order_10_after;
	struct latency recovery;
	struct ratio *ratios;
	size_t n_ratios;
	size_t input;
};

struct subject {
	const char *name;
	enum kind kind;
	const char *what, *lacks; /* NULL: not known, nothing */
};

struct machine {
	const char *cpu, *kernel, *compiler, *library, *date; /* NULL: not known */
	unsigned long cores;                                  /* 0: not known */
	bool is_pinned;
};

/** A file. */
struct input {
	const char *path;
	json_t *document;
	struct machine machine;
	bool is_complete;
	double seconds; /* a repeat's length */
	size_t n_rows, n_counts, n_trials;
	size_t n_replaced; /* rows, of any file, that rows of this one took the place of */
};

struct model {
	struct input *inputs;
	struct row *rows;
	struct count *counts;
	struct trial *trials;
	struct subject *subjects; /* strategies, floors, peers, each in the files' order */
	size_t n_inputs, n_rows, n_counts, n_trials, n_subjects;
};

/** Read all files. Returns 0 or -1; the model is to be released in either case. */
int model_load(struct model *model, char **paths, size_t n_paths, struct problem *problem);

void model_fini(struct model *model);

/** Put a row in, which it takes over: it replaces one of the same setup. Returns 0 or -1. */
int model_add_row(struct model *model, const struct row *row, struct problem *problem);

/** Put a count in; what is not known of it stays what an earlier file said. Returns 0 or -1. */
int model_add_count(struct model *model, const struct count *count, struct problem *problem);

/** Put a trial in, as a row. */
int model_add_trial(struct model *model, const struct trial *trial, struct problem *problem);

/** Put a subject in, unless there is one of that name. Returns 0 or -1. */
int model_add_subject(struct model *model, const struct subject *subject, struct problem *problem);

/** NULL: there is none. */
const struct row *model_row(
	const struct model *model, const char *subject, const struct setup *setup);
const struct count *model_count(
	const struct model *model, const char *subject, const struct setup *setup);
const struct subject *model_subject(const struct model *model, const char *name);

bool setup_equals(const struct setup *a, const struct setup *b);

/** Read what a file says into the model. Returns 0 or -1. */
int input_load(struct model *model, struct input *input, struct problem *problem);

#endif
