/* SPDX-License-Identifier: MIT */

#include "explore/results.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "explore/clocks.h"
#include "explore/page.h"
#include "explore/source.h"
#include "explore/table.h"
#include "text.h"

/* ---- Results as JSON ------------------------------------------------------------------------- */

static FILE *json;
static bool is_json_begun;

FILE *results_json(void)
{
	return json;
}

static void open_json(const struct options *options)
{
	json = fopen(options->json, "w");
	if (!json)
		command_die(options->json);
	if (!options->is_matrix)
		fprintf(json, "{\"%s\": %" PRIu32 ", \"runs\": [",
			options->counts_delays ? "delays" : "preemptions", options->n_preemptions);
}

static void close_json(const struct options *options)
{
	if (!options->is_matrix)
		fputs("\n]}\n", json);
	if (ferror(json) | fclose(json))
		command_die(options->json);
}

static void put_finding(const struct search_finding *finding)
{
	char schedule[SEARCH_TEXT_MAX];
	search_format(&finding->schedule, schedule, sizeof(schedule));
	fprintf(json,
		"{\"kind\": \"%s\", \"what\": ", engine_finding_name(finding->report.finding));
	text_put_quoted(finding->report.what, json);
	fprintf(json,
		", \"preemptions\": %" PRIu32 ", \"steps\": %" PRIu64 ", \"schedule\": \"%s\"}",
		finding->n_preemptions, finding->report.step, schedule);
}

/* Counts are of all schedules with at most 0, 1, ... preemptions. */
static void put_run(const struct options *options, const struct exhibit *exhibit,
	const char *scenario, const struct search_result *result)
{
	uint64_t n = 0;
	fprintf(json, "%s\n{\"strategy\": \"%s\", ", is_json_begun ? "," : "",
		exhibit->strategy->name);
	is_json_begun = true;
	if (exhibit->driver)
		fprintf(json, "\"driver\": \"%s\", ", exhibit->driver);
	fputs("\"scenario\": ", json);
	text_put_quoted(scenario, json);
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

static void put_sum(
	const struct options *options, const struct exhibit *exhibit, const struct sum *sum)
{
	const struct page_counts counts = {.title = exhibit_title(exhibit),
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

void results_begin_scenario(const struct exhibit *exhibit, const struct menu *menu, size_t i)
{
	snprintf(progress, sizeof(progress), "%s, %zu of %zu scenarios", exhibit_title(exhibit), i,
		menu->n);
	results_show_progress(0);
}

void results_show_progress(uint64_t n_schedules)
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

void results_add_finding(
	const struct exhibit *exhibit, const char *scenario, const struct search_finding *finding)
{
	static struct engine_report report;
	char schedule[SEARCH_TEXT_MAX];
	search_format(&finding->schedule, schedule, sizeof(schedule));
	struct page_finding on_page = {.title = exhibit_title(exhibit),
		.scenario = scenario,
		.command = exhibit_command(
			exhibit, scenario, schedule, finding->report.finding == ENGINE_RACE),
		.report = &finding->report};
	printf("%s, %s: %s: %s\n", exhibit_title(exhibit), scenario,
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
	printf("%s: %" PRIu64 " scenarios, ", exhibit_title(exhibit), sum->n_scenarios);
	uint64_t n = print_counts(options, sum->n_schedules, sum->n_classes, sum->n_walks);
	if (options->is_reduced)
		printf(", %" PRIu64 " more were cut", sum->n_cut);
	printf(", %" PRIu64 " steps, %.1f s, %.0f schedules a second; ", sum->n_steps, seconds,
		seconds > 0 ? (double)(n + sum->n_cut) / seconds : 0);
	printf("found in %" PRIu64 ", by assertions about locks alone in %" PRIu64 "\n",
		sum->n_found, sum->n_asserted);
}

/* ---- All of them ----------------------------------------------------------------------------- */

void results_open(const struct options *options)
{
	if (options->json)
		open_json(options);
	if (options->html && !page_open(options->html))
		command_die(options->html);
}

void results_close(const struct options *options)
{
	if (json)
		close_json(options);
	if (!page_close())
		command_die(options->html);
}

void results_end_scenario(const struct options *options, const struct exhibit *exhibit,
	const char *scenario, const struct search_result *result)
{
	end_progress();
	if (json)
		put_run(options, exhibit, scenario, result);
	if (!options->scenario)
		return;
	printf("%s, %s: ", exhibit_title(exhibit), scenario);
	print_counts(options, result->n_schedules, result->n_classes, result->n_walks);
	putchar('\n');
}

void results_add_sum(
	const struct options *options, const struct exhibit *exhibit, const struct sum *sum)
{
	print_sum(options, exhibit, sum);
	put_sum(options, exhibit, sum);
}
