/* SPDX-License-Identifier: MIT */
/* Figures of one number a subject: isolation, fairness, bytes. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "report/page.h"

enum { WORKLOADS_MAX = 8 };

/* What the bars are of. */
struct quantity {
	row_value *value;
	struct spread (*spread)(const struct row *row);
	struct number (*show)(double value);
	const char *label;
	double max;            /* the axis ends there; NAN: where the values end */
	int sign;              /* 1: lowest first */
	bool is_of_strategies; /* references have none */
};

static struct number show_percent(double fraction)
{
	struct number shown;
	double percent = 100 * fraction;
	if (percent >= 99.95 && percent < 100) /* not all of them, and does not look so */
		snprintf(shown.text, sizeof shown.text, "%.2f %%", floor(percent * 100) / 100);
	else
		snprintf(shown.text, sizeof shown.text, "%.3g %%", percent);
	return shown;
}

static struct spread success(const struct row *row)
{
	return row->success;
}

static struct spread fairness(const struct row *row)
{
	return row->fairness;
}

static struct spread bytes(const struct row *row)
{
	return (struct spread){row->bytes_per_page, row->bytes_per_page, row->bytes_per_page};
}

static const struct quantity isolated = {
	row_success, success, show_percent, "of the tries isolated the page", 1, -1, true};
static const struct quantity fair = {row_fairness, fairness, number,
	"pages of the slowest thread, over the fastest's", 1, -1, false};
static const struct quantity state = {
	row_bytes, bytes, number, "bytes of state a page", NAN, 1, false};

static void fill(struct bars *bars, const struct model *model, const struct setup *slice,
	const struct quantity *quantity)
{
	const struct row *row;
	size_t i = 0;
	while ((row = select_next(model, slice, quantity->value, &i)) != NULL) {
		const struct bar bar = {.name = row->subject,
			.style = style_of(model, row->subject),
			.is_reference = row->kind != KIND_STRATEGY,
			.value = quantity->spread(row),
			.shown = quantity->show(quantity->value(row))};
		if (!bar.is_reference || !quantity->is_of_strategies)
			bars_add(bars, &bar);
		bars->x.max = fmax(bars->x.max, bar.value.max);
	}
	bars_sort(bars, quantity->sign);
}

/* The level's name is told apart by whether there is one. */
static int put_bars(struct page *page, const char *id, const char *title, const struct setup *slice,
	const struct quantity *quantity, double level, const char *level_name)
{
	struct bars *bars = calloc(1, sizeof *bars);
	if (!bars)
		return problem_no_memory(page->problem);
	bars->level = level;
	bars->level_name = level_name;
	bars->x.label = quantity->label;
	fill(bars, page->model, slice, quantity);
	bars->x.max = isnan(quantity->max) ? fmax(bars->x.max, 1) * 1.05 : quantity->max;
	axis_ticks(&bars->x, quantity->show == number ? number_round : quantity->show);
	int status = figure_bars(page, id, title, bars);
	free(bars);
	return status;
}

/* ---- Isolation ------------------------------------------------------------------------------- */

/* The workloads in which strategies isolate, in the files' order. */
static size_t find_workloads(const struct model *model, const char **workloads)
{
	const struct setup any = {NULL, NULL, ANY, ANY, ANY, ANY, {ANY}};
	const struct row *row;
	size_t n = 0, i = 0;
	while (n < WORKLOADS_MAX && (row = select_next(model, &any, row_success, &i)) != NULL) {
		size_t j = 0;
		while (j < n && strcmp(workloads[j], row->setup.workload) != 0)
			j++;
		if (j == n && row->kind == KIND_STRATEGY)
			workloads[n++] = row->setup.workload;
	}
	return n;
}

static bool find_isolation(const struct model *model, const char *workload, struct setup *slice)
{
	const struct setup pattern = {workload, NULL, ANY, ANY, ANY, ANY, {ANY}};
	return select_slice(model, &pattern, 0, row_success, slice) &&
	       select_highest(model, slice, row_success);
}

static struct words describe_isolation(const struct row *best, const struct row *worst)
{
	struct number most = show_percent(row_success(best)),
		      least = show_percent(row_success(worst));
	if (strcmp(most.text, least.text) == 0)
		return words_of("all strategies isolate %s of the pages that they try", most.text);
	return words_of("%s isolates %s of the pages that it tries, %s %s", best->subject,
		most.text, worst->subject, least.text);
}

