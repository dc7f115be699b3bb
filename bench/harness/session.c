/* SPDX-License-Identifier: MIT */
#include "harness/session.h"

#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/command.h"
#include "harness/output.h"
#include "harness/rows.h"

/* The command at work. */
struct work {
	const struct session *session;
	const struct workload *const *workloads;
	const struct list *chosen;
	struct output json, csv;
	json_t *rows;
	struct progress progress;
	struct round round;
	struct problem problem;
};

static bool has_tables(const struct work *work)
{
	return !output_is_stdout(&work->json) && !output_is_stdout(&work->csv);
}

static int report(struct work *work)
{
	const struct round *round = &work->round;
	size_t first = json_array_size(work->rows);
	char setting[512];
	if (rows_append(work->rows, round) < 0)
		return output_no_json(&work->problem);
	if (!has_tables(work) || json_array_size(work->rows) == first)
		return 0;
	labels_say(&round->labels, setting, sizeof setting);
	printf("%s: %s\n", round->workload->name, setting);
	rows_print(work->rows, first, round->workload->columns);
	printf("\n");
	fflush(stdout); /* the next table takes a while */
	return 0;
}

static size_t count(const struct work *work, const struct workload *workload)
{
	return workload->count ? workload->count(work->session) : workload->n_rounds;
}

/* Each returns 0, -1, or 1: interrupted. */

static int run_round(struct work *work, const struct workload *workload, size_t number)
{
	int result = round_make(&work->round, workload, work->session, work->session->n_repeats,
		number, &work->problem);
	if (result == 0)
		result = round_run(&work->round, &work->progress);
	if (result >= 0 && report(work) < 0)
		result = -1;
	round_fini(&work->round);
	work->progress.n_done++;
	return result;
}

static int run_rounds(struct work *work)
{
	int result = 0;
	work->progress.begin_ns = now_ns();
	for (size_t i = 0; i < work->chosen->n; i++) {
		const struct workload *workload = work->workloads[work->chosen->at[i]];
		work->progress.n_all += count(work, workload);
		if (workload->lacks && has_tables(work)) /* a file says it by having no results */
			printf("%s: not measured, %s\n\n", workload->name, workload->lacks);
	}
	for (size_t i = 0; i < work->chosen->n; i++) {
		const struct workload *workload = work->workloads[work->chosen->at[i]];
		size_t n = count(work, workload);
		for (size_t k = 0; k < n && result == 0; k++)
			result = run_round(work, workload, k);
	}
	return result;
}

static int write_files(struct work *work, bool is_complete, json_t *subjects)
{
	if (work->csv.file && rows_csv(work->rows, work->csv.file) < 0)
		return problem_no_memory(&work->problem);
	if (output_commit(&work->csv, &work->problem) < 0)
		return -1;
	if (!work->json.file)
		return 0;
	return output_json(&work->json,
		json_pack("{s:o, s:b, s:O*, s:O}", "machine",
			machine_json(work->session->is_pinned), "complete", is_complete, "subjects",
			subjects, "results", work->rows),
		&work->problem);
}

static int run(struct work *work, json_t *subjects)
{
	if (output_open(&work->json, work->session->json_path, &work->problem) < 0 ||
		output_open(&work->csv, work->session->csv_path, &work->problem) < 0)
		return -1;
	work->rows = json_array();
	if (!work->rows)
		return problem_no_memory(&work->problem);
	int result = run_rounds(work);
	if (result >= 0 && write_files(work, result == 0, subjects) < 0)
		result = -1;
	return result;
}

/* ---- What there is to choose ------------------------------------------------------------------ */

const char *const *workloads_names(const struct workload *const *workloads)
{
	static const char *names[LIST_MAX + 1];
	for (size_t i = 0; workloads[i]; i++)
		names[i] = workloads[i]->name;
	return names;
}

const char *workloads_about(const struct workload *const *workloads)
{
	static char text[4096] = "what is measured:";
	for (size_t i = 0; workloads[i]; i++) {
		size_t n = strlen(text);
		snprintf(text + n, sizeof text - n, "\n%s: %s", workloads[i]->name,
			workloads[i]->about);
	}
	return text;
}

/* ---- The session ----------------------------------------------------------------------------- */

static bool is_stdout(const char *path)
{
	return path && strcmp(path, "-") == 0;
}

int session_run(const void *plan, const struct workload *const *workloads,
	const struct list *chosen, json_t *subjects)
{
	static struct work work; /* too large for a stack */
	work.session = plan;
	work.workloads = workloads;
	work.chosen = chosen;
	if (is_stdout(work.session->json_path) && is_stdout(work.session->csv_path)) {
		json_decref(subjects);
		return usage_error("JSON and CSV cannot both go to the standard output");
	}
	interrupt_watch();
	int result = run(&work, subjects);
	json_decref(subjects);
	json_decref(work.rows);
	output_close(&work.json);
	output_close(&work.csv);
	if (result < 0)
		return failure(&work.problem);
	if (result > 0)
		fputs("balloon-bench: interrupted: the results are partial\n", stderr);
	return result > 0 ? EXIT_INTERRUPTED : 0;
}
