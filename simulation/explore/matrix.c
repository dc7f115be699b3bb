/* SPDX-License-Identifier: MIT */

#include "explore/matrix.h"

#include <inttypes.h>
#include <string.h>

#include <balloon/strategy.h>

#include "../../strategies/historical/historical.h"
#include "explore/history.h"
#include "explore/play.h"
#include "explore/surroundings.h"

enum { NAME = 6, HAZARDS_MAX = 16 };

struct cell {
	enum prediction predicted;
	bool is_found;
	bool is_other; /* something else is */
	bool is_hardened;
	uint32_t n_preemptions;
	uint64_t n_steps;
	uint64_t n_schedules;
	char schedule[SEARCH_TEXT_MAX];
};

static struct cell cells[HAZARDS_MAX][HISTORY_COLUMNS];

/* ---- Searches -------------------------------------------------------------------------------- */

static const struct balloon_strategy *strategy_of(const char *name)
{
	const struct historical_form *form = surroundings_form(name);
	return form ? form->strategy : balloon_strategy_find(name);
}

/* Up to the bound at which it is found first: that is the one with the fewest preemptions. */
static void search(struct cell *cell, const struct scenario *scenario, uint32_t n_preemptions)
{
	struct search_options options = {.sign = scenario->sign};
	struct search_result result;
	for (; !cell->is_found && options.n_preemptions <= n_preemptions; options.n_preemptions++) {
		search_run(play_stage.subject(), &options, &result);
		cell->n_schedules = 0;
		for (uint32_t i = 0; i <= options.n_preemptions; i++)
			cell->n_schedules += result.n_schedules[i];
		cell->is_other = result.n_other > 0;
		if (!result.finding)
			continue;
		cell->is_found = true;
		cell->n_preemptions = options.n_preemptions;
		cell->n_steps = result.finding->report.step;
		search_format(&result.finding->schedule, cell->schedule, sizeof(cell->schedule));
	}
}

static void fill_cell(struct cell *cell, const char *name, const struct scenario *scenario,
	uint32_t n_preemptions)
{
	static struct engine_report report;
	if (play_open(scenario, strategy_of(name), &report))
		search(cell, scenario, n_preemptions);
	else
		cell->is_other = true;
}

static void fill(const struct scenarios *scenarios, uint32_t n_preemptions)
{
	memset(cells, 0, sizeof(cells));
	for (size_t i = 0; i < scenarios->n; i++)
		for (size_t j = 0; history_column(j); j++) {
			cells[i][j].predicted = history_hazard(i)->predicted[j];
			cells[i][j].is_hardened = !strchr(history_column(j), '@');
			if (strategy_of(history_column(j)))
				fill_cell(&cells[i][j], history_column(j), &scenarios->all[i],
					n_preemptions);
		}
}

/* ---- Results --------------------------------------------------------------------------------- */

/* Of what the library has it is predicted, too, that nothing else is found. */
static bool is_refuted(const struct cell *cell)
{
	return cell->is_found != (cell->predicted == PREDICTED_FAIL) ||
	       (cell->is_other && cell->is_hardened);
}

static const char *prediction_name(enum prediction prediction)
{
	static const char *const names[] = {
		[PREDICTED_NOTHING] = "-", [PREDICTED_OK] = "ok", [PREDICTED_FAIL] = "fail"};
	return names[prediction];
}

/* Of "page-lock" over "@3.8". */
static int width_of(const char *column)
{
	int first = (int)strcspn(column, "@");
	int second = (int)strlen(column) - first;
	return first > second ? first : second;
}

/* "fail 1": found with one preemption. "!": refuted. */
static void print_cell(const struct cell *cell, size_t column, FILE *file)
{
	char text[16];
	if (cell->is_found)
		snprintf(text, sizeof(text), "fail %" PRIu32, cell->n_preemptions);
	else
		snprintf(text, sizeof(text), "%s",
			cell->predicted == PREDICTED_NOTHING ? "-" : "ok");
	fprintf(file, " %c%-*s", is_refuted(cell) ? '!' : ' ', width_of(history_column(column)),
		text);
}

static void print_heads(FILE *file)
{
	const char *column;
	fprintf(file, "%-*s", NAME, "");
	for (size_t i = 0; (column = history_column(i)); i++)
		fprintf(file, "  %-*.*s", width_of(column), (int)strcspn(column, "@"), column);
	fprintf(file, "\n%-*s", NAME, "");
	for (size_t i = 0; (column = history_column(i)); i++)
		fprintf(file, "  %-*s", width_of(column), column + strcspn(column, "@"));
	fputc('\n', file);
}

static void print_refuted(const struct cell *cell, size_t hazard, size_t column, FILE *file)
{
	fprintf(file, "%s, %s: predicted %s, ", history_hazard(hazard)->name,
		history_column(column), prediction_name(cell->predicted));
	if (cell->is_found)
		fprintf(file, "found with %" PRIu32 " preemptions\n", cell->n_preemptions);
	else if (cell->is_other && cell->is_hardened)
		fprintf(file, "something else is found\n");
	else
		fprintf(file, "not found in %" PRIu64 " schedules\n", cell->n_schedules);
}

static void put_cell(
	const struct cell *cell, size_t hazard, size_t column, bool is_first, FILE *json)
{
	fprintf(json,
		"%s\n{\"hazard\": \"%s\", \"strategy\": \"%s\", \"predicted\": \"%s\", \"found\": "
		"%s, \"other\": %s, \"schedules\": %" PRIu64,
		is_first ? "" : ",", history_hazard(hazard)->name, history_column(column),
		prediction_name(cell->predicted), cell->is_found ? "true" : "false",
		cell->is_other ? "true" : "false", cell->n_schedules);
	if (cell->is_found)
		fprintf(json,
			", \"preemptions\": %" PRIu32 ", \"steps\": %" PRIu64
			", \"schedule\": \"%s\"",
			cell->n_preemptions, cell->n_steps, cell->schedule);
	fputc('}', json);
}

static void put_all(const struct scenarios *scenarios, uint32_t n_preemptions, FILE *json)
{
	fprintf(json, "{\"preemptions\": %" PRIu32 ", \"cells\": [", n_preemptions);
	for (size_t i = 0; i < scenarios->n; i++)
		for (size_t j = 0; history_column(j); j++)
			put_cell(&cells[i][j], i, j, i == 0 && j == 0, json);
	fputs("\n]}\n", json);
}

static bool print_all(const struct scenarios *scenarios, FILE *file)
{
	bool is_any_refuted = false;
	print_heads(file);
	for (size_t i = 0; i < scenarios->n; i++) {
		fprintf(file, "%-*s", NAME, history_hazard(i)->name);
		for (size_t j = 0; history_column(j); j++)
			print_cell(&cells[i][j], j, file);
		fprintf(file, "  %s\n", history_hazard(i)->title);
	}
	for (size_t i = 0; i < scenarios->n; i++)
		for (size_t j = 0; history_column(j); j++)
			if (is_refuted(&cells[i][j])) {
				is_any_refuted = true;
				print_refuted(&cells[i][j], i, j, file);
			}
	return is_any_refuted;
}

bool matrix_print(uint32_t n_preemptions, FILE *file, FILE *json)
{
	struct scenarios scenarios;
	bool is_any_refuted = true;
	if (!history_scenarios(&scenarios))
		return is_any_refuted;
	fill(&scenarios, n_preemptions);
	is_any_refuted = print_all(&scenarios, file);
	if (json)
		put_all(&scenarios, n_preemptions, json);
	scenarios_free(&scenarios);
	return is_any_refuted;
}
