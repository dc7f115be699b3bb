/* SPDX-License-Identifier: MIT */
/* balloon-bench run */
#include <stdio.h>

#include "common/command.h"
#include "harness/rows.h"
#include "run/bench.h"
#include "run/plan.h"

/* ---- Workloads ------------------------------------------------------------------------------- */

static const struct column columns[] = {COLUMNS_OF("ns/page", "ns_per_page"),
	{"x list", "ratio/floor-list", "%.2f", 0}, {"x lock", "ratio/floor-lock", "%.2f", 0},
	{"fairness", "fairness", "%.2f", 0}, {"CPU s/M", "cpu_s_per_million_pages", "%.4f", 0},
	{"waits", "contended_per_page", "%.3g", 0}, {"bytes", "bytes_per_page", NULL, 0},
	{"isolated %", "success_rate", "%.1f", 100},
	{"dequeue p50 ns", "dequeue_ns/p50", "%.0f", 0}, {"p99", "dequeue_ns/p99", "%.0f", 0},
	{"p99.9", "dequeue_ns/p99.9", "%.0f", 0}, {"max", "dequeue_ns/max", "%.0f", 0},
	{"isolate p50 ns", "isolate_ns/p50", "%.0f", 0}, {"p99", "isolate_ns/p99", "%.0f", 0},
	{"p99.9", "isolate_ns/p99.9", "%.0f", 0}, {"max", "isolate_ns/max", "%.0f", 0}, NO_COLUMN};

static int make(struct round *round, size_t number);

/* A row for each, in the order of enum work; what a row is about is a loop in loops.h. */
#define WORKLOAD(name, about)                                                                      \
	{                                                                                          \
		name, about, "ns_per_page", columns, run_n_shapes, make, NULL, 0                   \
	}
static const struct workload rows_of_work[N_WORKLOADS] = {
	WORKLOAD("cycle", "insert n pages, then dequeue n (default)"),
	WORKLOAD("churn", "each thread dequeues a batch and inserts it again"),
	WORKLOAD("scan",
		"half of the threads churn, the others isolate what they find and put it back"),
	WORKLOAD("migrate", "the same, with a new page in place of each one found"),
	WORKLOAD("multi", "churn, on several devices of one map"),
	WORKLOAD("mixed", "all of these at random"),
};
static const struct workload *const workloads[] = {&rows_of_work[WORKLOAD_CYCLE],
	&rows_of_work[WORKLOAD_CHURN], &rows_of_work[WORKLOAD_SCAN],
	&rows_of_work[WORKLOAD_MIGRATE], &rows_of_work[WORKLOAD_MULTI],
	&rows_of_work[WORKLOAD_MIXED], NULL};

static int make(struct round *round, size_t number)
{
	const struct run_plan *plan = round->plan;
	const struct shape shape =
		run_shape(plan, (enum work)(round->workload - rows_of_work), number);
	round->labels = run_labels(&shape);
	run_add(round, &shape, &bench_ops);
	return bench_make(round, &shape, plan->seconds, plan->session.is_pinned);
}

/* ---- Options --------------------------------------------------------------------------------- */

static int check(const struct run_plan *plan)
{
	if (plan->mix.n != 4 || plan->mix.at[0] == 0 || plan->mix.at[1] == 0)
		return usage_error("--mix: not four shares, FILL,LEAK,SCAN,MIGRATE, of which FILL "
				   "and LEAK are more than 0");
	for (size_t i = 0; i < plan->workloads.n * run_n_shapes(plan); i++) {
		struct shape shape =
			run_shape(plan, (enum work)plan->workloads.at[i % plan->workloads.n],
				i / plan->workloads.n);
		if (shape.n_pages < shape.n_threads || shape.n_pages < shape.n_devices)
			return usage_error("run: fewer pages than threads or devices");
		if ((uint64_t)shape.n_threads * shape.batch > RUN_PAGES_MAX)
			return usage_error("run: threads times batch is more than %d pages",
				(int)RUN_PAGES_MAX);
	}
	return 0;
}

