/* SPDX-License-Identifier: MIT */
/*
 * balloon-explore-memory: every schedule of a few threads on the real locks and events, under a model of memory, up
 * to a bound on preemptions, and on what memory does that it does seldom.
 *
 * What is explored. lib/sync, compiled so that each atomic access hands its order to the model (models.h), on a
 * platform that promises no more than <balloon/platform.h>. Each access is a step. The scenarios are in locks.c. With
 * --weaken one order of the program is taken for relaxed, or a fence left out; --orders does so with one after the
 * other, and holds what is found against what each is there for (orders.c).
 *
 * What is not. The orders of other words than those of locks and events: of the sync layer's users. Loads that see
 * a store which their own thread makes later. More threads, preemptions and values than were asked for.
 */

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/command-line.h"
#include "explore/table.h"
#include "memory/locks.h"
#include "memory/orders.h"
#include "options.h"
#include "text.h"

enum { EXIT_FAILED = 1 };

struct options {
	struct search_options bounds;
	bool has_memory[MEMORY_MODELS];
	const char *scenario; /* NULL: all */
	const char *weakened; /* "function:operation"; NULL */
	const char *schedule; /* to replay; NULL */
	const char *json;
	bool is_orders;
	bool is_list;
};

const char options_program[] = "balloon-explore-memory";

static _Noreturn void die(const char *what)
{
	fprintf(stderr, "%s: %s: %s\n", options_program, what, strerror(errno));
	exit(EXIT_FAILED);
}

/* ---- Options --------------------------------------------------------------------------------- */

enum {
	SCENARIO = COMMAND_LINE_KEY,
	MEMORY,
	PREEMPTIONS,
	VALUES,
	WEAKEN,
	ORDERS,
	LIST,
	REPLAY,
	JSON
};

static const struct argp_option rows[] = {
	{"scenario", SCENARIO, "NAME", 0, "one of --list (all)", 0},
	{"memory", MEMORY, "LIST", 0,
		"models of memory, as a,b: sc, sequential consistency; tso, stores that wait in a "
		"buffer; ra, release and acquire, with loads that find what is overwritten (all)",
		0},
	{"preemptions", PREEMPTIONS, "N", 0, "so many in a schedule, at most: 0 to 12 (2)", 0},
	{"values", VALUES, "N", 0,
		"so many accesses and waits in a schedule that do not do the usual, at most: 0 to 4 "
		"(2)",
		0},
	{"weaken", WEAKEN, "ORDER", 0,
		"take this order for relaxed, as balloon_lock_try:compare, or leave out this fence",
		0},
	{"orders", ORDERS, NULL, 0, "weaken each order, and print what is found, or why nothing is",
		0},
	{"list", LIST, NULL, 0, "print the names of the scenarios; with --orders, the orders", 0},
	{"replay", REPLAY, "SCHEDULE", 0, "show this schedule of one scenario and model", 0},
	{"json", JSON, "FILE", 0, "write results to this file, too", 0}, {0}};

static void add_memory(const char *option, const char *name, void *context)
{
	struct options *options = context;
	for (enum memory memory = 0; memory < MEMORY_MODELS; memory++)
		if (!strcmp(name, memory_name(memory))) {
			options->has_memory[memory] = true;
			return;
		}
	options_wrong("%s: no model '%s'", option, name);
}

static int take(void *context, int key, char *value)
{
	struct options *options = context;
	switch (key) {
	case SCENARIO:
		options->scenario = value;
		return 0;
	case MEMORY:
		memset(options->has_memory, 0, sizeof(options->has_memory));
		options_each("--memory", value, add_memory, options);
		return 0;
	case PREEMPTIONS:
		options->bounds.n_preemptions =
			(uint32_t)options_number("--preemptions", value, 0, SEARCH_PREEMPTIONS_MAX);
		return 0;
	case VALUES:
		options->bounds.n_values =
			(uint32_t)options_number("--values", value, 0, SEARCH_VALUES_MAX);
		return 0;
	case WEAKEN:
		options->weakened = value;
		return 0;
	case ORDERS:
		options->is_orders = true;
		return 0;
	case LIST:
		options->is_list = true;
		return 0;
	case REPLAY:
		options->schedule = value;
		return 0;
	case JSON:
		options->json = value;
		return 0;
	default:
		options_wrong("%s: no such argument", value);
	}
}

