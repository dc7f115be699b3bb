/* SPDX-License-Identifier: MIT */
/*
 * balloon-explore: every schedule of a few threads on a small map, up to a bound on preemptions.
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
 * Without a bound: --reduce, which makes one schedule of each class of those that are equal to every oracle
 * (reduce.h); --check-reduction holds it against the search. What is too large for both: --random. With
 * --races, two plain accesses that no lock orders are a finding, too (clocks.h), in whichever order they come.
 *
 * What is not. Memory is sequentially consistent: an order that is too weak is not found. What the locks do inside (their words, waiting, waking) are scenarios of tests/simulation. There is one thread of the
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

#include <balloon/strategy.h>

#include "common/command-line.h"
#include "explore/agree.h"
#include "explore/clocks.h"
#include "explore/reduce.h"
#include "explore/source.h"
#include "explore/table.h"
#include "explore/walk.h"
#include "options.h"

enum { EXIT_FAILED = 1, STRATEGIES_MAX = 16 };

struct options {
	const struct balloon_strategy *strategies[STRATEGIES_MAX];
	uint32_t n_strategies;
	const char *scenario; /* NULL: all */
	const char *schedule; /* to replay; NULL */
	const char *json;
	uint32_t n_preemptions;
	struct walk_options walk; /* n_walks 0: none */
	bool looks_for_races;
	bool is_reduced;
	bool checks_reduction;
	bool has_triples;
	bool is_list;
	bool goes_on;
};

/* Of one strategy. */
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
	SCENARIO,
	TRIPLES,
	PREEMPTIONS,
	RACES,
	REDUCE,
	CHECK_REDUCTION,
	RANDOM,
	SEED,
	PCT,
	LIST,
	REPLAY,
	KEEP_GOING,
	JSON,
};

static const struct argp_option rows[] = {
	{"strategy", STRATEGY, "LIST", 0, "page strategies, as a,b,c (all)", 0},
	{"scenario", SCENARIO, "NAME", 0,
		"one of --list, or all of a name without what is isolated, pages and devices: "
		"'dequeue|isolate+putback' (all)",
		0},
	{"triples", TRIPLES, NULL, 0, "three threads as well", 0},
	{"preemptions", PREEMPTIONS, "N", 0, "so many in a schedule, at most: 0 to 12 (2)", 0},
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
	{"json", JSON, "FILE", 0, "write results to this file, too", 0}, {0}};

static void add_strategy(const char *option, const char *name, void *context)
{
	struct options *options = context;
	const struct balloon_strategy *strategy = balloon_strategy_find(name);
	if (!strategy || options->n_strategies == STRATEGIES_MAX)
		options_wrong("%s: no strategy '%s'", option, name);
	options->strategies[options->n_strategies++] = strategy;
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
	case KEEP_GOING:
		options->goes_on = true;
		return 0;
	case JSON:
		options->json = value;
		return 0;
	default:
		options_wrong("%s: no such argument", value);
	}
}

static const struct command_line line = {
	.name = "balloon-explore",
	.about = "Run every schedule of a few threads on page strategies, up to a bound on "
		 "preemptions.\n",
	.after = "Exit status: 0 nothing found, 1 a finding, or something failed, 2 wrong usage.",
	.options = rows,
	.take = take,
};

static void parse(struct options *options, int argc, char **argv)
{
	*options = (struct options){.n_preemptions = 2, .walk = {.seed = 1}};
	int status = command_line_read(&line, argc, argv, options);
	if (status != COMMAND_LINE_GO_ON)
		exit(status);
	if (options->walk.n_walks && options->is_reduced)
		options_wrong("--random and --reduce: one of them");
	if (options->walk.depth && !options->walk.n_walks)
		options_wrong("--pct: of --random");
	for (size_t i = 0; options->n_strategies == i && i < STRATEGIES_MAX; i++)
		if (balloon_strategy_at(i))
			options->strategies[options->n_strategies++] = balloon_strategy_at(i);
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
	fprintf(json, "{\"preemptions\": %" PRIu32 ", \"runs\": [", options->n_preemptions);
}

