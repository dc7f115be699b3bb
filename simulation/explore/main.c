/* SPDX-License-Identifier: MIT */
/*
 * balloon-explore: every schedule of a few threads on a small map, or on a driver, up to a bound on preemptions.
 *
 * What is explored. The library's own code of pages, core and strategies, in the controlled build: each
 * access through <balloon/sync.h>, plain or atomic, is a step, and between any two steps any other thread may
 * go on. Taking a lock is one step (a failed try is another, and whoever waits is not run until it is free), a
 * trylock and a release are one each. The scenarios are those of scenario.h; of each the search makes, once
 * each, all schedules with at most --preemptions switches away from a thread that could go on, and as many
 * others as there are: faults that are known need one or two, and all pairs at 3 take a minute a strategy. What
 * a schedule is held against is in play.h and model.h; the engine adds deadlocks, the ranks of locks, assertions,
 * crashes, and threads without an end. A failed assertion that a lock is held does not end a schedule, so that
 * it shows whether anything comes of it; schedules in which nothing does are counted apart.
 *
 * Strategies as history had them (strategies/historical/) are explored in the scenarios of their hazards, within models
 * of what the kernel had around them (history.h, surroundings.h).
 *
 * With --driver the threads make calls on a driver, and one more is its host (drive.h). There a plain access under a
 * lock is a step before which nobody comes in between, unless --every-access says so: who would come there has to do
 * without the lock. --values lets the host and the source of frames do what they do seldom, so many times in a
 * schedule. Pairs at 1 take seconds a design, one pair at 2 takes 1 to 20; --delays is for what is too large.
 *
 * Without a bound: --reduce, which makes one schedule of each class of those that are equal to every oracle
 * (reduce.h); --check-reduction holds it against the search. What is too large for both: --random. With
 * --races, two plain accesses that no lock orders are a finding, too (clocks.h), in whichever order they come.
 *
 * What is not. Memory is sequentially consistent: an order that is too weak is not found. What the locks do inside
 * (their words, waiting, waking) are scenarios of tests/simulation. There is one thread of the
 * system. Code that touches shared memory without <balloon/sync.h> runs as one with the step before it. More
 * preemptions, threads, calls and pages than were asked for: not explored. Without --reduce no schedule is left out
 * as equal to another: what is looked at once is the end of those that end alike, calls, results and all memory of the map.
 */

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <balloon/driver.h>
#include <balloon/strategy.h>

#include "../../strategies/historical/historical.h"
#include "common/command-line.h"
#include "explore/agree.h"
#include "explore/clocks.h"
#include "explore/drive.h"
#include "explore/history.h"
#include "explore/matrix.h"
#include "explore/page.h"
#include "explore/play.h"
#include "explore/reduce.h"
#include "explore/source.h"
#include "explore/surroundings.h"
#include "explore/table.h"
#include "explore/walk.h"
#include "options.h"

enum { EXIT_FAILED = 1, STRATEGIES_MAX = 16, DESIGNS_MAX = 16 };

struct options {
	const struct balloon_strategy *strategies[STRATEGIES_MAX];
	uint32_t n_strategies;
	const struct balloon_driver_design *designs[DESIGNS_MAX]; /* none: pages alone */
	uint32_t n_designs;
	const char *scenario; /* NULL: all */
	const char *schedule; /* to replay; NULL */
	const char *json;
	const char *html;
	uint32_t n_preemptions; /* or delays */
	bool counts_delays;
	uint32_t n_values;
	bool at_every_access;
	struct walk_options walk; /* n_walks 0: none */
	bool looks_for_races;
	bool is_reduced;
	bool checks_reduction;
	bool has_triples;
	bool is_list;
	bool is_matrix;
	bool goes_on;
};

/* What is explored: a page strategy, or a driver design on one. */
struct exhibit {
	const struct balloon_strategy *strategy;
	const struct balloon_driver_design *design; /* NULL: pages alone */
	const char *driver;                         /* its name */
	const struct stage *stage;
};

/* Its scenarios. */
struct menu {
	bool is_of_drivers;
	struct scenarios pages;
	struct drives drives;
	size_t n;
};

/* Of one exhibit. */
struct sum {
	uint64_t n_scenarios;
	uint64_t n_schedules[SEARCH_PREEMPTIONS_MAX + 1]; /* with exactly so many preemptions */
	uint64_t n_classes;
	uint64_t n_cut;
	uint64_t n_walks;
	uint64_t n_steps;
	uint64_t n_found;
	uint64_t n_asserted; /* scenarios in which assertions about locks alone failed */
	clock_t begin;
};