static const struct command_line line = {
	.name = options_program,
	.about = "Run every schedule of a few threads on locks and events, under models of memory, "
		 "up to a bound on preemptions.\n",
	.after = "Exit status: 0 nothing found, 1 a finding, or something failed, 2 wrong usage.",
	.options = rows,
	.take = take,
};

static bool is_wanted(const struct options *options, size_t i)
{
	return !options->scenario || !strcmp(locks_name(i), options->scenario);
}

static size_t n_wanted(const struct options *options)
{
	size_t n = 0;
	for (size_t i = 0; locks_name(i); i++)
		n += is_wanted(options, i);
	return n;
}

static void parse(struct options *options, int argc, char **argv)
{
	*options = (struct options){
		.bounds = {.n_preemptions = 2, .n_values = 2}, .has_memory = {true, true, true}};
	int status = command_line_read(&line, argc, argv, options);
	if (status != COMMAND_LINE_GO_ON)
		exit(status);
	if (n_wanted(options) == 0)
		options_wrong("--scenario: no scenario '%s'", options->scenario);
	if (options->weakened && !orders_find(options->weakened))
		options_wrong("--weaken: no order '%s' that can be weakened", options->weakened);
	if (options->weakened && options->is_orders)
		options_wrong("--orders weakens each order: without --weaken");
	if (options->json && (options->is_orders || options->is_list || options->schedule))
		options_wrong("--json: of searches of scenarios");
}

/* ---- Results as JSON ------------------------------------------------------------------------- */

static FILE *json;
static bool is_json_begun;

static void open_json(const struct options *options)
{
	if (!options->json)
		return;
	json = fopen(options->json, "w");
	if (!json)
		die(options->json);
	fprintf(json, "{\"preemptions\": %" PRIu32 ", \"values\": %" PRIu32 ", \"runs\": [",
		options->bounds.n_preemptions, options->bounds.n_values);
}

static void close_json(const struct options *options)
{
	if (!json)
		return;
	fputs("\n]}\n", json);
	if (ferror(json) | fclose(json))
		die(options->json);
}

static void put_finding(const struct search_finding *finding)
{
	char schedule[SEARCH_TEXT_MAX];
	search_format(&finding->schedule, schedule, sizeof(schedule));
	fprintf(json,
		"{\"kind\": \"%s\", \"what\": ", engine_finding_name(finding->report.finding));
	text_put_quoted(finding->report.what, json);
	fprintf(json,
		", \"preemptions\": %" PRIu32 ", \"values\": %" PRIu32 ", \"steps\": %" PRIu64
		", \"schedule\": \"%s\"}",
		finding->n_preemptions, finding->schedule.n_values, finding->report.step, schedule);
}

/* Counts are of all schedules with at most 0, 1, ... preemptions. */
static void put_run(const struct options *options, const char *scenario, enum memory memory,
	const struct search_result *result)
{
	uint64_t n = 0;
	if (!json)
		return;
	fprintf(json, "%s\n{\"scenario\": \"%s\", \"memory\": \"%s\", \"schedules\": [",
		is_json_begun ? "," : "", scenario, memory_name(memory));
	is_json_begun = true;
	for (uint32_t i = 0; i <= options->bounds.n_preemptions; i++)
		fprintf(json, "%s%" PRIu64, i ? ", " : "", n += result->n_schedules[i]);
	fputs("], \"finding\": ", json);
	if (result->finding)
		put_finding(result->finding);
	else
		fputs("null", json);
	putc('}', json);
}

/* ---- Results for people --------------------------------------------------------------------------------- */

static void print_counts(const struct options *options, const struct search_result *result)
{
	uint64_t n = 0;
	for (uint32_t i = 0; i <= options->bounds.n_preemptions; i++)
		printf("%s%" PRIu64, i ? " / " : "", n += result->n_schedules[i]);
	printf(" schedules\n");
}

