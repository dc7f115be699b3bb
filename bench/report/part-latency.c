/* SPDX-License-Identifier: MIT */
/* Figures of single calls: how long they take, of a hundred, of a thousand. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "report/page.h"

/* Of strategies alone: their curves are many enough. */
static double dequeue_p99(const struct row *row)
{
	return row->kind == KIND_STRATEGY ? row->dequeue.p99 : NAN;
}

static double isolate_p99(const struct row *row)
{
	return row->kind == KIND_STRATEGY ? row->isolate.p99 : NAN;
}

/* One of the calls whose latency is measured. */
struct call {
	const char *name;
	row_value *p99;
};

static const struct call calls[] = {{"dequeue", dequeue_p99}, {"isolate", isolate_p99}};

static const struct latency *latency_of(const struct call *call, const struct row *row)
{
	return call->p99 == dequeue_p99 ? &row->dequeue : &row->isolate;
}

/* ---- The curve ------------------------------------------------------------------------------- */

/* Of how many calls one takes longer: the axis, on which 99 % is at 100. */
static double one_in(double fraction)
{
	return 1 / (1 - fraction);
}

/* The same at a number of calls. Above the last call of all there is none. */
static double one_in_all(double n, double all)
{
	return n < all ? fmin(one_in(n / all), all) : all;
}

static double total(const struct latency *latency)
{
	double sum = 0;
	for (size_t i = 0; i < json_array_size(latency->histogram); i++)
		sum += json_number_value(json_array_get(json_array_get(latency->histogram, i), 1));
	return sum;
}

static struct mark make_mark(double x, double ns)
{
	return (struct mark){x, ns > 0 ? ns : 1, NAN, NAN};
}

/* Steps: a bucket's bound for all calls of the bucket. */
static void add_histogram(struct chart *chart, struct series *series, const struct latency *latency)
{
	double all = total(latency), before = 0;
	for (size_t i = 0; i < json_array_size(latency->histogram); i++) {
		const json_t *pair = json_array_get(latency->histogram, i);
		double upper = json_number_value(json_array_get(pair, 0));
		double after = before + json_number_value(json_array_get(pair, 1));
		if (after > before) {
			chart_mark(chart, series, make_mark(one_in_all(before, all), upper));
			chart_mark(chart, series, make_mark(one_in_all(after, all), upper));
		}
		before = after;
	}
}

static void show(struct series *series, double x, double ns)
{
	if (!isnan(ns))
		series->shown[series->n_shown++] = make_mark(x, ns);
}

static void add_curve(struct chart *chart, const struct model *model, const struct row *row,
	const struct latency *latency)
{
	struct series *series = chart_series(chart, row->subject, style_of(model, row->subject));
	if (!series)
		return;
	series->is_curve = true;
	show(series, one_in(0.5), latency->p50);
	show(series, one_in(0.99), latency->p99);
	show(series, one_in(0.999), latency->p99_9);
	if (latency->samples > 1000)
		show(series, latency->samples, latency->max);
	if (total(latency) > 0) {
		add_histogram(chart, series, latency);
		return;
	}
	for (size_t i = 0; i < series->n_shown; i++)
		chart_mark(chart, series, series->shown[i]);
}

static double last_mark(const struct chart *chart)
{
	double last = 100;
	for (size_t i = 0; i < chart->n_series; i++) {
		const struct series *series = &chart->series[i];
		for (size_t j = 0; j < series->n_marks; j++)
			last = fmax(last, series->marks[j].x);
	}
	return last;
}

static void fit_x(struct chart *chart)
{
	double percent = 90;
	unsigned i = 0;
	chart->x.label = "of all calls take at most this long";
	chart->x.is_log = true;
	chart->x.min = 1;
	chart->x.max = 1.2 * last_mark(chart);
	axis_tick(&chart->x, 2, (struct number){"50 %"});
	bool is_crowded = chart->x.max > 3e6; /* then every other tick has a name */
	for (double at = 10; at <= chart->x.max; at *= 10, percent = 100 - (100 - percent) / 10) {
		struct number label = {""};
		if (!is_crowded || i++ % 2 == 1)
			snprintf(label.text, sizeof label.text, "%.9g %%", percent);
		axis_tick(&chart->x, at, label);
	}
}