static _Noreturn void die(const char *what)
{
	fprintf(stderr, "balloon-explore: %s: %s\n", what, strerror(errno));
	exit(EXIT_FAILED);
}

const char options_program[] = "balloon-explore";

/* ---- Options --------------------------------------------------------------------------------- */

enum {
	STRATEGY = COMMAND_LINE_KEY,
	DRIVER,
	SCENARIO,
	TRIPLES,
	PREEMPTIONS,
	DELAYS,
	VALUES,
	EVERY_ACCESS,
	RACES,
	REDUCE,
	CHECK_REDUCTION,
	RANDOM,
	SEED,
	PCT,
	LIST,
	REPLAY,
	KEEP_GOING,
	MATRIX,
	FUNCTIONS,
	JSON,
	HTML,
};

static const struct argp_option rows[] = {
	{"strategy", STRATEGY, "LIST", 0,
		"page strategies, as a,b,c (all that the library has; with --driver isolated-bit), "
		"or historical forms: 'mapcount@3.18'",
		0},
	{"driver", DRIVER, "LIST", 0,
		"drivers of these designs, as a,b,c, or all, in place of pages alone", 0},
	{"scenario", SCENARIO, "NAME", 0,
		"one of --list, or all of a name without what is isolated, pages and devices: "
		"'dequeue|isolate+putback' (all); or that of a hazard, 'historical:H-06', or "
		"all of those, 'historical'",
		0},
	{"triples", TRIPLES, NULL, 0, "three threads as well", 0},
	{"preemptions", PREEMPTIONS, "N", 0,
		"so many in a schedule, at most: 0 to 12 (2; of --matrix 3)", 0},
	{"delays", DELAYS, "N", 0,
		"bound delays of a scheduler that takes turns in place of preemptions: 0 to 12", 0},
	{"values", VALUES, "N", 0,
		"with --driver: so many answers of the host and allocations in a schedule that are "
		"not the usual ones, at most: 0 to 4 (0)",
		0},
	{"every-access", EVERY_ACCESS, NULL, 0,
		"with --driver: preemptions before plain accesses under a lock, too", 0},
	{"races", RACES, NULL, 0,
		"a race between plain accesses, which no lock orders, is a finding, too", 0},
	{"reduce", REDUCE, NULL, 0,
		"any number of preemptions; of schedules that differ in nothing but the order of steps "
		"that do not depend on each other, one",
		0},
	{"check-reduction", CHECK_REDUCTION, NULL, 0,
		"make both searches, and see whether --reduce misses an end or a finding of the other",
		0},
	{"random", RANDOM, "N", 0, "so many schedules of each scenario at random, instead of all",
		0},
	{"seed", SEED, "S", 0, "of --random: the same makes the same (1)", 0},
	{"pct", PCT, "D", 0,
		"of --random: threads have priorities, of which D - 1 change on the way: 1 to 16",
		0},
	{"list", LIST, NULL, 0, "print the names of the scenarios", 0},
	{"replay", REPLAY, "SCHEDULE", 0, "show this schedule of one scenario and strategy", 0},
	{"keep-going", KEEP_GOING, NULL, 0, "do not end at the first scenario with a finding", 0},
	{"matrix", MATRIX, NULL, 0,
		"which hazard befalls which historical form: what is predicted, and what is found",
		0},
	{"functions", FUNCTIONS, NULL, 0, "in tables, name functions instead of lines", 0},
	{"json", JSON, "FILE", 0, "write results to this file, too", 0},
	{"html", HTML, "FILE", 0, "write what is found to this file, as a page to step through", 0},
	{0}};

static void add_strategy(const char *option, const char *name, void *context)
{
	struct options *options = context;
	const struct historical_form *form = surroundings_form(name);
	const struct balloon_strategy *strategy =
		form ? form->strategy : balloon_strategy_find(name);
	if (!strategy || options->n_strategies == STRATEGIES_MAX)
		options_wrong("%s: no strategy '%s'", option, name);
	options->strategies[options->n_strategies++] = strategy;
}

static void add_design(const char *option, const char *name, void *context)
{
	struct options *options = context;
	const struct balloon_driver_design *design = balloon_driver_design_find(name);
	if (!design || options->n_designs == DESIGNS_MAX)
		options_wrong("%s: no driver design '%s'", option, name);
	options->designs[options->n_designs++] = design;
}

static void add_all_designs(struct options *options)
{
	options->n_designs = 0;
	for (size_t i = 0; i < DESIGNS_MAX && balloon_driver_design_at(i); i++)
		options->designs[options->n_designs++] = balloon_driver_design_at(i);
}

