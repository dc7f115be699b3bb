/* SPDX-License-Identifier: MIT */
/* balloon-bench run */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/command.h"
#include "common/interrupt.h"
#include "common/machine.h"
#include "common/output.h"
#include "common/progress.h"
#include "run/results.h"

/* The command at work. */
struct work {
	struct plan plan;
	struct output json, csv;
	json_t *results; /* for the file; NULL: none is wanted */
	struct problem problem;
};

static int report(struct work *work, const struct series *series)
{
	if (!output_is_stdout(&work->json) && !output_is_stdout(&work->csv))
		series_print(series);
	if (work->csv.file)
		series_csv(work->csv.file, &work->plan, series);
	if (work->results && series_append(work->results, series) < 0)
		return output_no_json(&work->problem);
	return 0;
}

/* Returns 0, -1, or 1: interrupted. */
static int run_shapes(struct work *work)
{
	struct advance advance;
	int result = 0;
	advance_init(&advance, &work->plan);
	for (size_t i = 0; i < plan_n_shapes(&work->plan) && result == 0; i++) {
		struct shape shape = plan_shape(&work->plan, i);
		struct series series;
		result = series_run(&series, &work->plan, &shape, &advance, &work->problem);
		if (result >= 0 && report(work, &series) < 0)
			result = -1;
		series_fini(&series);
	}
	return result;
}

static int write_files(struct work *work, bool is_complete)
{
	if (output_commit(&work->csv, &work->problem) < 0)
		return -1;
	if (!work->results)
		return 0;
	return output_json(&work->json,
		json_pack("{s:o, s:b, s:f, s:o, s:O}", "machine",
			machine_json(work->plan.is_pinned), "complete", is_complete, "seconds",
			work->plan.seconds, "subjects", subjects_json(&work->plan), "results",
			work->results),
		&work->problem);
}

/* Returns 0, -1, or 1: interrupted, and what there was is written. */
static int run(struct work *work)
{
	if (output_open(&work->json, work->plan.json_path, &work->problem) < 0 ||
		output_open(&work->csv, work->plan.csv_path, &work->problem) < 0)
		return -1;
	if (work->json.file && !(work->results = json_array()))
		return problem_no_memory(&work->problem);
	if (work->csv.file)
		series_csv_header(work->csv.file, &work->plan);
	int result = run_shapes(work);
	if (result >= 0 && write_files(work, result == 0) < 0)
		result = -1;
	return result;
}

int command_run(int argc, char **argv)
{
	static struct work work;
	int status = plan_parse_run(&work.plan, argc, argv);
	if (status != COMMAND_LINE_GO_ON)
		return status;
	interrupt_watch();
	int result = run(&work);
	json_decref(work.results);
	output_close(&work.json);
	output_close(&work.csv);
	if (result < 0)
		return failure(&work.problem);
	return result > 0 ? interrupted_exit() : 0;
}