static int put_isolation(struct page *page, const char *workload, size_t number_of_panel)
{
	struct setup slice;
	if (!find_isolation(page->model, workload, &slice))
		return 0;
	const struct row *best = select_highest(page->model, &slice, row_success);
	const struct row *worst = select_lowest(page->model, &slice, row_success);
	struct words id = words_of("isolation-%zu", number_of_panel);
	struct words title =
		words_of("%s: %s", setup_words(&slice).text, describe_isolation(best, worst).text);
	return put_bars(page, id.text, title.text, &slice, &isolated, NAN, NULL);
}

int part_isolation(struct page *page)
{
	const char *workloads[WORKLOADS_MAX];
	size_t n = find_workloads(page->model, workloads);
	struct setup slice;
	if (n == 0 || !find_isolation(page->model, workloads[0], &slice))
		return 0;
	const struct row *best = select_highest(page->model, &slice, row_success);
	const struct row *worst = select_lowest(page->model, &slice, row_success);
	figure_begin(page, "isolation", "When compaction comes, %s",
		describe_isolation(best, worst).text);
	for (size_t i = 0; i < n; i++) {
		if (put_isolation(page, workloads[i], i + 1) < 0)
			return -1;
	}
	figure_end(page, "Tries to isolate a page that succeeded, of all tries; the others met a "
			 "page that was busy or had just left the balloon. Bars: medians; "
			 "whiskers: all repeats. Higher is better.");
	return 0;
}

/* ---- Fairness -------------------------------------------------------------------------------- */

static size_t count_fair(const struct model *model, const struct setup *slice)
{
	const struct row *row;
	size_t n = 0, i = 0;
	while ((row = select_next(model, slice, row_fairness, &i)) != NULL)
		n += row->kind == KIND_STRATEGY && row_fairness(row) >= 1.0 / 3;
	return n;
}

/* With as many threads as there are. */
static bool find_fairness(const struct model *model, struct setup *slice)
{
	unsigned long threads[TICKS_MAX];
	struct setup pattern = {"churn", NULL, ANY, 1, ANY, ANY, {ANY}};
	size_t n = select_values(model, &pattern, VARIED_THREADS, threads, TICKS_MAX);
	pattern.threads = n > 0 ? threads[n - 1] : 1;
	return pattern.threads > 1 && select_slice(model, &pattern, 0, row_fairness, slice) &&
	       select_highest(model, slice, row_fairness);
}

int part_fairness(struct page *page)
{
	struct setup slice;
	if (!find_fairness(page->model, &slice))
		return 0;
	const struct row *best = select_highest(page->model, &slice, row_fairness);
	figure_begin(page, "fairness",
		"With %lu threads, the slowest thread of %s gets %s of what the fastest gets; %zu "
		"of %zu strategies stay within 3 \xc3\x97",
		slice.threads, best->subject, number(row_fairness(best)).text,
		count_fair(page->model, &slice),
		select_n_strategies(page->model, &slice, row_fairness));
	if (put_bars(page, "fairness-threads", NULL, &slice, &fair, 1.0 / 3, "within 3 \xc3\x97") <
		0)
		return -1;
	figure_end(page,
		"Pages that the slowest thread moved, over those of the fastest (%s). 1: all "
		"threads got the same. Bars: medians; whiskers: all repeats. Higher is better.",
		setup_words(&slice).text);
	return 0;
}

/* ---- Bytes ----------------------------------------------------------------------------------- */

int part_bytes(struct page *page)
{
	const struct setup any = {NULL, NULL, ANY, ANY, ANY, ANY, {ANY}};
	struct setup slice;
	if (!select_slice(page->model, &any, 0, row_bytes, &slice) ||
		!select_lowest(page->model, &slice, row_bytes))
		return 0;
	const struct row *best = select_lowest(page->model, &slice, row_bytes);
	const struct row *worst = select_highest(page->model, &slice, row_bytes);
	figure_begin(page, "bytes", "%s keeps %s bytes for each page, %s %s", best->subject,
		number(row_bytes(best)).text, worst->subject, number(row_bytes(worst)).text);
	if (put_bars(page, "bytes-a-page", NULL, &slice, &state, NAN, NULL) < 0)
		return -1;
	figure_end(page,
		"Memory for the state of a page, with its share of what devices and the map hold "
		"(%s). Lower is better.",
		setup_words(&slice).text);
	return 0;
}
