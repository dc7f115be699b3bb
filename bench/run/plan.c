/* SPDX-License-Identifier: MIT */
#include "run/plan.h"

#include <stdio.h>
#include <string.h>

#include "common/command.h"
#include "common/strategies.h"

/* Each parser returns 0 or the exit status. */

/* What the command line says before it is put together. */
struct words {
	struct plan *plan;
	struct strategies strategies;
	char *references; /* as given; NULL: all */
};

static int parse_mix(struct plan *plan, char *text)
{
	struct numbers numbers;
	int status = numbers_parse("--mix", text, 0, 1000000, &numbers);
	if (status)
		return status;
	if (numbers.n != 4 || numbers.at[0] == 0 || numbers.at[1] == 0)
		return usage_error("--mix: not four shares, FILL,LEAK,SCAN,MIGRATE, of which FILL "
				   "and LEAK are more than 0");
	plan->mix = (struct mix){numbers.at[0], numbers.at[1], numbers.at[2], numbers.at[3]};
	return 0;
}

static int add_reference(struct plan *plan, const char *name)
{
	for (size_t i = 0; references[i]; i++) {
		if (strcmp(references[i]->name, name) == 0) {
			plan->subjects[plan->n_subjects++] = *references[i];
			return 0;
		}
	}
	return usage_error("unknown reference '%s': see balloon-bench list", name);
}

static int add_references(struct plan *plan, char *names)
{
	int status = 0;
	if (names && strcmp(names, "none") == 0)
		return 0;
	if (!names || strcmp(names, "all") == 0) {
		for (size_t i = 0; references[i]; i++)
			plan->subjects[plan->n_subjects++] = *references[i];
		return 0;
	}
	while (names && status == 0) {
		const char *name = list_cut(&names);
		for (size_t i = 0; i < plan->n_subjects; i++)
			if (strcmp(plan->subjects[i].name, name) == 0)
				return usage_error("reference '%s' is named twice", name);
		status = add_reference(plan, name);
	}
	return status;
}

static int add_subjects(struct plan *plan, const struct words *words)
{
	for (size_t i = 0; i < words->strategies.n; i++)
		subject_of_strategy(&plan->subjects[plan->n_subjects++], words->strategies.at[i]);
	return add_references(plan, words->references);
}

enum {
	STRATEGY = COMMAND_LINE_KEY,
	REFERENCE,
	WORKLOAD,
	PAGES,
	ORDER,
	BATCH,
	THREADS,
	DEVICES,
	MIX,
	SECONDS,
	REPEAT,
	PIN,
	JSON,
	CSV,
};

static int parse_shape_option(struct plan *plan, int key, char *value)
{
	uint32_t number = 0;
	int status;
	switch (key) {
	case WORKLOAD:
		return names_parse("workload", value, workload_names, N_WORKLOADS,
			(unsigned *)plan->workloads, &plan->n_workloads);
	case ORDER:
		return names_parse("order", value, order_names, N_ORDERS, (unsigned *)plan->orders,
			&plan->n_orders);
	case PAGES:
		return numbers_parse("--pages", value, 1, RUN_PAGES_MAX, &plan->pages);
	case BATCH:
		return numbers_parse("--batch", value, 1, RUN_BATCH_MAX, &plan->batches);
	case THREADS:
		return numbers_parse("--threads", value, 1, RUN_THREADS_MAX, &plan->threads);
	case DEVICES:
		status = number_parse("--devices", value, 1, RUN_DEVICES_MAX, &number);
		plan->n_devices = number;
		return status;
	case MIX:
		return parse_mix(plan, value);
	default:
		return usage_unexpected("run", value);
	}
}

static int take(void *context, int key, char *value)
{
	struct words *words = context;
	struct plan *plan = words->plan;
	uint32_t number = 0;
	int status;
	switch (key) {
	case STRATEGY:
		return strategies_parse(&words->strategies, value);
	case REFERENCE:
		words->references = value;
		return 0;
	case SECONDS:
		return fraction_parse("--seconds", value, 0, 3600, &plan->seconds);
	case REPEAT:
		status = number_parse("--repeat", value, 1, RUN_REPEATS_MAX, &number);
		plan->n_repeats = number;
		return status;
	case PIN:
		plan->is_pinned = true;
		return 0;
	case JSON:
		plan->json_path = value;
		return 0;
	case CSV:
		plan->csv_path = value;
		return 0;
	default:
		return parse_shape_option(plan, key, value);
	}
}

