/* SPDX-License-Identifier: MIT */
/* What `balloon-bench run` is asked to do: its options. */
#ifndef RUN_PLAN_H
#define RUN_PLAN_H

#include "common/values.h"
#include "run/subject.h"

enum {
	RUN_SUBJECTS_MAX = 128,
	RUN_REPEATS_MAX = 10000,
	RUN_THREADS_MAX = 1024,
	RUN_DEVICES_MAX = 1024,
	RUN_BATCH_MAX = 1 << 20,
	RUN_PAGES_MAX = 1 << 30,
};

struct plan {
	struct subject subjects[RUN_SUBJECTS_MAX]; /* strategies, then references */
	size_t n_subjects;
	enum workload workloads[N_WORKLOADS];
	size_t n_workloads;
	enum order orders[N_ORDERS];
	size_t n_orders;
	struct numbers pages, batches, threads;
	unsigned n_devices; /* of the workload multi */
	struct mix mix;
	double seconds; /* of one repeat */
	size_t n_repeats;
	bool is_pinned;
	const char *json_path, *csv_path; /* NULL: none */
};

/** What is run if nothing is asked for: of all options, the defaults. */
void plan_init(struct plan *plan);

/** Strings stay the caller's. Returns 0, or the exit status after a wrong usage. */
int plan_parse_run(struct plan *plan, int argc, char **argv);

/** How many shapes there are to run, and each of them, by its number. */
size_t plan_n_shapes(const struct plan *plan);
struct shape plan_shape(const struct plan *plan, size_t number);

#endif
