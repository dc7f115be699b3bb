/* SPDX-License-Identifier: MIT */
#include "run/series.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/interrupt.h"
#include "common/progress.h"

/* ---- Progress ------------------------------------------------------------------------------- */

void advance_init(struct advance *advance, const struct plan *plan)
{
	*advance = (struct advance){.begin_ns = now_ns()};
	for (size_t i = 0; i < plan_n_shapes(plan); i++) {
		struct shape shape = plan_shape(plan, i);
		for (size_t k = 0; k < plan->n_subjects; k++)
			if (subject_can(&plan->subjects[k], &shape))
				advance->n_all += plan->n_repeats;
	}
}

/* Time left, from how long the repeats so far took. */
static void show(const struct plan *plan, const struct shape *shape, const struct row *row,
	const struct advance *advance)
{
	char left[64] = "";
	double elapsed_s = (double)(now_ns() - advance->begin_ns) / 1e9;
	if (advance->n_done > 0)
		snprintf(left, sizeof left, ", about %.0f s left",
			elapsed_s / (double)advance->n_done *
				(double)(advance->n_all - advance->n_done));
	progress_show("%s, %u threads, batches of %" PRIu32 ", %" PRIu32
		      " pages: repeat %zu of %zu, %s%s",
		workload_names[shape->workload], shape->n_threads, shape->batch, shape->n_pages,
		row->n_samples + 1, plan->n_repeats, row->subject->name, left);
}

/* ---- Repeats -------------------------------------------------------------------------------- */

struct turns {
	const struct plan *plan;
	struct series *series;
	struct bench bench;
	struct instance *instances; /* of the rows */
	struct advance *advance;
	struct problem *problem;
};

/* A round that nobody counts, so that memory has been touched. Returns 0, -1, or 1: interrupted. */
static int warm_up(struct turns *turns, size_t row)
{
	struct sample sample;
	static struct totals totals;
	return bench_repeat(&turns->bench, &turns->instances[row], 0, is_interrupted, &sample,
		&totals, turns->problem);
}

/* Returns 0, -1, or 1: interrupted. */
static int take_turn(struct turns *turns, size_t i)
{
	struct row *row = &turns->series->rows[i];
	show(turns->plan, &turns->series->shape, row, turns->advance);
	int result = bench_repeat(&turns->bench, &turns->instances[i], turns->plan->seconds,
		is_interrupted, &row->samples[row->n_samples], &row->totals, turns->problem);
	progress_hide();
	row->n_samples += result == 0;
	turns->advance->n_done++;
	return result;
}

static int take_turns(struct turns *turns)
{
	const size_t n_rows = turns->series->n_rows;
	int result = 0;
	for (size_t i = 0; i < n_rows && result == 0; i++)
		result = warm_up(turns, i);
	for (size_t repeat = 0; repeat < turns->plan->n_repeats; repeat++)
		for (size_t i = 0; i < n_rows && result == 0; i++)
			result = take_turn(turns, i);
	return result;
}

/* All instances live at once: a noisy moment of the machine hits all subjects. */
static int run_instances(struct turns *turns)
{
	struct series *series = turns->series;
	size_t n = 0;
	int result = 0;
	for (; n < series->n_rows && result == 0; n += result == 0)
		result = bench_open(&turns->bench, &turns->instances[n], series->rows[n].subject,
			turns->problem);
	if (result == 0)
		result = take_turns(turns);
	for (size_t i = 0; i < n && result >= 0; i++) {
		series->rows[i].bytes_per_page = turns->instances[i].bytes_per_page;
		if (bench_check(&turns->bench, &turns->instances[i], turns->problem) < 0)
			result = -1;
	}
	while (n > 0)
		bench_close(&turns->instances[--n]);
	return result;
}

static int make_rows(struct series *series, const struct plan *plan)
{
	series->rows = calloc(plan->n_subjects, sizeof *series->rows);
	if (!series->rows)
		return -1;
	for (size_t i = 0; i < plan->n_subjects; i++) {
		if (!subject_can(&plan->subjects[i], &series->shape))
			continue;
		struct row *row = &series->rows[series->n_rows++];
		row->subject = &plan->subjects[i];
		row->samples = calloc(plan->n_repeats, sizeof *row->samples);
		if (!row->samples)
			return -1;
	}
	return 0;
}

int series_run(struct series *series, const struct plan *plan, const struct shape *shape,
	struct advance *advance, struct problem *problem)
{
	struct turns turns = {
		.plan = plan, .series = series, .advance = advance, .problem = problem};
	*series = (struct series){.shape = *shape};
	int result = -1;
	if (make_rows(series, plan) < 0 ||
		!(turns.instances = calloc(series->n_rows + 1, sizeof *turns.instances)))
		problem_no_memory(problem);
	else if (bench_init(&turns.bench, shape, plan->is_pinned, problem) == 0) {
		result = run_instances(&turns);
		bench_fini(&turns.bench);
	}
	free(turns.instances);
	if (result < 0)
		series_fini(series);
	return result;
}

void series_fini(struct series *series)
{
	for (size_t i = 0; series->rows && i < series->n_rows; i++)
		free(series->rows[i].samples);
	free(series->rows);
	*series = (struct series){0};
}