static void fit_y(struct chart *chart)
{
	chart->y.label = "time a call";
	chart_fit_y(chart);
	chart->y.n_ticks = 0;
	axis_ticks(&chart->y, number_time);
}

static int put_curves(struct page *page, const struct call *call, const struct setup *slice,
	const char *title, struct chart *chart)
{
	const struct row *row;
	size_t i = 0;
	while ((row = select_next(page->model, slice, call->p99, &i)) != NULL)
		add_curve(chart, page->model, row, latency_of(call, row));
	fit_x(chart);
	fit_y(chart);
	int status = figure_chart(page, words_of("latency-%s", call->name).text, title, chart);
	chart_fini(chart);
	return status;
}

/* ---- The figure ------------------------------------------------------------------------------ */

/* Where compaction is at work if that was measured, and otherwise wherever most was. */
static bool find_slice(const struct model *model, const struct call *call, struct setup *slice)
{
	static const char *const workloads[] = {"mixed", "migrate", "scan", "churn", NULL};
	for (size_t i = 0; i < sizeof workloads / sizeof workloads[0]; i++) {
		const struct setup pattern = {workloads[i], NULL, ANY, ANY, ANY, ANY, {ANY}};
		if (select_slice(model, &pattern, 0, call->p99, slice))
			return true;
	}
	return false;
}

static int put_call(struct page *page, const struct call *call)
{
	struct setup slice;
	if (!find_slice(page->model, call, &slice))
		return 0;
	const struct row *best = select_lowest(page->model, &slice, call->p99);
	const struct row *worst = select_highest(page->model, &slice, call->p99);
	struct words title = words_of("%s: 99 %% within %s (%s) to %s (%s); %s",
		call == calls ? "Dequeue" : "Isolate", number_time(call->p99(best)).text,
		best->subject, number_time(call->p99(worst)).text, worst->subject,
		setup_words(&slice).text);
	struct chart *chart = calloc(1, sizeof *chart);
	if (!chart)
		return problem_no_memory(page->problem);
	int status = put_curves(page, call, &slice, title.text, chart);
	free(chart);
	return status;
}

static void begin(struct page *page, const struct call *call, const struct setup *slice)
{
	const struct row *best = select_lowest(page->model, slice, call->p99);
	const struct row *worst = select_highest(page->model, slice, call->p99);
	double times = call->p99(worst) / call->p99(best);
	struct words load = plural(slice->threads, "thread");
	if (best == worst)
		figure_begin(page, "latency",
			"With %s, 99 of 100 calls to %s return within %s of %s", load.text,
			call->name, number_time(call->p99(best)).text, best->subject);
	else
		figure_begin(page, "latency",
			"With %s, %s lets 99 of 100 calls to %s return within %s; %s takes %s "
			"\xc3\x97 as long",
			load.text, best->subject, call->name, number_time(call->p99(best)).text,
			worst->subject, number(times).text);
}

int part_latency(struct page *page)
{
	struct setup slice;
	const struct call *first = &calls[0];
	if (!find_slice(page->model, first, &slice) &&
		!find_slice(page->model, first = &calls[1], &slice))
		return 0;
	begin(page, first, &slice);
	if (put_call(page, &calls[0]) < 0 || put_call(page, &calls[1]) < 0)
		return -1;
	figure_end(page,
		"How long single calls take while all threads work on the same balloon: read up "
		"from 99.9 %% for the time that one call of a thousand exceeds. Marks: 50 %%, 99 "
		"%%, 99.9 %% and the slowest call of all. Lower is better.");
	return 0;
}
