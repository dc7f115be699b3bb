/* SPDX-License-Identifier: MIT */
#include "system/plan.h"

#include <getopt.h>
#include <string.h>

#include "common/command.h"
#include "common/values.h"

/* Each parser returns 0 or the exit status. */

const char *const channel_names[N_CHANNELS] = {"madvise", "memfd"};

const char *driver_name(const struct balloon_driver_design *design)
{
	struct balloon_driver_design_info info = {.name = "?"};
	balloon_driver_design_describe(design, &info);
	return info.name;
}

static void all_designs(struct plan *plan)
{
	const struct balloon_driver_design *design;
	plan->n_designs = 0;
	while (plan->n_designs < SYSTEM_DESIGNS_MAX &&
		(design = balloon_driver_design_at(plan->n_designs)) != NULL)
		plan->designs[plan->n_designs++] = design;
}

static int add_design(struct plan *plan, const char *name)
{
	const struct balloon_driver_design *design = balloon_driver_design_find(name);
	if (!design)
		return usage_error("unknown driver design '%s': see balloon-bench list", name);
	for (size_t i = 0; i < plan->n_designs; i++)
		if (plan->designs[i] == design)
			return usage_error("driver design '%s' is named twice", name);
	plan->designs[plan->n_designs++] = design;
	return 0;
}

static void all_works(struct plan *plan)
{
	for (plan->n_works = 0; plan->n_works < N_WORKS; plan->n_works++)
		plan->works[plan->n_works] = (enum work)plan->n_works;
}

static int parse_works(struct plan *plan, char *list)
{
	all_works(plan);
	if (strcmp(list, "all") == 0)
		return 0;
	return names_parse(
		"workload", list, work_names, N_WORKS, (unsigned *)plan->works, &plan->n_works);
}

static int parse_designs(struct plan *plan, char *list)
{
	int status = 0;
	all_designs(plan);
	if (strcmp(list, "all") == 0)
		return 0;
	plan->n_designs = 0;
	while (list && status == 0)
		status = add_design(plan, list_cut(&list));
	return status;
}

static int parse_neighbours(struct plan *plan, char *list)
{
	static const char *const names[] = {"off", "on"};
	unsigned chosen[2];
	int status = names_parse("other-thread", list, names, 2, chosen, &plan->n_neighbours);
	for (size_t i = 0; i < plan->n_neighbours && status == 0; i++)
		plan->neighbours[i] = chosen[i] == 1;
	return status;
}

enum {
	WORKLOAD = 256,
	CHANNEL,
	ORDER,
	OTHER_THREAD,
	DRIVER,
	STRATEGY,
	PAGES,
	ZONE,
	REQUEST,
	HOST_US,
	EVENTS,
	PAIRS,
	REPEAT,
	JSON,
	CSV,
	HELP
};

static int parse_number(struct plan *plan, int option, char **argv)
{
	uint32_t number = 0;
	int status;
	switch (option) {
	case PAGES:
		return number_parse("--pages", optarg, 1024, SYSTEM_PAGES_MAX, &plan->n_pages);
	case ZONE:
		return number_parse("--zone", optarg, 4096, SYSTEM_PAGES_MAX, &plan->n_zone_pages);
	case REQUEST:
		return number_parse("--request", optarg, 1, SYSTEM_REQUEST_MAX, &plan->request);
	case HOST_US:
		return number_parse("--host-us", optarg, 1, SYSTEM_HOST_US_MAX, &plan->host_us);
	case EVENTS:
		return number_parse("--events", optarg, 1, SYSTEM_EVENTS_MAX, &plan->n_events);
	case PAIRS:
		return number_parse("--pairs", optarg, 1, SYSTEM_PAIRS_MAX, &plan->n_pairs);
	case REPEAT:
		status = number_parse("--repeat", optarg, 1, SYSTEM_REPEATS_MAX, &number);
		plan->n_repeats = number;
		return status;
	default:
		return usage_bad_option(option, argv);
	}
}

static int parse_list(struct plan *plan, int option, char **argv)
{
	switch (option) {
	case WORKLOAD:
		return parse_works(plan, optarg);
	case CHANNEL:
		return names_parse("channel", optarg, channel_names, N_CHANNELS, plan->channels,
			&plan->n_channels);
	case ORDER:
		return names_parse("order", optarg, page_order_names, N_ORDERS,
			(unsigned *)plan->orders, &plan->n_orders);
	case OTHER_THREAD:
		return parse_neighbours(plan, optarg);
	case DRIVER:
		return parse_designs(plan, optarg);
	case STRATEGY:
		return strategies_parse(&plan->strategies, optarg);
	default:
		return parse_number(plan, option, argv);
	}
}

static int parse_option(struct plan *plan, int option, char **argv)
{
	switch (option) {
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
		return parse_list(plan, option, argv);
	}
}

static void plan_init(struct plan *plan)
{
	*plan = (struct plan){
		.channels = {CHANNEL_MADVISE, CHANNEL_MEMFD},
		.n_channels = N_CHANNELS,
		.orders = {ORDER_CONTIGUOUS, ORDER_CLUSTERS, ORDER_RANDOM, ORDER_BLOCKS},
		.n_orders = N_ORDERS,
		.neighbours = {false, true},
		.n_neighbours = 2,
		.n_pages = 16384,
		.n_zone_pages = 262144,
		.request = 256,
		.host_us = 100,
		.n_events = 20,
		.n_pairs = 32768,
		.n_repeats = 15,
	};
	all_works(plan);
	all_designs(plan);
	strategies_all(&plan->strategies);
}

static int parse_options(struct plan *plan, int argc, char **argv)
{
	static const struct option options[] = {{"workload", required_argument, NULL, WORKLOAD},
		{"channel", required_argument, NULL, CHANNEL},
		{"order", required_argument, NULL, ORDER},
		{"other-thread", required_argument, NULL, OTHER_THREAD},
		{"driver", required_argument, NULL, DRIVER},
		{"strategy", required_argument, NULL, STRATEGY},
		{"pages", required_argument, NULL, PAGES}, {"zone", required_argument, NULL, ZONE},
		{"request", required_argument, NULL, REQUEST},
		{"host-us", required_argument, NULL, HOST_US},
		{"events", required_argument, NULL, EVENTS},
		{"pairs", required_argument, NULL, PAIRS},
		{"repeat", required_argument, NULL, REPEAT},
		{"json", required_argument, NULL, JSON}, {"csv", required_argument, NULL, CSV},
		{"help", no_argument, NULL, HELP}, {0}};
	int option, status = 0;
	while (status == 0 && !plan->is_help &&
		(option = getopt_long(argc, argv, ":", options, NULL)) >= 0)
		status = parse_option(plan, option, argv);
	return status;
}

static int check_plan(const struct plan *plan)
{
	if (plan->n_pages % (HUGE_PAGE / SMALL_PAGE) != 0)
		return usage_error(
			"--pages: not a multiple of %d, of a huge page's", HUGE_PAGE / SMALL_PAGE);
	if (plan->json_path && plan->csv_path && strcmp(plan->json_path, "-") == 0 &&
		strcmp(plan->csv_path, "-") == 0)
		return usage_error("system: JSON and CSV cannot both go to the standard output");
	return 0;
}

int plan_parse_system(struct plan *plan, int argc, char **argv)
{
	plan_init(plan);
	int status = parse_options(plan, argc, argv);
	if (status || plan->is_help)
		return status;
	if (optind < argc)
		return usage_error("system: unexpected argument '%s'", argv[optind]);
	return check_plan(plan);
}
