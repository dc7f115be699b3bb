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
 * of what the kernel had around them (history.h, surroundings.h); drivers as it had them, beside the host and the frames
 * of the simulation (driver-history.h).
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
 * What is not. Memory is sequentially consistent: an order that is too weak is not found; what locks and events do
 * inside is for balloon-explore-memory (memory/main.c). There is one thread of the system. Code that touches shared
 * memory without <balloon/sync.h> runs as one with the step before it. More preemptions, threads, calls and pages than
 * were asked for: not explored. Without --reduce no schedule is left out as equal to another: what is looked at once is
 * the end of those that end alike, calls, results and all memory of the map.
 */

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "explore/agree.h"
#include "explore/matrix.h"
#include "explore/page.h"
#include "explore/play.h"
#include "explore/reduce.h"
#include "explore/results.h"
#include "explore/table.h"
#include "options.h"

enum { EXIT_FAILED = 1 };

/* ---- Searches -------------------------------------------------------------------------------- */

static struct search_options search_options_of(const struct options *options)
{
	return (struct search_options){.counts_delays = options->counts_delays,
		.n_values = options->n_values,
		.skips_protected = options->n_designs > 0 && !options->at_every_access,
		.progress = results_show_progress};
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
	search.sign = menu_sign(menu, i);
	if (!menu_open(menu, i, exhibit, &report)) {
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
	results_add_finding(exhibit, menu_name(menu, i), result.asserted);
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
		if (!menu_wants(options, menu, i))
			continue;
		results_begin_scenario(exhibit, menu, i);
		explore(options, exhibit, menu, i, &result);
		add(&sum, &result);
		results_end_scenario(options, exhibit, menu_name(menu, i), &result);
		if (result.asserted && asserted == menu->n)
			asserted = i;
		if (!result.finding)
			continue;
		is_found = true;
		results_add_finding(exhibit, menu_name(menu, i), result.finding);
	}
	if (asserted < menu->n && !is_found)
		print_asserted(options, exhibit, menu, asserted);
	results_add_sum(options, exhibit, &sum);
	return is_found || asserted < menu->n;
}

/* Every design on every strategy, or the strategies alone. */
static int explore_all(const struct options *options, const struct menu *menu)
{
	bool is_found = false;
	uint32_t n_designs = options->n_designs ? options->n_designs : 1;
	for (uint32_t i = 0; i < n_designs * options->n_strategies; i++) {
		struct exhibit exhibit = exhibit_of(options->strategies[i % options->n_strategies],
			options->designs[i / options->n_strategies]);
		if (!is_found || options->goes_on)
			is_found |= explore_exhibit(options, menu, &exhibit);
	}
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
		if (!menu_wants(options, menu, i))
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
		if (menu_wants(options, menu, i)) {
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
	struct page_finding on_page = {.title = exhibit_title(&exhibit),
		.scenario = menu_name(menu, only),
		.command = exhibit_command(&exhibit, menu_name(menu, only), options->schedule,
			options->looks_for_races),
		.report = &report};
	bool is_asserted;
	bool is_found = !menu_open(menu, only, &exhibit, &report);
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
	results_open(options);
	page_add_finding(&on_page);
	results_close(options);
	printf("%s, %s: %s", exhibit_title(&exhibit), menu_name(menu, only),
		engine_finding_name(report.finding));
	printf(is_found ? ": %s\n" : "\n", report.what);
	return is_found ? EXIT_FAILED : 0;
}

static void list(const struct options *options, const struct menu *menu)
{
	for (size_t i = 0; i < menu->n; i++)
		if (menu_wants(options, menu, i))
			puts(menu_name(menu, i));
}

static void check_scenario(const struct options *options, const struct menu *menu)
{
	for (size_t i = 0; i < menu->n; i++)
		if (menu_wants(options, menu, i))
			return;
	options_wrong("--scenario: no scenario '%s'", options->scenario);
}

static int print_matrix(const struct options *options)
{
	return matrix_print(options->n_preemptions, stdout, results_json()) ? EXIT_FAILED : 0;
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
	results_open(options);
	int status = options->is_matrix ? print_matrix(options) : explore_all(options, menu);
	results_close(options);
	return status;
}

int main(int argc, char **argv)
{
	static struct options options;
	struct menu menu;
	command_parse(&options, argc, argv);
	if (!menu_make(&options, &menu))
		command_die("scenarios");
	check_scenario(&options, &menu);
	engine_watch(5);
	play_look_for_races(options.looks_for_races);
	int status = run(&options, &menu);
	menu_clear(&menu);
	if (fflush(stdout) != 0)
		command_die("standard output");
	return status;
}
