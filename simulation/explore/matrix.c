/* SPDX-License-Identifier: MIT */

#include "explore/matrix.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <balloon/strategy.h>

#include "../../strategies/historical/historical.h"
#include "explore/drive.h"
#include "explore/driver-history.h"
#include "explore/history.h"
#include "explore/play.h"
#include "explore/surroundings.h"

enum {
	NAME = 6,
	HAZARDS_MAX = 16,
	COLUMNS_MAX = 16,
	/* At most, of drivers as they were, and of the library's: with one more, these are ten seconds, and minutes. */
	DRIVER_PREEMPTIONS = 2,
	DESIGN_PREEMPTIONS = 1,
};

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

static struct cell cells[HAZARDS_MAX][COLUMNS_MAX];

/* ---- Pages, and drivers ---------------------------------------------------------------------- */

/* A row: a hazard, as far as both axes have the same. */
struct row {
	const char *name; /* NULL after the last */
	const char *title;
	const struct search_sign *sign;
	const enum prediction *predicted;
};

struct axis {
	const char *what; /* a column is */
	const char *(*column)(size_t i);
	struct row (*row)(size_t i);
	bool (*has)(const char *column); /* this build */
	/* Make the scenario of a row on what a column says. Returns false: something is found before. */
	bool (*open)(size_t i, const char *column, struct engine_report *report);
	const struct search_subject *(*subject)(void);
	struct search_options options;
	uint32_t n_hardened_preemptions; /* at most, of what the library has */
};

static struct scenarios scenarios;
static struct drives drives;

static const struct balloon_strategy *strategy_of(const char *name)
{
	const struct historical_form *form = surroundings_form(name);
	return form ? form->strategy : balloon_strategy_find(name);
}

static struct row page_row(size_t i)
{
	const struct hazard *hazard = history_hazard(i);
	if (!hazard)
		return (struct row){.name = NULL};
	return (struct row){hazard->name, hazard->title, &hazard->sign, hazard->predicted};
}

static bool has_strategy(const char *column)
{
	return strategy_of(column);
}

static bool open_page(size_t i, const char *column, struct engine_report *report)
{
	return play_open(&scenarios.all[i], strategy_of(column), report);
}

/* On the strategy that is usual with drivers. */
static const struct balloon_strategy *strategy_of_drivers(void)
{
	return balloon_strategy_find("isolated-bit");
}

static struct row driver_row(size_t i)
{
	const struct driver_hazard *hazard = driver_history_hazard(i);
	if (!hazard)
		return (struct row){.name = NULL};
	return (struct row){hazard->name, hazard->title, &hazard->sign, hazard->predicted};
}

static bool has_design(const char *column)
{
	return driver_history_design(column) && strategy_of_drivers();
}

static bool open_drive(size_t i, const char *column, struct engine_report *report)
{
	return drive_open(
		&drives.all[i], driver_history_design(column), strategy_of_drivers(), report);
}

/* ---- Searches -------------------------------------------------------------------------------- */