static int take(void *context, int key, char *value)
{
	struct options *options = context;
	switch (key) {
	case STRATEGY:
		if (strcmp(value, "all") != 0)
			options_each("--strategy", value, add_strategy, options);
		return 0;
	case SCENARIO:
		options->scenario = value;
		return 0;
	case TRIPLES:
		options->has_triples = true;
		return 0;
	case PREEMPTIONS:
		options->n_preemptions =
			(uint32_t)options_number("--preemptions", value, 0, SEARCH_PREEMPTIONS_MAX);
		return 0;
	case DRIVER:
		if (!strcmp(value, "all"))
			add_all_designs(options);
		else
			options_each("--driver", value, add_design, options);
		return 0;
	case DELAYS:
		options->counts_delays = true;
		options->n_preemptions =
			(uint32_t)options_number("--delays", value, 0, SEARCH_PREEMPTIONS_MAX);
		return 0;
	case VALUES:
		options->n_values =
			(uint32_t)options_number("--values", value, 0, SEARCH_VALUES_MAX);
		return 0;
	case EVERY_ACCESS:
		options->at_every_access = true;
		return 0;
	case RACES:
		options->looks_for_races = true;
		return 0;
	case REDUCE:
		options->is_reduced = true;
		return 0;
	case CHECK_REDUCTION:
		options->checks_reduction = true;
		return 0;
	case RANDOM:
		options->walk.n_walks = options_number("--random", value, 1, UINT32_MAX);
		return 0;
	case SEED:
		options->walk.seed = options_number("--seed", value, 0, UINT64_MAX);
		return 0;
	case PCT:
		options->walk.depth = (uint32_t)options_number("--pct", value, 1, WALK_DEPTH_MAX);
		return 0;
	case LIST:
		options->is_list = true;
		return 0;
	case REPLAY:
		options->schedule = value;
		return 0;
	case MATRIX:
		options->is_matrix = true;
		return 0;
	case FUNCTIONS:
		source_name_functions(true);
		return 0;
	case KEEP_GOING:
		options->goes_on = true;
		return 0;
	case JSON:
		options->json = value;
		return 0;
	case HTML:
		options->html = value;
		return 0;
	default:
		options_wrong("%s: no such argument", value);
	}
}

static const struct command_line line = {
	.name = "balloon-explore",
	.about = "Run every schedule of a few threads on page strategies, or on drivers, up to a "
		 "bound on preemptions.\n",
	.after = "Exit status: 0 nothing found, 1 a finding, or something failed, 2 wrong usage.",
	.options = rows,
	.take = take,
};

/* The name of all scenarios of history; that of one begins with it. */
static const char historical[] = "historical";

static bool is_historical(const struct options *options)
{
	return options->n_designs == 0 && options->scenario &&
	       !strncmp(options->scenario, historical, sizeof(historical) - 1);
}

/* What does not go together. */
static void check_together(const struct options *options)
{
	bool is_reduced = options->is_reduced || options->checks_reduction;
	if (options->is_matrix && (options->n_strategies > 0 || options->n_designs > 0 ||
					  options->scenario || options->schedule || options->html))
		options_wrong("--matrix: of all strategies and scenarios of history, and no page");
	if (options->walk.n_walks && is_reduced)
		options_wrong("--random and --reduce: one of them");
	if (options->walk.depth && !options->walk.n_walks)
		options_wrong("--pct: of --random");
	if ((options->walk.n_walks || is_reduced) && (options->counts_delays || options->html))
		options_wrong("--random, --reduce: without --delays and --html");
	if ((is_reduced || options->looks_for_races) &&
		(options->n_designs > 0 || is_historical(options)))
		options_wrong("--reduce, --races: of page strategies, in no scenario of history");
}

static void parse(struct options *options, int argc, char **argv)
{
	enum { USUAL = 2, OF_MATRIX = 3, OPEN = UINT8_MAX };
	*options = (struct options){.n_preemptions = OPEN, .walk = {.seed = 1}};
	int status = command_line_read(&line, argc, argv, options);
	if (status != COMMAND_LINE_GO_ON)
		exit(status);
	check_together(options);
	if (options->n_preemptions == OPEN)
		options->n_preemptions = options->is_matrix ? OF_MATRIX : USUAL;
	if (options->n_designs > 0 && options->n_strategies == 0)
		add_strategy("--driver", "isolated-bit", options);
	for (size_t i = 0; options->n_strategies == i && i < STRATEGIES_MAX; i++)
		if (balloon_strategy_at(i))
			options->strategies[options->n_strategies++] = balloon_strategy_at(i);
}

