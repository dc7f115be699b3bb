/* SPDX-License-Identifier: MIT */
/*
 * What is measured: trials, each a subject at a workload. Those that are compared form a round: they live at once and
 * take turns, repeat by repeat, so that a noisy moment of the machine hits all of them.
 *
 * Each repeat checks what it did, and notes figures by their names. A trial that did not do its work ends the command.
 */
#ifndef HARNESS_TRIAL_H
#define HARNESS_TRIAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/problem.h"
#include "harness/histogram.h"

enum { LABELS_MAX = 20, FIGURES_MAX = 16, DURATIONS_MAX = 2, TRIALS_MAX = 128 };

/** Of a setting, or of a subject in it. Names and texts stay their owner's. */
struct label {
	const char *name;
	const char *text; /* NULL: a number */
	uint64_t number;
	bool is_flag; /* the number is true or false */
};

/** Ends with an empty one. */
struct labels {
	struct label at[LABELS_MAX + 1];
};

struct trial;
struct round;

/** What every trial of a kind does. All say what is wrong by trial_fail(). */
struct trial_ops {
	/** Of trial->own: zeros, on cache lines of its own, while the trial is open. */
	size_t own_bytes;
	/** NULL: nothing to open. Returns 0, or -1: nothing is left. */
	int (*open)(struct trial *trial);
	/** A repeat that nobody counts, so that memory has been touched. NULL: none. */
	int (*warm_up)(struct trial *trial);
	/** One repeat, checked. Returns 0; -1; or 1: it was interrupted, and does not count. */
	int (*repeat)(struct trial *trial);
	/** Hold everything against everything, after the last repeat. NULL: nothing to hold. Returns 0 or -1. */
	int (*check)(struct trial *trial);
	/** NULL: nothing to close. */
	void (*close)(struct trial *trial);
};

/** What the repeats came to; NAN: not in that one. */
struct figure {
	const char *name;
	double *values;
};

/** Single calls of all repeats together, in ns. */
struct durations {
	const char *name;
	struct histogram histogram;
};

struct trial {
	struct round *round;
	const char *subject, *kind;
	struct labels labels; /* the round's, and its own */
	const struct trial_ops *ops;
	const void *how; /* of the workload: constant */
	void *own;
	size_t n_repeats;
	struct figure figures[FIGURES_MAX];
	double *values;
	struct durations durations[DURATIONS_MAX];
};

/** One row of a command's table of workloads. */
struct workload {
	const char *name, *about; /* as --help says it */
	const char *time; /* the figure that is compared: ratios are of it; NULL: there are none */
	const struct column *columns;
	/** How many rounds there are. NULL: as many as the last member says. */
	size_t (*count)(const void *plan);
	/** Make one of them: its labels, its trials. What it leaves out has no trials. Returns 0 or -1. */
	int (*make)(struct round *round, size_t number);
	const char *lacks; /* why it has no rounds; NULL: it has some */
	size_t n_rounds;
};

struct round {
	const struct workload *workload;
	const void *plan;
	uint32_t n_repeats;
	struct labels labels;
	struct trial trials[TRIALS_MAX];
	size_t n_trials;
	void *shared;                     /* by the trials; freed with the round */
	void (*end)(struct round *round); /* NULL, or ends what is in there */
	struct problem *problem;
};

/** How far all rounds have come. */
struct progress {
	uint64_t begin_ns;
	size_t n_done, n_all;
};

/** Begin a round; make() does the rest. Returns 0 or -1. */
int round_make(struct round *round, const struct workload *workload, const void *plan,
	uint32_t n_repeats, size_t number, struct problem *problem);

/** Add a trial with the round's labels. Returns it; there is always room for all built-in subjects. */
struct trial *round_add(struct round *round, const char *subject, const char *kind,
	const struct trial_ops *ops, const void *how);

/**
 * Open all trials, let them take turns, check them, close them. progress: what is shown meanwhile; NULL: nothing.
 * Returns 0; -1; or 1: interrupted, and the trials hold the repeats that were complete.
 */
int round_run(struct round *round, const struct progress *progress);

/** Give a round zeros to share. Returns them; NULL, after saying so: no memory. */
void *round_share(struct round *round, size_t n_bytes);

/**
 * From now on the first interrupt (Ctrl-C) is noted, and ends a measurement between two repeats; the second one ends
 * the program at once.
 */
void interrupt_watch(void);
bool is_interrupted(void);

/** May follow a round_make() that failed. */
void round_fini(struct round *round);

/** A label more. text: NULL: it does not apply. */
void trial_label(struct trial *trial, const char *name, const char *text);

/** The label of this name; an empty one, 0 and without text, where it does not apply. */
const struct label *label_of(const struct trial *trial, const char *name);

/** Say the labels in one line. */
void labels_say(const struct labels *labels, char *text, size_t size);

/** Note a figure of the present repeat. name: stays the caller's. */
void trial_note(struct trial *trial, const char *name, double value);

/** Where the repeats of a trial put durations of single calls. */
struct histogram *trial_durations(struct trial *trial, const char *name);

/** Say which trial failed at what. Returns -1. */
int trial_fail(const struct trial *trial, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/** The same, with its reason, if a call's result is a negative errno. Returns 0 or -1. */
int trial_expect(const struct trial *trial, const char *call, int result);

#endif