/* Up to the bound at which it is found first: that is the one with the fewest preemptions. */
static void search(struct cell *cell, const struct axis *axis, const struct search_sign *sign)
{
	struct search_options options = axis->options;
	struct search_result result;
	uint32_t n_preemptions = options.n_preemptions;
	if (cell->is_hardened && n_preemptions > axis->n_hardened_preemptions)
		n_preemptions = axis->n_hardened_preemptions;
	options.sign = sign;
	for (options.n_preemptions = 0; !cell->is_found && options.n_preemptions <= n_preemptions;
		options.n_preemptions++) {
		search_run(axis->subject(), &options, &result);
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

static void fill_cell(const struct axis *axis, size_t i, size_t j)
{
	static struct engine_report report;
	struct cell *cell = &cells[i][j];
	const char *column = axis->column(j);
	cell->predicted = axis->row(i).predicted[j];
	cell->is_hardened = !strchr(column, '@');
	if (!axis->has(column))
		return;
	if (axis->open(i, column, &report))
		search(cell, axis, axis->row(i).sign);
	else
		cell->is_other = true;
}

static void fill(const struct axis *axis)
{
	memset(cells, 0, sizeof(cells));
	for (size_t i = 0; axis->row(i).name; i++)
		for (size_t j = 0; axis->column(j); j++)
			fill_cell(axis, i, j);
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
static void print_cell(const struct cell *cell, const char *column, FILE *file)
{
	char text[16];
	if (cell->is_found)
		snprintf(text, sizeof(text), "fail %" PRIu32, cell->n_preemptions);
	else
		snprintf(text, sizeof(text), "%s",
			cell->predicted == PREDICTED_NOTHING ? "-" : "ok");
	fprintf(file, " %c%-*s", is_refuted(cell) ? '!' : ' ', width_of(column), text);
}

static void print_heads(const struct axis *axis, FILE *file)
{
	const char *column;
	fprintf(file, "%-*s", NAME, "");
	for (size_t i = 0; (column = axis->column(i)); i++)
		fprintf(file, "  %-*.*s", width_of(column), (int)strcspn(column, "@"), column);
	fprintf(file, "\n%-*s", NAME, "");
	for (size_t i = 0; (column = axis->column(i)); i++)
		fprintf(file, "  %-*s", width_of(column), column + strcspn(column, "@"));
	fputc('\n', file);
}

static void print_refuted(
	const struct cell *cell, const char *hazard, const char *column, FILE *file)
{
	fprintf(file, "%s, %s: predicted %s, ", hazard, column, prediction_name(cell->predicted));
	if (cell->is_found)
		fprintf(file, "found with %" PRIu32 " preemptions\n", cell->n_preemptions);
	else if (cell->is_other && cell->is_hardened)
		fprintf(file, "something else is found\n");
	else
		fprintf(file, "not found in %" PRIu64 " schedules\n", cell->n_schedules);
}

static bool print_table(const struct axis *axis, FILE *file)
{
	bool is_any_refuted = false;
	print_heads(axis, file);
	for (size_t i = 0; axis->row(i).name; i++) {
		fprintf(file, "%-*s", NAME, axis->row(i).name);
		for (size_t j = 0; axis->column(j); j++)
			print_cell(&cells[i][j], axis->column(j), file);
		fprintf(file, "  %s\n", axis->row(i).title);
	}
	for (size_t i = 0; axis->row(i).name; i++)
		for (size_t j = 0; axis->column(j); j++)
			if (is_refuted(&cells[i][j])) {
				is_any_refuted = true;
				print_refuted(
					&cells[i][j], axis->row(i).name, axis->column(j), file);
			}
	return is_any_refuted;
}

/* ---- JSON ------------------------------------------------------------------------------------ */

static void put_cell(const struct cell *cell, const struct axis *axis, const char *hazard,
	const char *column, FILE *json)
{
	static bool has_one;
	fprintf(json,
		"%s\n{\"hazard\": \"%s\", \"%s\": \"%s\", \"predicted\": \"%s\", \"found\": "
		"%s, \"other\": %s, \"schedules\": %" PRIu64,
		has_one ? "," : "", hazard, axis->what, column, prediction_name(cell->predicted),
		cell->is_found ? "true" : "false", cell->is_other ? "true" : "false",
		cell->n_schedules);
	if (cell->is_found)
		fprintf(json,
			", \"preemptions\": %" PRIu32 ", \"steps\": %" PRIu64
			", \"schedule\": \"%s\"",
			cell->n_preemptions, cell->n_steps, cell->schedule);
	fputc('}', json);
	has_one = true;
}

static void put_table(const struct axis *axis, FILE *json)
{
	for (size_t i = 0; axis->row(i).name; i++)
		for (size_t j = 0; axis->column(j); j++)
			put_cell(&cells[i][j], axis, axis->row(i).name, axis->column(j), json);
}

/* ---- Both ------------------------------------------------------------------------------------ */

static bool print_axis(const struct axis *axis, FILE *file, FILE *json)
{
	fill(axis);
	bool is_any_refuted = print_table(axis, file);
	if (json)
		put_table(axis, json);
	return is_any_refuted;
}

static bool print_both(uint32_t n_preemptions, FILE *file, FILE *json)
{
	const struct axis pages = {"strategy", history_column, page_row, has_strategy, open_page,
		play_stage.subject, {.n_preemptions = n_preemptions}, n_preemptions};
	const struct axis drivers = {"driver", driver_history_column, driver_row, has_design,
		open_drive, drive_stage.subject,
		{.n_preemptions = n_preemptions < DRIVER_PREEMPTIONS ? n_preemptions
								     : DRIVER_PREEMPTIONS,
			.skips_protected = true},
		DESIGN_PREEMPTIONS};
	if (json)
		fprintf(json, "{\"preemptions\": %" PRIu32 ", \"cells\": [", n_preemptions);
	bool is_any_refuted = print_axis(&pages, file, json);
	fputc('\n', file);
	is_any_refuted |= print_axis(&drivers, file, json);
	if (json)
		fputs("\n]}\n", json);
	return is_any_refuted;
}

bool matrix_print(uint32_t n_preemptions, FILE *file, FILE *json)
{
	bool is_made = history_scenarios(&scenarios) && drives_of_history(&drives);
	bool is_any_refuted = !is_made || print_both(n_preemptions, file, json);
	scenarios_free(&scenarios);
	free(drives.all);
	return is_any_refuted;
}