#define AT(member) offsetof(struct run_plan, member)

static int read_options(struct run_plan *plan, int argc, char **argv)
{
	const struct option_row rows[] = {
		{"workload", "LIST", workloads_about(workloads), OPTION_NAMES, AT(workloads), 1, 0,
			workloads_names(workloads), .what = "workload"},
		{"strategy", "LIST", "these strategies; all (default): every built-in one",
			OPTION_NAMES, AT(strategies), 1, 0, strategy_names(), .what = "strategy"},
		{"reference", "LIST", "these references; all (default) that were built; none",
			OPTION_NAMES, AT(references), 0, 0, reference_names(), .what = "reference"},
		{"pages", "LIST", "pages of the balloon, 1 to 1024M (default 4096)", OPTION_NUMBERS,
			AT(pages), 1, .max = RUN_PAGES_MAX},
		{"batch", "LIST", "pages a call, 1 to 1M (default 1,256)", OPTION_NUMBERS,
			AT(batches), 1, .max = RUN_BATCH_MAX},
		{"threads", "LIST", "threads, 1 to 1024 (default 1)", OPTION_NUMBERS, AT(threads),
			1, .max = RUN_THREADS_MAX},
		{"order", "LIST",
			"sequential (default): the pages' order on the list is that in memory; random, "
			"again before each round: as in a balloon that has lived for a while",
			OPTION_NAMES, AT(orders), 1, 0, order_names, .what = "order"},
		{"devices", "N", "devices of the workload multi, 1 to 1024 (default 4)",
			OPTION_NUMBER, AT(n_devices), 1, .max = RUN_DEVICES_MAX},
		{"mix", "F,L,S,M",
			"shares of filling, leaking, scanning, migrating in the workload mixed (default "
			"40,40,15,5)",
			OPTION_NUMBERS, AT(mix), 0, .max = 1000000},
		{"seconds", "S",
			"length of a repeat (default 0.05), after which each thread ends the round that "
			"it is in",
			OPTION_SECONDS, AT(seconds), 0, .max = 3600},
		OPTION_REPEAT(run_plan, 15),
		{"pin", NULL, "keep each thread on one processor", OPTION_FLAG,
			AT(session.is_pinned), 0, .max = 0},
		OPTION_JSON(run_plan), OPTION_CSV(run_plan)};
	const struct options options = {.command = "balloon-bench run",
		.about =
			"Run workloads through strategies and references, in turns, and time them. "
			"Counts are verified after every repeat, pages and memory maps in the end. "
			"Every LIST is joined by commas; all combinations are run. A number may end "
			"in K or M."
			"\n" ABOUT_INTERRUPTS,
		.after =
			"ns/page: wall time, over all threads together, for a page to go out and come "
			"in again (dequeued and inserted, or isolated and put back), the median of "
			"all repeats. x list, x lock: as a multiple of what floor-list and floor-lock "
			"needed in the same repeat. fairness: what the slowest thread did for the "
			"fastest's one. waits: locks found taken, a page. bytes: of state, a page.",
		.rows = rows,
		.n_rows = sizeof rows / sizeof rows[0]};
	int status = options_read(&options, argc, argv, plan);
	if (status != COMMAND_LINE_GO_ON)
		return status;
	status = check(plan);
	return status == 0 ? COMMAND_LINE_GO_ON : status;
}

/* ---- The command ----------------------------------------------------------------------------- */

int command_run(int argc, char **argv)
{
	static struct run_plan plan;
	run_plan_init(&plan);
	int status = read_options(&plan, argc, argv);
	if (status != COMMAND_LINE_GO_ON)
		return status;
	run_plan_subjects(&plan);
	json_t *subjects = json_array();
	for (size_t i = 0; i < plan.n_subjects; i++)
		subjects = array_with(subjects, subject_json(&plan.subjects[i]));
	return session_run(&plan, workloads, &plan.workloads, subjects);
}
