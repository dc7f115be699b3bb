/* SPDX-License-Identifier: MIT */
/* What `balloon-bench run` and `count` are asked to do. */
#ifndef RUN_PLAN_H
#define RUN_PLAN_H

#include "harness/session.h"
#include "run/subject.h"

enum {
	RUN_SUBJECTS_MAX = TRIALS_MAX,
	RUN_THREADS_MAX = 1024,
	RUN_DEVICES_MAX = 1024,
	RUN_BATCH_MAX = 1 << 20,
	RUN_PAGES_MAX = 1 << 30,
};

struct run_plan {
	struct session session;
	struct subject subjects[RUN_SUBJECTS_MAX]; /* strategies, then references */
	size_t n_subjects;
	struct list strategies, references; /* by number */
	struct list workloads, orders;      /* enum work, enum order */
	struct list pages, batches, threads;
	struct list mix;    /* shares, as struct mix has them */
	uint32_t n_devices; /* of the workload multi */
	double seconds;     /* of one repeat */
};

/** What is run if nothing is asked for: of all options, the defaults. */
void run_plan_init(struct run_plan *plan);

/** After the options have been read. */
void run_plan_subjects(struct run_plan *plan);

/** How many shapes a workload has, and each of them, by its number. */
size_t run_n_shapes(const void *plan);
struct shape run_shape(const struct run_plan *plan, enum work work, size_t number);

/** The labels of a round of this shape. */
struct labels run_labels(const struct shape *shape);

/** Add a trial to a round for each subject of its plan that can do the shape. */
void run_add(struct round *round, const struct shape *shape, const struct trial_ops *ops);

/** What a subject is. NULL: no memory. */
json_t *subject_json(const struct subject *subject);

/** The references' names; NULL after the last. */
const char *const *reference_names(void);

#endif
