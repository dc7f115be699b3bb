/* SPDX-License-Identifier: MIT */
/* All repeats of one shape: subjects take turns, repeat by repeat. */
#ifndef RUN_SERIES_H
#define RUN_SERIES_H

#include "common/spread.h"
#include "run/bench.h"
#include "run/plan.h"

/** One subject's results. */
struct row {
	const struct subject *subject;
	struct sample *samples; /* in the order of the repeats */
	size_t n_samples;
	struct totals totals;
	double bytes_per_page;
};

struct series {
	struct shape shape;
	struct row *rows;
	size_t n_rows;
};

/** A figure of a sample, by where it is: offsetof(struct sample, ...). */
struct spread row_spread(const struct row *row, size_t offset);

/** ns_per_page, divided by what the reference had in the same repeat. */
struct spread row_ratio(const struct row *row, const struct row *reference);

/** The row of a subject, NULL if it has none. */
const struct row *series_find(const struct series *series, const char *name);

/** How far all shapes of a plan have come. */
struct advance {
	uint64_t begin_ns;
	size_t n_done, n_all; /* repeats */
};

void advance_init(struct advance *advance, const struct plan *plan);

/**
 * Run a shape of the plan. The series is the caller's to free with series_fini().
 * Returns 0; -1; or 1: interrupted, and the series holds the repeats that were complete.
 */
int series_run(struct series *series, const struct plan *plan, const struct shape *shape,
	struct advance *advance, struct problem *problem);
void series_fini(struct series *series);

#endif
