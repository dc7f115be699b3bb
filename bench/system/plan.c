/* SPDX-License-Identifier: MIT */
#include "system/plan.h"

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
	WORKLOAD = COMMAND_LINE_KEY,
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
};

static int parse_number(struct plan *plan, int key, char *value)
{
	uint32_t number = 0;
	int status;
	switch (key) {
	case PAGES:
		return number_parse("--pages", value, 1024, SYSTEM_PAGES_MAX, &plan->n_pages);
	case ZONE:
		return number_parse("--zone", value, 4096, SYSTEM_PAGES_MAX, &plan->n_zone_pages);
	case REQUEST:
		return number_parse("--request", value, 1, SYSTEM_REQUEST_MAX, &plan->request);
	case HOST_US:
		return number_parse("--host-us", value, 1, SYSTEM_HOST_US_MAX, &plan->host_us);
	case EVENTS:
		return number_parse("--events", value, 1, SYSTEM_EVENTS_MAX, &plan->n_events);
	case PAIRS:
		return number_parse("--pairs", value, 1, SYSTEM_PAIRS_MAX, &plan->n_pairs);
	case REPEAT:
		status = number_parse("--repeat", value, 1, SYSTEM_REPEATS_MAX, &number);
		plan->n_repeats = number;
		return status;
	default:
		return usage_unexpected("system", value);
	}
}

static int parse_list(struct plan *plan, int key, char *value)
{
	switch (key) {
	case WORKLOAD:
		return parse_works(plan, value);
	case CHANNEL:
		return names_parse("channel", value, channel_names, N_CHANNELS, plan->channels,
			&plan->n_channels);
	case ORDER:
		return names_parse("order", value, page_order_names, N_ORDERS,
			(unsigned *)plan->orders, &plan->n_orders);
	case OTHER_THREAD:
		return parse_neighbours(plan, value);
	case DRIVER:
		return parse_designs(plan, value);
	case STRATEGY:
		return strategies_parse(&plan->strategies, value);
	default:
		return parse_number(plan, key, value);
	}
}

static int take(void *context, int key, char *value)
{
	struct plan *plan = context;
	switch (key) {
	case JSON:
		plan->json_path = value;
		return 0;
	case CSV:
		plan->csv_path = value;
		return 0;
	default:
		return parse_list(plan, key, value);
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

static const struct argp_option options[] = {
	{"workload", WORKLOAD, "LIST", 0,
		"what is measured:\n"
		"release: memory is given back, request by request, by raw system calls, by "
		"channels, by the whole driver\n"
		"target: reached while others fill and leak\n"
		"compaction: of a zone whose half a balloon holds, at random\n"
		"relief: from a failed allocation to one that succeeds\n"
		"cost: of a fill and a leak, beside the strategy alone; with requests of one page "
		"as well\n"
		"latency: a run at a host that takes its time, beside one request after the other\n"
		"contention: 16 threads that fill and leak single pages, beside one\n"
		"heap: an allocation and its free, on 1, 2 and 4 threads, beside jemalloc's\n"
		"all (default)",
		0},
	{"channel", CHANNEL, "LIST", 0,
		"release: madvise: the process's own memory; memfd: memory shared with a host in "
		"another process (default: both)",
		0},
	{"order", ORDER, "LIST", 0,
		"release: contiguous; clusters of 16 pages; random; blocks of 2 MiB, huge pages if "
		"the system has some (default: all)",
		0},
	{"other-thread", OTHER_THREAD, "LIST", 0,
		"release: off, on: another thread of the process runs on a processor of its own "
		"(default: both)",
		0},
	{"driver", DRIVER, "LIST", 0,
		"these driver designs; all (default). Compaction: the last one", 0},
	{"strategy", STRATEGY, "LIST", 0,
		"these strategies; all (default). Other than compaction: the last one", 0},
	{"pages", PAGES, "N", 0, "release: pages, a multiple of 512 (default 16K)", 0},
	{"zone", ZONE, "N", 0,
		"target, compaction, cost, latency: pages of the zone; contention: a 64th of so "
		"many (default 256K)",
		0},
	{"request", REQUEST, "N", 0, "pages of a request, 1 to 1024 (default 256)", 0},
	{"host-us", HOST_US, "N", 0,
		"target, relief, latency: how long a host takes for a request, in us (default 100)",
		0},
	{"events", EVENTS, "N", 0, "relief: how often memory runs out, a repeat (default 20)", 0},
	{"pairs", PAIRS, "N", 0,
		"heap: allocations and frees, a repeat; of large blocks a 16th (default 32K)", 0},
	{"repeat", REPEAT, "N", 0, "repeats of each, 1 to 10000 (default 15)", 0},
	{"json", JSON, "FILE", 0,
		"write the results to FILE, too; -: to standard output, in the tables' place", 0},
	{"csv", CSV, "FILE", 0, "the same as CSV, medians alone", 0}, {0}};

static const struct command_line line = {
	.name = "balloon-bench system",
	.about = "Measure what the system around the pages costs. What is compared takes turns, "
		 "repeat by repeat, and each repeat is checked. Every LIST is joined by commas. A "
		 "number may end in K or M. Pages are of 4 KiB.\n",
	.after = "x one, x vec, x page: release times over those of one call over everything, of a "
		 "vector of so many pages a call, of a call a page, in the same repeat. refault: "
		 "pages are touched again after all were released; warm: right after their own "
		 "request. What a page costs that the machine below had really taken cannot be "
		 "measured from here.\n"
		 "\n"
		 "An interrupt (Ctrl-C) ends the command; the results so far are shown and "
		 "written, and the exit status is 130.",
	.options = options,
	.take = take,
};

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
	int status = command_line_read(&line, argc, argv, plan);
	if (status != COMMAND_LINE_GO_ON)
		return status;
	status = check_plan(plan);
	return status == 0 ? COMMAND_LINE_GO_ON : status;
}