static void close_json(const struct options *options)
{
	if (!json)
		return;
	fputs("\n]}\n", json);
	if (ferror(json) | fclose(json))
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
static void put_run(const struct options *options, const struct balloon_strategy *strategy,
	const struct scenario *scenario, const struct search_result *result)
{
	uint64_t n = 0;
	if (!json)
		return;
	fprintf(json, "%s\n{\"strategy\": \"%s\", \"scenario\": ", is_json_begun ? "," : "",
		strategy->name);
	is_json_begun = true;
	put_quoted(scenario->name);
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
	char lines[2][48];
	source_lines(addresses, 2, lines);
	printf("  race: %s and %s\n", lines[0], lines[1]);
}

static void print_finding(const struct balloon_strategy *strategy, const struct scenario *scenario,
	const struct search_finding *finding)
{
	static struct engine_report report;
	char schedule[SEARCH_TEXT_MAX];
	search_format(&finding->schedule, schedule, sizeof(schedule));
	printf("%s, %s: %s: %s\n", strategy->name, scenario->name,
		engine_finding_name(finding->report.finding), finding->report.what);
	if (finding->schedule.n_switches == 0) {
		printf("  before there are threads\n");
		return;
	}
	printf("  by %c after %" PRIu64 " steps, %" PRIu32 " preemptions\n",
		'a' + (int)finding->report.thread, finding->report.step, finding->n_preemptions);
	table_print(&finding->schedule, &report, stdout);
	if (report.finding == ENGINE_RACE)
		print_race();
	printf("replay: balloon-explore --strategy %s --scenario '%s' %s--replay %s\n",
		strategy->name, scenario->name, report.finding == ENGINE_RACE ? "--races " : "",
		schedule);
}

static void print_sum(const struct options *options, const struct balloon_strategy *strategy,
	const struct sum *sum)
{
	double seconds = (double)(clock() - sum->begin) / CLOCKS_PER_SEC;
	printf("%s: %" PRIu64 " scenarios, ", strategy->name, sum->n_scenarios);
	uint64_t n = print_counts(options, sum->n_schedules, sum->n_classes, sum->n_walks);
	if (options->is_reduced)
		printf(", %" PRIu64 " more were cut", sum->n_cut);
	printf(", %" PRIu64 " steps, %.1f s, %.0f schedules a second; ", sum->n_steps, seconds,
		seconds > 0 ? (double)(n + sum->n_cut) / seconds : 0);
	printf("found in %" PRIu64 ", by assertions about locks alone in %" PRIu64 "\n",
		sum->n_found, sum->n_asserted);
}

/* ---- Searches -------------------------------------------------------------------------------- */

/* Of a scenario that has a finding: the one with the fewest preemptions, and of those one with the fewest
 * steps. `asserted`: by an assertion about a lock alone. */
static struct search_finding *find_shortest(uint32_t n_preemptions, bool asserted)
{
	struct search_options options = {.progress = show_progress};
	struct search_result result;
	struct search_finding *shortest = NULL;
	for (; !shortest && options.n_preemptions <= n_preemptions; options.n_preemptions++) {
		search_run(play_subject(), &options, &result);
		shortest = asserted ? result.asserted : result.finding;
	}
	return shortest;
}

/* What was found without the bound may not be within it: it stays then. So does what was found at random, where
 * to search is too much. */
static void shorten(const struct options *options, struct search_finding **finding, bool asserted)
{
	static struct search_finding kept;
	if (!*finding || options->walk.n_walks)
		return;
	kept = **finding;
	*finding = find_shortest(options->n_preemptions, asserted);
	if (!*finding)
		*finding = &kept;
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

static void explore(const struct options *options, const struct balloon_strategy *strategy,
	const struct scenario *scenario, struct search_result *result)
{
	static struct engine_report report;
	const struct search_options search_options = {.n_preemptions = options->n_preemptions,
		.ends_at_finding = true,
		.progress = show_progress};
	if (!play_open(scenario, strategy, &report)) {
		find_before(&report, result);
		return;
	}
	if (options->walk.n_walks)
		walk_run(play_subject(), &options->walk, &search_options, result);
	else if (options->is_reduced)
		reduce_run(play_subject(), &search_options, result);
	else
		search_run(play_subject(), &search_options, result);
	if (result->finding)
		shorten(options, &result->finding, false);
	else
		shorten(options, &result->asserted, true);
}

/* Nothing else was found, but an assertion about a lock failed. */
static void print_asserted(const struct options *options, const struct balloon_strategy *strategy,
	const struct scenario *scenario)
{
	struct search_result result;
	explore(options, strategy, scenario, &result);
	print_finding(strategy, scenario, result.asserted);
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

static bool is_wanted(const struct options *options, const struct scenario *scenario)
{
	return !options->scenario || scenario_is(scenario, options->scenario);
}

/* Returns whether there is a finding. */
static bool explore_strategy(const struct options *options, const struct scenarios *scenarios,
	const struct balloon_strategy *strategy)
{
	struct sum sum = {.begin = clock()};
	struct search_result result;
	const struct scenario *asserted = NULL; /* the first such */
	bool is_found = false;
	for (size_t i = 0; i < scenarios->n && (!is_found || options->goes_on); i++) {
		const struct scenario *scenario = &scenarios->all[i];
		if (!is_wanted(options, scenario))
			continue;
		snprintf(progress, sizeof(progress), "%s, %zu of %zu scenarios", strategy->name, i,
			scenarios->n);
		show_progress(0);
		explore(options, strategy, scenario, &result);
		end_progress();
		add(&sum, &result);
		put_run(options, strategy, scenario, &result);
		if (options->scenario) {
			printf("%s, %s: ", strategy->name, scenario->name);
			print_counts(options, result.n_schedules, result.n_classes, result.n_walks);
			putchar('\n');
		}
		if (result.asserted && !asserted)
			asserted = scenario;
		if (!result.finding)
			continue;
		is_found = true;
		print_finding(strategy, scenario, result.finding);
	}
	if (asserted && !is_found)
		print_asserted(options, strategy, asserted);
	print_sum(options, strategy, &sum);
	return is_found || asserted;
}

static int explore_all(const struct options *options, const struct scenarios *scenarios)
{
	bool is_found = false;
	open_json(options);
	for (uint32_t i = 0; i < options->n_strategies && (!is_found || options->goes_on); i++)
		is_found |= explore_strategy(options, scenarios, options->strategies[i]);
	close_json(options);
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
static bool check_strategy(const struct options *options, const struct scenarios *scenarios,
	const struct balloon_strategy *strategy)
{
	struct agreement sum = {.n_scenarios = 0};
	struct agree_result result;
	bool do_agree = true;
	for (size_t i = 0; i < scenarios->n; i++) {
		if (!is_wanted(options, &scenarios->all[i]))
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

static int check_reduction(const struct options *options, const struct scenarios *scenarios)
{
	bool do_agree = true;
	for (uint32_t i = 0; i < options->n_strategies; i++)
		do_agree &= check_strategy(options, scenarios, options->strategies[i]);
	return do_agree ? 0 : EXIT_FAILED;
}

/* ---- The program ----------------------------------------------------------------------------- */

static const struct scenario *the_only(
	const struct options *options, const struct scenarios *scenarios)
{
	const struct scenario *only = NULL;
	for (size_t i = 0; i < scenarios->n; i++)
		if (is_wanted(options, &scenarios->all[i])) {
			if (only)
				options_wrong("--replay: of one scenario");
			only = &scenarios->all[i];
		}
	return only;
}

static int replay(const struct options *options, const struct scenarios *scenarios)
{
	static struct search_schedule schedule;
	static struct engine_report report;
	const struct scenario *scenario = the_only(options, scenarios);
	if (options->n_strategies != 1)
		options_wrong("--replay: of one strategy");
	if (!search_parse(options->schedule, scenario->n_threads, &schedule))
		options_wrong("--replay: '%s' is no schedule of %u threads", options->schedule,
			(unsigned)scenario->n_threads);
	bool is_asserted;
	bool is_found = !play_open(scenario, options->strategies[0], &report);
	if (!is_found) {
		search_replay(play_subject(), &schedule, &report, &is_asserted);
		if (!strcmp(report.what, search_misfit))
			options_wrong("--replay: '%s': %s", options->schedule, search_misfit);
		is_found = table_print(&schedule, &report, stdout);
	}
	printf("%s, %s: %s", options->strategies[0]->name, scenario->name,
		engine_finding_name(report.finding));
	printf(is_found ? ": %s\n" : "\n", report.what);
	return is_found ? EXIT_FAILED : 0;
}

static void list(const struct options *options, const struct scenarios *scenarios)
{
	for (size_t i = 0; i < scenarios->n; i++)
		if (is_wanted(options, &scenarios->all[i]))
			puts(scenarios->all[i].name);
}

static void check_scenario(const struct options *options, const struct scenarios *scenarios)
{
	for (size_t i = 0; i < scenarios->n; i++)
		if (is_wanted(options, &scenarios->all[i]))
			return;
	options_wrong("--scenario: no scenario '%s'", options->scenario);
}

int main(int argc, char **argv)
{
	static struct options options;
	struct scenarios scenarios = {NULL, 0};
	int status = 0;
	parse(&options, argc, argv);
	if (!scenarios_generate(&scenarios, options.has_triples || options.scenario))
		die("scenarios");
	check_scenario(&options, &scenarios);
	engine_watch(5);
	play_look_for_races(options.looks_for_races);
	if (options.is_list)
		list(&options, &scenarios);
	else if (options.schedule)
		status = replay(&options, &scenarios);
	else if (options.checks_reduction)
		status = check_reduction(&options, &scenarios);
	else
		status = explore_all(&options, &scenarios);
	free(scenarios.all);
	if (fflush(stdout) != 0)
		die("standard output");
	return status;
}