static const struct argp_option options[] = {
	{"workload", WORKLOAD, "LIST", 0,
		"what is done:\n"
		"cycle: insert n pages, dequeue n (default)\n"
		"churn: each thread dequeues a batch and inserts it again\n"
		"scan: half of the threads churn, the others isolate what they find and put it "
		"back\n"
		"migrate: the same, with a new page in place of each one found\n"
		"multi: churn, on several devices of one map\n"
		"mixed: all of these at random",
		0},
	{"strategy", STRATEGY, "LIST", 0, "these strategies; all (default): every built-in one", 0},
	{"reference", REFERENCE, "LIST", 0, "these references; all (default) that were built; none",
		0},
	{"pages", PAGES, "LIST", 0, "pages of the balloon, 1 to 1024M (default 4096)", 0},
	{"batch", BATCH, "LIST", 0, "pages a call, 1 to 1M (default 1,256)", 0},
	{"threads", THREADS, "LIST", 0, "threads, 1 to 1024 (default 1)", 0},
	{"order", ORDER, "LIST", 0,
		"sequential (default): the pages' order on the list is that in memory; random, "
		"again before each round: as in a balloon that has lived for a while",
		0},
	{"devices", DEVICES, "N", 0, "devices of the workload multi, 1 to 1024 (default 4)", 0},
	{"mix", MIX, "F,L,S,M", 0,
		"shares of filling, leaking, scanning, migrating in the workload mixed (default "
		"40,40,15,5)",
		0},
	{"seconds", SECONDS, "S", 0,
		"length of a repeat (default 0.05), after which each thread ends the round that it "
		"is in",
		0},
	{"repeat", REPEAT, "N", 0, "repeats of each, 1 to 10000 (default 15)", 0},
	{"pin", PIN, NULL, 0, "keep each thread on one processor", 0},
	{"json", JSON, "FILE", 0,
		"write the results to FILE, too; -: to standard output, in the tables' place", 0},
	{"csv", CSV, "FILE", 0, "the same as CSV, medians alone", 0}, {0}};

static const struct command_line line = {
	.name = "balloon-bench run",
	.about = "Run workloads through strategies and references, in turns, and time them. Counts "
		 "are verified after every repeat, pages and memory maps in the end. Every LIST is "
		 "joined by commas; all combinations are run. A number may end in K or M.\n",
	.after = "ns/page: wall time, over all threads together, for a page to go out and come in "
		 "again (dequeued and inserted, or isolated and put back), the median of all "
		 "repeats. x list, x lock: as a multiple of what floor-list and floor-lock needed "
		 "in the same repeat. fairness: what the slowest thread did for the fastest's one. "
		 "waits: locks found taken, a page. bytes: of state, a page.\n"
		 "\n"
		 "An interrupt (Ctrl-C) ends the run; the results so far are shown and written, "
		 "and the exit status is 130.",
	.options = options,
	.take = take,
};

static int check_shapes(const struct plan *plan)
{
	for (size_t i = 0; i < plan_n_shapes(plan); i++) {
		struct shape shape = plan_shape(plan, i);
		if (shape.n_pages < shape.n_threads || shape.n_pages < shape.n_devices)
			return usage_error("run: fewer pages than threads or devices");
		if ((uint64_t)shape.n_threads * shape.batch > RUN_PAGES_MAX)
			return usage_error("run: threads times batch is more than %d pages",
				(int)RUN_PAGES_MAX);
	}
	if (plan->json_path && plan->csv_path && strcmp(plan->json_path, "-") == 0 &&
		strcmp(plan->csv_path, "-") == 0)
		return usage_error("run: JSON and CSV cannot both go to the standard output");
	return 0;
}

void plan_init(struct plan *plan)
{
	*plan = (struct plan){
		.workloads = {WORKLOAD_CYCLE},
		.n_workloads = 1,
		.orders = {ORDER_SEQUENTIAL},
		.n_orders = 1,
		.pages = {{4096}, 1},
		.batches = {{1, 256}, 2},
		.threads = {{1}, 1},
		.n_devices = 4,
		.mix = {40, 40, 15, 5},
		.seconds = 0.05,
		.n_repeats = 15,
	};
}

int plan_parse_run(struct plan *plan, int argc, char **argv)
{
	struct words words = {.plan = plan};
	plan_init(plan);
	strategies_all(&words.strategies);
	int status = command_line_read(&line, argc, argv, &words);
	if (status != COMMAND_LINE_GO_ON)
		return status;
	status = add_subjects(plan, &words);
	if (status == 0)
		status = check_shapes(plan);
	return status == 0 ? COMMAND_LINE_GO_ON : status;
}

size_t plan_n_shapes(const struct plan *plan)
{
	return plan->n_workloads * plan->n_orders * plan->pages.n * plan->threads.n *
	       plan->batches.n;
}

/* The batches change fastest, the workloads slowest. */
struct shape plan_shape(const struct plan *plan, size_t number)
{
	struct shape shape = {.n_devices = 1, .mix = plan->mix};
	shape.batch = plan->batches.at[number % plan->batches.n];
	number /= plan->batches.n;
	shape.n_threads = plan->threads.at[number % plan->threads.n];
	number /= plan->threads.n;
	shape.n_pages = plan->pages.at[number % plan->pages.n];
	number /= plan->pages.n;
	shape.order = plan->orders[number % plan->n_orders];
	shape.workload = plan->workloads[number / plan->n_orders];
	if (shape.workload == WORKLOAD_MULTI)
		shape.n_devices = plan->n_devices;
	return shape;
}
