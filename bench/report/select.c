/* SPDX-License-Identifier: MIT */
#include "report/select.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

double row_ns(const struct row *row)
{
	return row->ns.median > 0 ? row->ns.median : NAN;
}

double row_fairness(const struct row *row)
{
	return row->fairness.median;
}

double row_success(const struct row *row)
{
	return row->success.median;
}

double row_bytes(const struct row *row)
{
	return row->bytes_per_page;
}

static bool text_matches(const char *pattern, const char *text)
{
	return !pattern || strcmp(pattern, text) == 0;
}

static bool number_matches(unsigned long pattern, unsigned long number)
{
	return pattern == ANY || pattern == number;
}

/* The first share is ANY if all are. */
static bool mix_matches(const unsigned long *pattern, const unsigned long *mix)
{
	return pattern[0] == ANY || memcmp(pattern, mix, 4 * sizeof *mix) == 0;
}

bool setup_matches(const struct setup *pattern, const struct setup *setup)
{
	return text_matches(pattern->workload, setup->workload) &&
	       text_matches(pattern->order, setup->order) &&
	       number_matches(pattern->threads, setup->threads) &&
	       number_matches(pattern->batch, setup->batch) &&
	       number_matches(pattern->pages, setup->pages) &&
	       number_matches(pattern->devices, setup->devices) &&
	       mix_matches(pattern->mix, setup->mix);
}

const struct row *select_next(
	const struct model *model, const struct setup *pattern, row_value *value, size_t *i)
{
	while (*i < model->n_rows) {
		const struct row *row = &model->rows[(*i)++];
		if (setup_matches(pattern, &row->setup) && !isnan(value(row)))
			return row;
	}
	return NULL;
}

static size_t count_rows(const struct model *model, const struct setup *pattern, row_value *value)
{
	size_t n = 0, i = 0;
	while (select_next(model, pattern, value, &i))
		n++;
	return n;
}

static struct setup widen(struct setup setup, unsigned varied)
{
	if (varied & VARIED_THREADS)
		setup.threads = ANY;
	if (varied & VARIED_BATCH)
		setup.batch = ANY;
	if (varied & VARIED_PAGES)
		setup.pages = ANY;
	if (varied & VARIED_ORDER)
		setup.order = NULL;
	return setup;
}

bool select_slice(const struct model *model, const struct setup *pattern, unsigned varied,
	row_value *value, struct setup *slice)
{
	const struct row *row;
	size_t most = 0, i = 0;
	while ((row = select_next(model, pattern, value, &i)) != NULL) {
		struct setup wide = widen(row->setup, varied);
		size_t n = count_rows(model, &wide, value);
		if (n > most || (n == most && wide.threads > slice->threads)) {
			most = n;
			*slice = wide;
		}
	}
	return most > 0;
}

unsigned long setup_value(const struct setup *setup, enum varied varied)
{
	switch (varied) {
	case VARIED_THREADS:
		return setup->threads;
	case VARIED_BATCH:
		return setup->batch;
	default:
		return setup->pages;
	}
}

static int compare(const void *a, const void *b)
{
	unsigned long x = *(const unsigned long *)a;
	unsigned long y = *(const unsigned long *)b;
	return (x > y) - (x < y);
}

static bool contains(const unsigned long *values, size_t n, unsigned long value)
{
	while (n > 0) {
		if (values[--n] == value)
			return true;
	}
	return false;
}

size_t select_values(const struct model *model, const struct setup *pattern, enum varied varied,
	unsigned long *values, size_t max)
{
	const struct row *row;
	size_t n = 0, i = 0;
	while (n < max && (row = select_next(model, pattern, row_ns, &i)) != NULL) {
		unsigned long value = setup_value(&row->setup, varied);
		if (value > 0 && !contains(values, n, value))
			values[n++] = value;
	}
	qsort(values, n, sizeof *values, compare);
	return n;
}

/* sign: 1 for the lowest, -1 for the highest. */
static const struct row *select_extreme(
	const struct model *model, const struct setup *pattern, row_value *value, int sign)
{
	const struct row *best = NULL, *row;
	size_t i = 0;
	while ((row = select_next(model, pattern, value, &i)) != NULL) {
		if (row->kind == KIND_STRATEGY && (!best || sign * value(row) < sign * value(best)))
			best = row;
	}
	return best;
}

const struct row *select_lowest(
	const struct model *model, const struct setup *pattern, row_value *value)
{
	return select_extreme(model, pattern, value, 1);
}

const struct row *select_highest(
	const struct model *model, const struct setup *pattern, row_value *value)
{
	return select_extreme(model, pattern, value, -1);
}

static bool has_row(const struct model *model, const struct setup *pattern, row_value *value,
	const char *subject)
{
	const struct row *row;
	size_t i = 0;
	while ((row = select_next(model, pattern, value, &i)) != NULL) {
		if (strcmp(row->subject, subject) == 0)
			return true;
	}
	return false;
}

size_t select_n_strategies(const struct model *model, const struct setup *pattern, row_value *value)
{
	size_t n = 0;
	for (size_t i = 0; i < model->n_subjects; i++)
		n += model->subjects[i].kind == KIND_STRATEGY &&
		     has_row(model, pattern, value, model->subjects[i].name);
	return n;
}

struct spread row_times(const struct model *model, const struct row *row, const char *to)
{
	const struct row *reference = model_row(model, to, &row->setup);
	bool is_same_run = reference && reference->input == row->input;
	double median = is_same_run ? row_ns(row) / row_ns(reference) : NAN;
	for (size_t i = 0; i < row->n_ratios; i++) {
		if (strcmp(row->ratios[i].to, to) == 0 && !isnan(row->ratios[i].times.median))
			return row->ratios[i].times;
	}
	return (struct spread){median, median, median};
}