/* ---- What there is to explore ---------------------------------------------------------------- */

static struct exhibit exhibit_of(
	const struct balloon_strategy *strategy, const struct balloon_driver_design *design)
{
	struct balloon_driver_design_info info = {.name = NULL};
	if (design)
		balloon_driver_design_describe(design, &info);
	return (struct exhibit){strategy, design, info.name, design ? &drive_stage : &play_stage};
}

/* "isolated-bit", "split on isolated-bit". */
static const char *title_of(const struct exhibit *exhibit)
{
	static char title[96];
	snprintf(title, sizeof(title), "%s%s%s", exhibit->driver ? exhibit->driver : "",
		exhibit->driver ? " on " : "", exhibit->strategy->name);
	return title;
}

/* The command that makes a schedule again. */
static const char *command_of(
	const struct exhibit *exhibit, const char *scenario, const char *schedule, bool is_race)
{
	static char command[SEARCH_TEXT_MAX + 256];
	snprintf(command, sizeof(command),
		"balloon-explore%s%s --strategy %s --scenario '%s'%s --replay %s",
		exhibit->driver ? " --driver " : "", exhibit->driver ? exhibit->driver : "",
		exhibit->strategy->name, scenario, is_race ? " --races" : "", schedule);
	return command;
}

static bool generate(const struct options *options, struct menu *menu)
{
	bool has_triples = options->has_triples || options->scenario;
	bool is_done;
	*menu = (struct menu){.is_of_drivers = options->n_designs > 0};
	if (menu->is_of_drivers)
		is_done = drives_generate(&menu->drives, has_triples);
	else if (is_historical(options))
		is_done = history_scenarios(&menu->pages);
	else
		is_done = scenarios_generate(&menu->pages, has_triples);
	menu->n = menu->is_of_drivers ? menu->drives.n : menu->pages.n;
	return is_done;
}

static const char *name_of(const struct menu *menu, size_t i)
{
	return menu->is_of_drivers ? menu->drives.all[i].name : menu->pages.all[i].name;
}

static bool is_wanted(const struct options *options, const struct menu *menu, size_t i)
{
	if (!options->scenario)
		return true;
	if (menu->is_of_drivers)
		return !strcmp(name_of(menu, i), options->scenario);
	return !strcmp(options->scenario, historical) ||
	       scenario_is(&menu->pages.all[i], options->scenario);
}

/* What a finding of a hazard says; NULL: any is one. */
static const struct search_sign *sign_of(const struct menu *menu, size_t i)
{
	return menu->is_of_drivers ? NULL : menu->pages.all[i].sign;
}

/* Returns false: *report says what was found before there are threads. */
static bool open_scenario(const struct menu *menu, size_t i, const struct exhibit *exhibit,
	struct engine_report *report)
{
	if (exhibit->design)
		return drive_open(&menu->drives.all[i], exhibit->design, exhibit->strategy, report);
	return play_open(&menu->pages.all[i], exhibit->strategy, report);
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
}

static void begin_runs(const struct options *options)
{
	if (json)
		fprintf(json, "{\"%s\": %" PRIu32 ", \"runs\": [",
			options->counts_delays ? "delays" : "preemptions", options->n_preemptions);
}

static void close_json(const struct options *options)
{
	if (json && ferror(json) | fclose(json))
		die(options->json);
}

static void put_quoted(const char *text)
{
	putc('"', json);
	for (; *text; text++)
		if (*text == '"' || *text == '\\')
			fprintf(json, "\\%c", *text);
		else if ((unsigned char)*text < ' ')
			fprintf(json, "\\u%04x", (unsigned)*text);
		else
			putc(*text, json);
	putc('"', json);
}

static void put_finding(const struct search_finding *finding)
{
	char schedule[SEARCH_TEXT_MAX];
	search_format(&finding->schedule, schedule, sizeof(schedule));
	fprintf(json,
		"{\"kind\": \"%s\", \"what\": ", engine_finding_name(finding->report.finding));
	put_quoted(finding->report.what);
	fprintf(json,
		", \"preemptions\": %" PRIu32 ", \"steps\": %" PRIu64 ", \"schedule\": \"%s\"}",
		finding->n_preemptions, finding->report.step, schedule);
}

