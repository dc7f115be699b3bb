/* SPDX-License-Identifier: MIT */
/* balloon-bench count */
#include <string.h>

#include <balloon/sync.h>

#include "common/command.h"
#include "count/count.h"
#include "harness/rows.h"
#include "run/plan.h"

static void nothing(struct trial *trial)
{
	(void)trial;
}

int count_warm_up(struct trial *trial)
{
	return bench_round(trial, nothing, nothing);
}

#ifdef BALLOON_COUNTING

static uint64_t n_before;

static void begin(struct trial *trial)
{
	(void)trial;
	n_before = balloon_count_atomics;
}

static void end(struct trial *trial)
{
	trial_note(trial, "atomics_per_page",
		(double)(balloon_count_atomics - n_before) /
			(double)label_of(trial, "pages")->number);
}

static int repeat(struct trial *trial)
{
	return bench_round(trial, begin, end);
}

static const struct trial_ops *count_ops(struct round *round)
{
	static const struct trial_ops ops = {
		sizeof(struct instance), bench_open, count_warm_up, repeat, NULL, bench_close};
	(void)round;
	return &ops;
}

#else

static const struct trial_ops *count_ops(struct round *round)
{
	return count_misses_ops(round);
}

#endif

/* ---- The workload ---------------------------------------------------------------------------- */

static int make(struct round *round, size_t number)
{
	const struct run_plan *plan = round->plan;
	const struct shape shape = run_shape(plan, WORKLOAD_CYCLE, number);
	const struct trial_ops *ops = count_ops(round);
	if (!ops)
		return -1;
	round->labels = run_labels(&shape);
	if (ops->open != bench_open) { /* of the simulation */
		round->labels.at[5] = (struct label){"l1_bytes", .number = COUNT_L1_BYTES};
		round->labels.at[6] = (struct label){"ll_bytes", .number = COUNT_LL_BYTES};
	}
	run_add(round, &shape, ops);
	return ops->open == bench_open ? bench_make(round, &shape, 0, false) : 0;
}

static const struct column columns[] = {{"a page", "subject", NULL, 0},
	{"atomics", "atomics_per_page", "%.3f", 0},
	{"instructions", "instructions_per_page", "%.3f", 0},
	{"L1 misses", "l1_misses_per_page", "%.3f", 0},
	{"LL misses", "ll_misses_per_page", "%.3f", 0}, NO_COLUMN};
static const struct workload cycle = {"cycle", NULL, NULL, columns, run_n_shapes, make, NULL, 0};

/* ---- The command ----------------------------------------------------------------------------- */

/* The floors that say what the rest of a strategy's counts is for. */
static void choose_floors(struct run_plan *plan)
{
	const char *const *names = reference_names();
	plan->references.n = 0;
	for (uint32_t i = 0; names[i]; i++)
		if (strcmp(names[i], "floor-list") == 0 || strcmp(names[i], "floor-lock") == 0)
			plan->references.at[plan->references.n++] = i;
}

#define AT(member) offsetof(struct run_plan, member)

int command_count(int argc, char **argv)
{
	static struct run_plan plan;
	static const struct workload *const workloads[] = {&cycle};
	const struct option_row rows[] = {
		{"strategy", "LIST", "these strategies; all (default): every built-in one",
			OPTION_NAMES, AT(strategies), 1, 0, strategy_names(), .what = "strategy"},
		{"pages", "LIST", "pages, 1 to 1024M (default 4096)", OPTION_NUMBERS, AT(pages), 1,
			.max = RUN_PAGES_MAX},
		{"batch", "LIST", "pages a call, 1 to 1M (default 1,256)", OPTION_NUMBERS,
			AT(batches), 1, .max = RUN_BATCH_MAX},
		{"order", "LIST", "sequential (default), random", OPTION_NAMES, AT(orders), 1, 0,
			order_names, .what = "order"},
		OPTION_JSON(run_plan), OPTION_CSV(run_plan)};
	const struct options options = {.command = "balloon-bench count",
		.about =
			"Count what a page's way in and out costs a strategy: one thread inserts n "
			"pages and dequeues n, as in the workload cycle of balloon-bench run. A build "
			"with the option `counting` counts atomic read-modify-writes. Any other one "
			"counts instructions and the cache misses of a simulation (32 KiB and 2 MiB), "
			"by running itself under Valgrind's callgrind. The floors list and lock are "
			"counted beside the strategies."
			"\n" ABOUT_INTERRUPTS,
		.rows = rows,
		.n_rows = sizeof rows / sizeof rows[0]};
	run_plan_init(&plan);
	plan.session.n_repeats = 1;
	int status = options_read(&options, argc, argv, &plan);
	if (status != COMMAND_LINE_GO_ON)
		return status;
	choose_floors(&plan);
	run_plan_subjects(&plan);
	return session_run(&plan, workloads, &plan.workloads, NULL);
}
