/* SPDX-License-Identifier: MIT */
/* balloon-bench count */
#include <inttypes.h>
#include <string.h>

#include "common/command.h"
#include "common/machine.h"
#include "common/output.h"
#include "common/progress.h"
#include "common/strategies.h"
#include "count/count.h"

/* ---- Options -------------------------------------------------------------------------------- */

enum { STRATEGY = COMMAND_LINE_KEY, PAGES, BATCH, ORDER, JSON };

struct words {
	struct plan *plan;
	struct strategies strategies;
};

static int take(void *context, int key, char *value)
{
	struct words *words = context;
	struct plan *plan = words->plan;
	switch (key) {
	case STRATEGY:
		return strategies_parse(&words->strategies, value);
	case PAGES:
		return numbers_parse("--pages", value, 1, RUN_PAGES_MAX, &plan->pages);
	case BATCH:
		return numbers_parse("--batch", value, 1, RUN_BATCH_MAX, &plan->batches);
	case ORDER:
		return names_parse("order", value, order_names, N_ORDERS, (unsigned *)plan->orders,
			&plan->n_orders);
	case JSON:
		plan->json_path = value;
		return 0;
	default:
		return usage_unexpected("count", value);
	}
}

static const struct argp_option options[] = {
	{"strategy", STRATEGY, "LIST", 0, "these strategies; all (default): every built-in one", 0},
	{"pages", PAGES, "LIST", 0, "pages, 1 to 1024M (default 4096)", 0},
	{"batch", BATCH, "LIST", 0, "pages a call, 1 to 1M (default 1,256)", 0},
	{"order", ORDER, "LIST", 0, "sequential (default), random", 0},
	{"json", JSON, "FILE", 0,
		"write the counts to FILE, too; -: to standard output, in the tables' place", 0},
	{0}};

static const struct command_line line = {
	.name = "balloon-bench count",
	.about = "Count what a page's way in and out costs a strategy: one thread inserts n pages "
		 "and dequeues n, as in the workload cycle of balloon-bench run. A build with the "
		 "option `counting` counts atomic read-modify-writes. Any other one counts "
		 "instructions and the cache misses of a simulation (32 KiB and 2 MiB), by running "
		 "itself under Valgrind's callgrind. The floors list and lock are counted beside "
		 "the strategies.\n",
	.options = options,
	.take = take,
};

/* The floors that say what the rest of a strategy's counts is for. */
static void add_subjects(struct plan *plan, const struct strategies *strategies)
{
	for (size_t i = 0; i < strategies->n; i++)
		subject_of_strategy(&plan->subjects[plan->n_subjects++], strategies->at[i]);
	for (size_t i = 0; references[i]; i++)
		if (strcmp(references[i]->name, "floor-list") == 0 ||
			strcmp(references[i]->name, "floor-lock") == 0)
			plan->subjects[plan->n_subjects++] = *references[i];
}

static int parse(struct plan *plan, int argc, char **argv)
{
	struct words words = {.plan = plan};
	plan_init(plan);
	strategies_all(&words.strategies);
	int status = command_line_read(&line, argc, argv, &words);
	if (status == COMMAND_LINE_GO_ON)
		add_subjects(plan, &words.strategies);
	return status;
}

/* ---- Results -------------------------------------------------------------------------------- */

static void print_figure(double figure)
{
	if (figure < 0)
		printf(" %12s", "-");
	else
		printf(" %12.3f", figure);
}

static void print_counts(
	const struct plan *plan, const struct shape *shape, const struct count *counts)
{
	printf("cycle: batches of %" PRIu32 ", %" PRIu32 " pages, %s order; a page\n", shape->batch,
		shape->n_pages, order_names[shape->order]);
	printf("  %-16s %12s %12s %12s %12s\n", "", "atomics", "instructions", "L1 misses",
		"LL misses");
	for (size_t i = 0; i < plan->n_subjects; i++) {
		printf("  %-16s", plan->subjects[i].name);
		print_figure(counts[i].atomics);
		print_figure(counts[i].instructions);
		print_figure(counts[i].l1_misses);
		print_figure(counts[i].ll_misses);
		printf("\n");
	}
	printf("\n");
}

static json_t *figure_json(double figure)
{
	return figure < 0 ? json_null() : json_real(figure);
}

static int append_counts(json_t *array, const struct plan *plan, const struct shape *shape,
	const struct count *counts)
{
	for (size_t i = 0; i < plan->n_subjects; i++) {
		json_t *entry = json_pack("{s:s, s:s, s:I, s:I, s:I, s:s, s:o, s:o, s:o, s:o}",
			"strategy", plan->subjects[i].name, "workload",
			workload_names[shape->workload], "threads", (json_int_t)1, "batch",
			(json_int_t)shape->batch, "pages", (json_int_t)shape->n_pages, "order",
			order_names[shape->order], "atomics_per_page",
			figure_json(counts[i].atomics), "instructions_per_page",
			figure_json(counts[i].instructions), "l1_misses_per_page",
			figure_json(counts[i].l1_misses), "ll_misses_per_page",
			figure_json(counts[i].ll_misses));
		if (json_array_append_new(array, entry) < 0)
			return -1;
	}
	return 0;
}

/* ---- The command ---------------------------------------------------------------------------- */

static int count_shape(const struct plan *plan, const struct shape *shape, struct count *counts,
	struct problem *problem)
{
	for (size_t i = 0; i < plan->n_subjects; i++)
		counts[i] = (struct count){-1, -1, -1, -1};
#ifdef BALLOON_COUNTING
	return count_atomics(plan, shape, counts, problem);
#else
	progress_show("cycle, batches of %" PRIu32 ", %" PRIu32 " pages: under callgrind",
		shape->batch, shape->n_pages);
	int result = count_misses(plan, shape, counts, problem);
	progress_hide();
	return result;
#endif
}

static int count_shapes(
	const struct plan *plan, struct output *json, json_t *array, struct problem *problem)
{
	struct count counts[RUN_SUBJECTS_MAX];
	for (size_t i = 0; i < plan_n_shapes(plan); i++) {
		struct shape shape = plan_shape(plan, i);
		if (count_shape(plan, &shape, counts, problem) < 0)
			return -1;
		if (!output_is_stdout(json))
			print_counts(plan, &shape, counts);
		if (append_counts(array, plan, &shape, counts) < 0)
			return output_no_json(problem);
	}
	return 0;
}

static int count(const struct plan *plan, struct problem *problem)
{
	struct output json;
	int result = -1;
	if (output_open(&json, plan->json_path, problem) < 0)
		return -1;
	json_t *array = json_array();
	if (!array)
		problem_no_memory(problem);
	else
		result = count_shapes(plan, &json, array, problem);
	if (result == 0 && json.file)
		result = output_json(&json,
			json_pack("{s:o, s:{s:i, s:i}, s:O}", "machine", machine_json(false),
				"caches", "l1_bytes", COUNT_L1_BYTES, "ll_bytes", COUNT_LL_BYTES,
				"counts", array),
			problem);
	json_decref(array);
	output_close(&json);
	return result;
}

int command_count(int argc, char **argv)
{
	static struct plan plan;
	struct problem problem;
	int status = parse(&plan, argc, argv);
	if (status != COMMAND_LINE_GO_ON)
		return status;
	if (count_is_under_valgrind()) {
		struct shape shape = plan_shape(&plan, 0);
		status = count_under_valgrind(&plan, &shape, &problem);
	} else {
		status = count(&plan, &problem);
	}
	return status < 0 ? failure(&problem) : 0;
}