static void print_finding(const struct options *options, const char *scenario, enum memory memory,
	const struct search_finding *finding)
{
	static struct engine_report report;
	char schedule[SEARCH_TEXT_MAX];
	search_format(&finding->schedule, schedule, sizeof(schedule));
	printf("%s, %s: %s: %s\n", scenario, memory_name(memory),
		engine_finding_name(finding->report.finding), finding->report.what);
	printf("  by %c after %" PRIu64 " steps, %" PRIu32 " preemptions, %" PRIu32 " values\n",
		'a' + (int)finding->report.thread, finding->report.step, finding->n_preemptions,
		finding->schedule.n_values);
	table_print(rows_make(&locks_stage, &finding->schedule, &report), stdout);
	printf("replay: %s --scenario '%s' --memory %s", options_program, scenario,
		memory_name(memory));
	if (options->weakened)
		printf(" --weaken %s", options->weakened);
	printf(" --replay %s\n", schedule);
}

/* Returns whether there is a finding. */
static bool explore(const struct options *options, size_t i, enum memory memory)
{
	struct search_result result;
	locks_open(i, memory);
	locks_search(&options->bounds, &result);
	printf("%s, %s: ", locks_name(i), memory_name(memory));
	print_counts(options, &result);
	put_run(options, locks_name(i), memory, &result);
	if (result.finding)
		print_finding(options, locks_name(i), memory, result.finding);
	return result.finding != NULL;
}

/* Up to the first finding. */
static int explore_all(const struct options *options)
{
	bool is_found = false;
	open_json(options);
	for (size_t i = 0; locks_name(i); i++)
		for (enum memory memory = 0; memory < MEMORY_MODELS; memory++)
			if (is_wanted(options, i) && options->has_memory[memory] && !is_found)
				is_found = explore(options, i, memory);
	close_json(options);
	return is_found ? EXIT_FAILED : 0;
}

/* ---- The program ----------------------------------------------------------------------------- */

static enum memory the_only_memory(const struct options *options)
{
	enum memory only = MEMORY_MODELS;
	for (enum memory memory = 0; memory < MEMORY_MODELS; memory++)
		if (options->has_memory[memory]) {
			if (only < MEMORY_MODELS)
				options_wrong("--replay: of one model");
			only = memory;
		}
	return only;
}

static size_t the_only_scenario(const struct options *options)
{
	size_t only = 0;
	if (n_wanted(options) != 1)
		options_wrong("--replay: of one scenario");
	while (!is_wanted(options, only))
		only++;
	return only;
}

static int replay(const struct options *options)
{
	static struct search_schedule schedule;
	static struct engine_report report;
	size_t scenario = the_only_scenario(options);
	enum memory memory = the_only_memory(options);
	locks_open(scenario, memory);
	uint32_t n_threads = locks_stage.subject()->n_threads;
	if (!search_parse(options->schedule, n_threads, &schedule))
		options_wrong("--replay: '%s' is no schedule of %u threads", options->schedule,
			(unsigned)n_threads);
	const struct rows *steps = rows_make(&locks_stage, &schedule, &report);
	if (!strcmp(report.what, search_misfit))
		options_wrong("--replay: '%s': %s", options->schedule, search_misfit);
	table_print(steps, stdout);
	bool is_found = report.finding != ENGINE_NONE;
	printf("%s, %s: %s", locks_name(scenario), memory_name(memory),
		engine_finding_name(report.finding));
	printf(is_found ? ": %s\n" : "\n", report.what);
	return is_found ? EXIT_FAILED : 0;
}

static void list(const struct options *options)
{
	const struct balloon_order *order = NULL;
	for (size_t i = 0; locks_name(i) && !options->is_orders; i++)
		if (is_wanted(options, i))
			puts(locks_name(i));
	while (options->is_orders && (order = memory_order_next(order)))
		printf("%s:%s\n", order->function, memory_operation_name(order->operation));
}

static int run(const struct options *options)
{
	if (options->is_list) {
		list(options);
		return 0;
	}
	if (options->is_orders)
		return orders_print(&options->bounds, stdout) ? 0 : EXIT_FAILED;
	if (options->weakened)
		memory_weaken(orders_find(options->weakened));
	return options->schedule ? replay(options) : explore_all(options);
}

int main(int argc, char **argv)
{
	static struct options options;
	parse(&options, argc, argv);
	engine_watch(5);
	int status = run(&options);
	if (fflush(stdout) != 0)
		die("standard output");
	return status;
}