/* Counts are of all schedules with at most 0, 1, ... preemptions. */
static void put_run(const struct options *options, const struct exhibit *exhibit,
	const char *scenario, const struct search_result *result)
{
	uint64_t n = 0;
	if (!json)
		return;
	fprintf(json, "%s\n{\"strategy\": \"%s\", ", is_json_begun ? "," : "",
		exhibit->strategy->name);
	is_json_begun = true;
	if (exhibit->driver)
		fprintf(json, "\"driver\": \"%s\", ", exhibit->driver);
	fputs("\"scenario\": ", json);
	put_quoted(scenario);
	fputs(", \"schedules\": [", json);
	for (uint32_t i = 0; i <= options->n_preemptions; i++)
		fprintf(json, "%s%" PRIu64, i ? ", " : "", n += result->n_schedules[i]);
	fprintf(json, "], \"steps\": %" PRIu64 ", \"found\": %" PRIu64 ", \"asserted\": %" PRIu64,
		result->n_steps, result->n_found, result->n_asserted);
	fputs(", \"finding\": ", json);
	if (result->finding)
		put_finding(result->finding);
	else
		fputs("null", json);
	if (options->walk.n_walks)
		fprintf(json, ", \"walks\": %" PRIu64, result->n_walks);
	if (options->is_reduced)
		fprintf(json, ", \"classes\": %" PRIu64 ", \"cut\": %" PRIu64, result->n_classes,
			result->n_cut);
	putc('}', json);
}

/* ---- Results as a page ----------------------------------------------------------------------- */

static void open_page(const struct options *options)
{
	if (options->html && !page_open(options->html))
		die(options->html);
}

static void close_page(const struct options *options)
{
	if (!page_close())
		die(options->html);
}

static void put_sum(
	const struct options *options, const struct exhibit *exhibit, const struct sum *sum)
{
	const struct page_counts counts = {.title = title_of(exhibit),
		.n_scenarios = sum->n_scenarios,
		.n_schedules = sum->n_schedules,
		.n_preemptions = options->n_preemptions,
		.n_found = sum->n_found,
		.n_asserted = sum->n_asserted};
	page_add_counts(&counts);
}

/* ---- Results for people ---------------------------------------------------------------------- */

static bool is_terminal(void)
{
	static int is_one = -1;
	if (is_one < 0)
		is_one = isatty(STDERR_FILENO);
	return is_one;
}

static char progress[160];

static void show_progress(uint64_t n_schedules)
{
	if (is_terminal())
		fprintf(stderr, "\r\033[K%s, %" PRIu64 " schedules", progress, n_schedules);
}

static void end_progress(void)
{
	if (is_terminal())
		fputs("\r\033[K", stderr);
}

/* Returns the sum. */
static uint64_t print_counts(const struct options *options, const uint64_t *n_schedules,
	uint64_t n_classes, uint64_t n_walks)
{
	uint64_t n = 0;
	if (n_walks) {
		printf("%" PRIu64 " schedules at random", n_walks);
		return n_walks;
	}
	if (options->is_reduced) {
		printf("%" PRIu64 " classes of schedules", n_classes);
		return n_classes;
	}
	for (uint32_t i = 0; i <= options->n_preemptions; i++)
		printf("%s%" PRIu64, i ? " / " : "", n += n_schedules[i]);
	printf(" schedules");
	return n;
}

static void print_race(void)
{
	struct clocks_race race = clocks_last_race();
	const uintptr_t addresses[] = {race.first, race.second};
	struct source_place places[2];
	source_find(addresses, 2, places);
	printf("  race: %s and %s\n", places[0].name, places[1].name);
}

static void print_finding(
	const struct exhibit *exhibit, const char *scenario, const struct search_finding *finding)
{
	static struct engine_report report;
	char schedule[SEARCH_TEXT_MAX];
	search_format(&finding->schedule, schedule, sizeof(schedule));
	struct page_finding on_page = {.title = title_of(exhibit),
		.scenario = scenario,
		.command = command_of(
			exhibit, scenario, schedule, finding->report.finding == ENGINE_RACE),
		.report = &finding->report};
	printf("%s, %s: %s: %s\n", title_of(exhibit), scenario,
		engine_finding_name(finding->report.finding), finding->report.what);
	if (finding->schedule.n_switches == 0) {
		printf("  before there are threads\n");
		page_add_finding(&on_page);
		return;
	}
	printf("  by %c after %" PRIu64 " steps, %" PRIu32 " %s\n",
		'a' + (int)finding->report.thread, finding->report.step, finding->n_preemptions,
		finding->counts_delays ? "delays" : "preemptions");
	on_page.rows = rows_make(exhibit->stage, &finding->schedule, &report);
	table_print(on_page.rows, stdout);
	page_add_finding(&on_page);
	if (report.finding == ENGINE_RACE)
		print_race();
	printf("replay: %s\n", on_page.command);
}

