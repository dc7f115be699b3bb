/* SPDX-License-Identifier: MIT */
#include "run/plan.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "common/command.h"
#include "common/strategies.h"

/* Each parser returns 0 or the exit status. */

/* What the command line says before it is put together. */
struct words {
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
	STRATEGY = 256,
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
	HELP
};

static int parse_shape_option(struct plan *plan, int option, char **argv)
{
	uint32_t number = 0;
	int status;
	switch (option) {
	case WORKLOAD:
		return names_parse("workload", optarg, workload_names, N_WORKLOADS,
			(unsigned *)plan->workloads, &plan->n_workloads);
	case ORDER:
		return names_parse("order", optarg, order_names, N_ORDERS, (unsigned *)plan->orders,
			&plan->n_orders);
	case PAGES:
		return numbers_parse("--pages", optarg, 1, RUN_PAGES_MAX, &plan->pages);
	case BATCH:
		return numbers_parse("--batch", optarg, 1, RUN_BATCH_MAX, &plan->batches);
	case THREADS:
		return numbers_parse("--threads", optarg, 1, RUN_THREADS_MAX, &plan->threads);
	case DEVICES:
		status = number_parse("--devices", optarg, 1, RUN_DEVICES_MAX, &number);
		plan->n_devices = number;
		return status;
	case MIX:
		return parse_mix(plan, optarg);
	default:
		return usage_bad_option(option, argv);
	}
}

static int parse_option(struct plan *plan, struct words *words, int option, char **argv)
{
	uint32_t number = 0;
	int status;
	switch (option) {
	case STRATEGY:
		return strategies_parse(&words->strategies, optarg);
	case REFERENCE:
		words->references = optarg;
		return 0;
	case SECONDS:
		return fraction_parse("--seconds", optarg, 0, 3600, &plan->seconds);
	case REPEAT:
		status = number_parse("--repeat", optarg, 1, RUN_REPEATS_MAX, &number);
		plan->n_repeats = number;
		return status;
	case PIN:
		plan->is_pinned = true;
		return 0;
	case JSON:
		plan->json_path = optarg;
		return 0;
	case CSV:
		plan->csv_path = optarg;
		return 0;
	case HELP:
		plan->is_help = true;
		return 0;
	default:
		return parse_shape_option(plan, option, argv);
	}
}

/* Returns 0, or the exit status; stops at --help. */
static int parse_options(struct plan *plan, struct words *words, int argc, char **argv)
{
	static const struct option options[] = {{"strategy", required_argument, NULL, STRATEGY},
		{"reference", required_argument, NULL, REFERENCE},
		{"workload", required_argument, NULL, WORKLOAD},
		{"pages", required_argument, NULL, PAGES},
		{"order", required_argument, NULL, ORDER},
		{"batch", required_argument, NULL, BATCH},
		{"threads", required_argument, NULL, THREADS},
		{"devices", required_argument, NULL, DEVICES},
		{"mix", required_argument, NULL, MIX},
		{"seconds", required_argument, NULL, SECONDS},
		{"repeat", required_argument, NULL, REPEAT}, {"pin", no_argument, NULL, PIN},
		{"json", required_argument, NULL, JSON}, {"csv", required_argument, NULL, CSV},
		{"help", no_argument, NULL, HELP}, {0}};
	int option, status = 0;
	while (status == 0 && !plan->is_help &&
		(option = getopt_long(argc, argv, ":", options, NULL)) >= 0)
		status = parse_option(plan, words, option, argv);
	return status;
}

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
	struct words words = {.references = NULL};
	plan_init(plan);
	strategies_all(&words.strategies);
	int status = parse_options(plan, &words, argc, argv);
	if (status || plan->is_help)
		return status;
	if (optind < argc)
		return usage_error("run: unexpected argument '%s'", argv[optind]);
	status = add_subjects(plan, &words);
	return status ? status : check_shapes(plan);
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
