/* SPDX-License-Identifier: MIT */
#ifndef REPORT_GOALS_H
#define REPORT_GOALS_H

#include "report/select.h"

enum { TARGETS_MAX = 8 };

/** A figure to beat. */
struct target {
	const char *what; /* NULL: there are no more */
	const char *to;   /* a reference of the same run; goal_fairness; NULL: neither */
	double figure; /* ns a page, out and in; or times the reference's; or fairness, at least */
};

/** What a target can be about instead of time: the slowest thread over the fastest. */
extern const char goal_fairness[];

struct goal {
	const char *id, *work;
	struct setup setup;
	struct target targets[TARGETS_MAX];
};

/** NULL: there are no more. */
const struct goal *goal_at(size_t index);

/** The fastest strategy at this work; NULL: not measured. */
const struct row *goal_best(const struct model *model, const struct goal *goal);

/** NAN: not known, or not measured. */
struct attainment {
	double figure, reached;
	double times; /* how many times better than the figure; 1 and above: the goal is reached */
};

struct attainment target_attain(
	const struct model *model, const struct target *target, const struct row *best);

/* ---- Of the system around the pages ---------------------------------------------------------- */

struct system_target {
	const char *what; /* NULL: there are no more */
	const char *to;   /* a raw reference of the same run; NULL: none */
	double figure;    /* ns a page; or times the reference's */
	double more_ns;   /* a page, on top */
};

/** About a release. */
struct system_goal {
	const char *id, *work;
	enum trial_kind kind;
	const char *order;
	bool other_thread;
	struct system_target targets[TARGETS_MAX];
};

/** NULL: there are no more. */
const struct system_goal *system_goal_at(size_t index);

/** The fastest of its kind; NULL: not measured. */
const struct trial *system_goal_best(const struct model *model, const struct system_goal *goal);

struct attainment system_target_attain(
	const struct system_target *target, const struct trial *best);

/* ---- Of heaps -------------------------------------------------------------------------------- */

/** What a heap takes at most, whatever threads do with it. */
struct heap_goal {
	const char *id, *work;
	const char *subjects[2]; /* whose goal it is; NULL: there are no more */
	bool is_large;           /* of blocks that no thread cache takes */
	const char *what, *to;   /* a reference of the same run */
	double times;            /* its time */
};

/** NULL: there are no more. */
const struct heap_goal *heap_goal_at(size_t index);

/** Is this trial to reach it? */
bool heap_goal_is_for(const struct heap_goal *goal, const struct trial *trial);

/** The one that takes most of its reference's time; NULL: not measured. */
const struct trial *heap_goal_worst(const struct model *model, const struct heap_goal *goal);

struct attainment heap_goal_attain(const struct heap_goal *goal, const struct trial *trial);

/** Of all goals that are this trial's; NAN: there is none. */
double heap_trial_attain(const struct trial *trial);

#endif