static void print_sum(
	const struct options *options, const struct exhibit *exhibit, const struct sum *sum)
{
	double seconds = (double)(clock() - sum->begin) / CLOCKS_PER_SEC;
	printf("%s: %" PRIu64 " scenarios, ", title_of(exhibit), sum->n_scenarios);
	uint64_t n = print_counts(options, sum->n_schedules, sum->n_classes, sum->n_walks);
	if (options->is_reduced)
		printf(", %" PRIu64 " more were cut", sum->n_cut);
	printf(", %" PRIu64 " steps, %.1f s, %.0f schedules a second; ", sum->n_steps, seconds,
		seconds > 0 ? (double)(n + sum->n_cut) / seconds : 0);
	printf("found in %" PRIu64 ", by assertions about locks alone in %" PRIu64 "\n",
		sum->n_found, sum->n_asserted);
}

/* ---- Searches -------------------------------------------------------------------------------- */

static struct search_options search_options_of(const struct options *options)
{
	return (struct search_options){.counts_delays = options->counts_delays,
		.n_values = options->n_values,
		.skips_protected = options->n_designs > 0 && !options->at_every_access,
		.progress = show_progress};
}

/* Of what is open and has a finding: the one with the fewest preemptions, and of those one with the fewest steps.
 * `asserted`: by an assertion about a lock alone. */
static struct search_finding *find_shortest(const struct options *options,
	const struct search_subject *subject, bool asserted, const struct search_sign *sign)
{
	struct search_options search = search_options_of(options);
	search.sign = sign;
	struct search_result result;
	struct search_finding *shortest = NULL;
	for (; !shortest && search.n_preemptions <= options->n_preemptions;
		search.n_preemptions++) {
		search_run(subject, &search, &result);
		shortest = asserted ? result.asserted : result.finding;
	}
	return shortest;
}

/* What was found without the bound may not be within it: it stays then. So does what was found at random, where
 * to search is too much. */
static void shorten(const struct options *options, const struct search_subject *subject,
	struct search_finding **finding, bool asserted, const struct search_sign *sign)
{
	static struct search_finding kept;
	if (!*finding || options->walk.n_walks)
		return;
	kept = **finding;
	*finding = find_shortest(options, subject, asserted, sign);
	if (!*finding)
		*finding = &kept;
}

static void run_search(const struct options *options, const struct search_subject *subject,
	const struct search_options *search, struct search_result *result)
{
	if (options->walk.n_walks)
		walk_run(subject, &options->walk, search, result);
	else if (options->is_reduced)
		reduce_run(subject, search, result);
	else
		search_run(subject, search, result);
}

/* A finding before there are threads: the map cannot even be made. */
static void find_before(const struct engine_report *report, struct search_result *result)
{
	static struct search_finding finding;
	finding.report = *report;
	finding.n_preemptions = 0;
	finding.schedule.n_switches = 0;
	*result = (struct search_result){.n_found = 1, .finding = &finding};
}

static void explore(const struct options *options, const struct exhibit *exhibit,
	const struct menu *menu, size_t i, struct search_result *result)
{
	static struct engine_report report;
	struct search_options search = search_options_of(options);
	search.n_preemptions = options->n_preemptions;
	search.ends_at_finding = true;
	search.sign = sign_of(menu, i);
	if (!open_scenario(menu, i, exhibit, &report)) {
		find_before(&report, result);
		return;
	}
	const struct search_subject *subject = exhibit->stage->subject();
	run_search(options, subject, &search, result);
	if (!result->finding && result->n_other > 0) {
		search.sign = NULL;
		run_search(options, subject, &search, result);
	}
	if (result->finding)
		shorten(options, subject, &result->finding, false, search.sign);
	else
		shorten(options, subject, &result->asserted, true, NULL);
}

/* Nothing else was found, but an assertion about a lock failed. */
static void print_asserted(const struct options *options, const struct exhibit *exhibit,
	const struct menu *menu, size_t i)
{
	struct search_result result;
	explore(options, exhibit, menu, i, &result);
	print_finding(exhibit, name_of(menu, i), result.asserted);
}

static void add(struct sum *sum, const struct search_result *result)
{
	sum->n_scenarios++;
	sum->n_steps += result->n_steps;
	sum->n_found += result->finding != NULL;
	sum->n_asserted += !result->finding && result->asserted;
	sum->n_classes += result->n_classes;
	sum->n_cut += result->n_cut;
	sum->n_walks += result->n_walks;
	for (uint32_t i = 0; i <= SEARCH_PREEMPTIONS_MAX; i++)
		sum->n_schedules[i] += result->n_schedules[i];
}

/* Returns whether there is a finding. */
static bool explore_exhibit(
	const struct options *options, const struct menu *menu, const struct exhibit *exhibit)
{
	struct sum sum = {.begin = clock()};
	struct search_result result;
	size_t asserted = menu->n; /* the first such */
	bool is_found = false;
	for (size_t i = 0; i < menu->n && (!is_found || options->goes_on); i++) {
		if (!is_wanted(options, menu, i))
			continue;
		snprintf(progress, sizeof(progress), "%s, %zu of %zu scenarios", title_of(exhibit),
			i, menu->n);
		show_progress(0);
		explore(options, exhibit, menu, i, &result);
		end_progress();
		add(&sum, &result);
		put_run(options, exhibit, name_of(menu, i), &result);
		if (options->scenario) {
			printf("%s, %s: ", title_of(exhibit), name_of(menu, i));
			print_counts(options, result.n_schedules, result.n_classes, result.n_walks);
			putchar('\n');
		}
		if (result.asserted && asserted == menu->n)
			asserted = i;
		if (!result.finding)
			continue;
		is_found = true;
		print_finding(exhibit, name_of(menu, i), result.finding);
	}
	if (asserted < menu->n && !is_found)
		print_asserted(options, exhibit, menu, asserted);
	print_sum(options, exhibit, &sum);
	put_sum(options, exhibit, &sum);
	return is_found || asserted < menu->n;
}

/* Every design on every strategy, or the strategies alone. */
static int explore_all(const struct options *options, const struct menu *menu)
{
	bool is_found = false;
	uint32_t n_designs = options->n_designs ? options->n_designs : 1;
	begin_runs(options);
	open_page(options);
	for (uint32_t i = 0; i < n_designs * options->n_strategies; i++) {
		struct exhibit exhibit = exhibit_of(options->strategies[i % options->n_strategies],
			options->designs[i / options->n_strategies]);
		if (!is_found || options->goes_on)
			is_found |= explore_exhibit(options, menu, &exhibit);
	}
	if (json)
		fputs("\n]}\n", json);
	close_page(options);
	return is_found ? EXIT_FAILED : 0;
}

/* ---- With and without reduction -------------------------------------------------------------- */

/* Of a strategy. */
struct agreement {
	uint64_t n_scenarios;
	uint64_t n_exhausted;
	uint64_t n_schedules;
	uint64_t n_classes;
	uint64_t n_cut;
	uint64_t n_ends;
	uint64_t n_ends_reduced;
	uint64_t n_findings;
	uint64_t n_findings_reduced;
	double seconds;
	double seconds_reduced;
};

static void add_agreement(struct agreement *sum, const struct agree_result *result)
{
	sum->n_scenarios++;
	sum->n_exhausted += result->is_exhausted;
	for (uint32_t i = 0; i <= SEARCH_PREEMPTIONS_MAX; i++)
		sum->n_schedules += result->bounded.result.n_schedules[i];
	sum->n_classes += result->reduced.result.n_classes;
	sum->n_cut += result->reduced.result.n_cut;
	sum->n_ends += result->bounded.n_ends;
	sum->n_ends_reduced += result->reduced.n_ends;
	sum->n_findings += result->bounded.n_findings;
	sum->n_findings_reduced += result->reduced.n_findings;
	sum->seconds += result->bounded.seconds;
	sum->seconds_reduced += result->reduced.seconds;
}

static void print_agreement(const struct options *options, const struct balloon_strategy *strategy,
	const struct agreement *sum)
{
	printf("%s: %" PRIu64 " scenarios; at %" PRIu32 " preemptions %" PRIu64
	       " schedules, %" PRIu64 " ends, %" PRIu64
	       " findings, %.1f s; reduced, without bound, %" PRIu64 " classes, %" PRIu64
	       " more were cut, %" PRIu64 " ends, %" PRIu64 " findings, %.1f s; in %" PRIu64
	       " no schedule has more preemptions\n",
		strategy->name, sum->n_scenarios, options->n_preemptions, sum->n_schedules,
		sum->n_ends, sum->n_findings, sum->seconds, sum->n_classes, sum->n_cut,
		sum->n_ends_reduced, sum->n_findings_reduced, sum->seconds_reduced,
		sum->n_exhausted);
}

/* Returns whether both agree. */
static bool check_strategy(const struct options *options, const struct menu *menu,
	const struct balloon_strategy *strategy)
{
	const struct scenarios *scenarios = &menu->pages;
	struct agreement sum = {.n_scenarios = 0};
	struct agree_result result;
	bool do_agree = true;
	for (size_t i = 0; i < scenarios->n; i++) {
		if (!is_wanted(options, menu, i))
			continue;
		if (!agree_check(&scenarios->all[i], strategy, options->n_preemptions, &result)) {
			printf("%s, %s: reduced, %" PRIu32 " of %" PRIu32
			       " ends and findings are missed, and %" PRIu32 " seen besides\n",
				strategy->name, scenarios->all[i].name, result.n_missed,
				result.bounded.n_ends + result.bounded.n_findings, result.n_more);
			do_agree = false;
		}
		add_agreement(&sum, &result);
	}
	print_agreement(options, strategy, &sum);
	return do_agree;
}

static int check_reduction(const struct options *options, const struct menu *menu)
{
	bool do_agree = true;
	for (uint32_t i = 0; i < options->n_strategies; i++)
		do_agree &= check_strategy(options, menu, options->strategies[i]);
	return do_agree ? 0 : EXIT_FAILED;
}

/* ---- The program ----------------------------------------------------------------------------- */

static size_t the_only(const struct options *options, const struct menu *menu)
{
	size_t only = menu->n;
	for (size_t i = 0; i < menu->n; i++)
		if (is_wanted(options, menu, i)) {
			if (only < menu->n)
				options_wrong("--replay: of one scenario");
			only = i;
		}
	return only;
}

static int replay(const struct options *options, const struct menu *menu)
{
	static struct search_schedule schedule;
	static struct engine_report report;
	size_t only = the_only(options, menu);
	if (options->n_strategies != 1 || options->n_designs > 1)
		options_wrong("--replay: of one strategy, and of one driver at most");
	struct exhibit exhibit = exhibit_of(options->strategies[0], options->designs[0]);
	struct page_finding on_page = {.title = title_of(&exhibit),
		.scenario = name_of(menu, only),
		.command = command_of(
			&exhibit, name_of(menu, only), options->schedule, options->looks_for_races),
		.report = &report};
	bool is_asserted;
	bool is_found = !open_scenario(menu, only, &exhibit, &report);
	uint32_t n_threads = exhibit.stage->subject()->n_threads;
	if (!search_parse(options->schedule, n_threads, &schedule))
		options_wrong("--replay: '%s' is no schedule of %u threads", options->schedule,
			(unsigned)n_threads);
	if (!is_found) {
		search_replay(exhibit.stage->subject(), &schedule, &report, &is_asserted);
		if (!strcmp(report.what, search_misfit))
			options_wrong("--replay: '%s': %s", options->schedule, search_misfit);
		on_page.rows = rows_make(exhibit.stage, &schedule, &report);
		table_print(on_page.rows, stdout);
		is_found = report.finding != ENGINE_NONE;
	}
	open_page(options);
	page_add_finding(&on_page);
	close_page(options);
	printf("%s, %s: %s", title_of(&exhibit), name_of(menu, only),
		engine_finding_name(report.finding));
	printf(is_found ? ": %s\n" : "\n", report.what);
	return is_found ? EXIT_FAILED : 0;
}

static void list(const struct options *options, const struct menu *menu)
{
	for (size_t i = 0; i < menu->n; i++)
		if (is_wanted(options, menu, i))
			puts(name_of(menu, i));
}

static void check_scenario(const struct options *options, const struct menu *menu)
{
	for (size_t i = 0; i < menu->n; i++)
		if (is_wanted(options, menu, i))
			return;
	options_wrong("--scenario: no scenario '%s'", options->scenario);
}

static int print_matrix(const struct options *options)
{
	return matrix_print(options->n_preemptions, stdout, json) ? EXIT_FAILED : 0;
}

static int run(const struct options *options, const struct menu *menu)
{
	if (options->is_list) {
		list(options, menu);
		return 0;
	}
	if (options->schedule)
		return replay(options, menu);
	if (options->checks_reduction)
		return check_reduction(options, menu);
	open_json(options);
	int status = options->is_matrix ? print_matrix(options) : explore_all(options, menu);
	close_json(options);
	return status;
}

int main(int argc, char **argv)
{
	static struct options options;
	struct menu menu;
	parse(&options, argc, argv);
	if (!generate(&options, &menu))
		die("scenarios");
	check_scenario(&options, &menu);
	engine_watch(5);
	play_look_for_races(options.looks_for_races);
	int status = run(&options, &menu);
	scenarios_free(&menu.pages);
	free(menu.drives.all);
	if (fflush(stdout) != 0)
		die("standard output");
	return status;
}
