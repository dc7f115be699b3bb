/* SPDX-License-Identifier: MIT */
#include "harness/rows.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Each returns NULL if it cannot be: jansson's functions take that and fail in their turn. */

json_t *array_with(json_t *array, json_t *entry)
{
	if (json_array_append_new(array, entry) == 0)
		return array;
	json_decref(array);
	return NULL;
}

/* ---- Figures --------------------------------------------------------------------------------- */

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a;
	double y = *(const double *)b;
	return (x > y) - (x < y);
}

static json_t *spread_json(double *values, size_t n)
{
	qsort(values, n, sizeof *values, compare);
	double median = (values[(n - 1) / 2] + values[n / 2]) / 2;
	return json_pack(
		"{s:f, s:f, s:f}", "median", median, "min", values[0], "max", values[n - 1]);
}

/* Put what the repeats came to into an object: each value over another one; the values alone if there is no other.
 * What is no number is left out, and a figure without any. Returns 0 or -1. */
static int put_spread(
	json_t *object, const char *name, const double *values, const double *over, size_t n)
{
	double *known = calloc(n, sizeof *known);
	size_t n_known = 0;
	int result = known ? 0 : -1;
	for (size_t i = 0; known && i < n; i++) {
		double value = over ? values[i] / over[i] : values[i];
		if (isfinite(value))
			known[n_known++] = value;
	}
	if (n_known > 0)
		result = json_object_set_new(object, name, spread_json(known, n_known));
	free(known);
	return result;
}

static const double *values_of(const struct trial *trial, const char *name)
{
	for (size_t i = 0; i < FIGURES_MAX && trial->figures[i].name; i++)
		if (strcmp(trial->figures[i].name, name) == 0)
			return trial->figures[i].values;
	return NULL;
}

static bool is_reference(const struct trial *trial)
{
	return strcmp(trial->kind, "floor") == 0 || strcmp(trial->kind, "peer") == 0 ||
	       strcmp(trial->kind, "raw") == 0;
}

/* Returns 0 also if it has none; or -1. */
static int put_ratios(json_t *row, const struct trial *trial)
{
	const struct round *round = trial->round;
	const double *own = round->workload->time ? values_of(trial, round->workload->time) : NULL;
	json_t *ratios = json_object();
	int result = ratios ? 0 : -1;
	for (size_t i = 0; own && i < round->n_trials; i++) {
		const struct trial *other = &round->trials[i];
		size_t n =
			trial->n_repeats < other->n_repeats ? trial->n_repeats : other->n_repeats;
		const double *over = values_of(other, round->workload->time);
		if (is_reference(other) && over && n > 0)
			result |= put_spread(ratios, other->subject, own, over, n);
	}
	if (json_object_size(ratios) > 0)
		result |= json_object_set(row, "ratio", ratios);
	json_decref(ratios);
	return result;
}

static json_t *buckets_json(const struct histogram *histogram)
{
	json_t *buckets = json_array();
	for (unsigned i = 0; buckets && i < HISTOGRAM_BUCKETS; i++)
		if (histogram->counts[i] > 0)
			buckets = array_with(
				buckets, json_pack("[I, I]", (json_int_t)histogram_upper(i),
						 (json_int_t)histogram->counts[i]));
	return buckets;
}

static json_t *durations_json(const struct histogram *histogram)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:o}", "samples", (json_int_t)histogram->n,
		"p50", (json_int_t)histogram_quantile(histogram, 0.5), "p99",
		(json_int_t)histogram_quantile(histogram, 0.99), "p99.9",
		(json_int_t)histogram_quantile(histogram, 0.999), "max", (json_int_t)histogram->max,
		"histogram", buckets_json(histogram));
}

/* ---- Rows ------------------------------------------------------------------------------------ */

static json_t *label_json(const struct label *label)
{
	if (label->text)
		return json_string(label->text);
	return label->is_flag ? json_boolean(label->number != 0)
			      : json_integer((json_int_t)label->number);
}

static json_t *row_json(const struct trial *trial)
{
	json_t *row = json_pack("{s:s, s:s, s:s}", "subject", trial->subject, "kind", trial->kind,
		"workload", trial->round->workload->name);
	int result = 0;
	for (const struct label *label = trial->labels.at; label->name; label++)
		result |= json_object_set_new(row, label->name, label_json(label));
	result |= json_object_set_new(row, "repeats", json_integer((json_int_t)trial->n_repeats));
	for (size_t i = 0; i < FIGURES_MAX && trial->figures[i].name; i++)
		result |= put_spread(row, trial->figures[i].name, trial->figures[i].values, NULL,
			trial->n_repeats);
	for (size_t i = 0; i < DURATIONS_MAX && trial->durations[i].name; i++)
		if (trial->durations[i].histogram.n > 0)
			result |= json_object_set_new(row, trial->durations[i].name,
				durations_json(&trial->durations[i].histogram));
	result |= put_ratios(row, trial);
	if (result == 0)
		return row;
	json_decref(row);
	return NULL;
}

int rows_append(json_t *rows, const struct round *round)
{
	for (size_t i = 0; i < round->n_trials; i++)
		if (round->trials[i].n_repeats > 0 &&
			json_array_append_new(rows, row_json(&round->trials[i])) < 0)
			return -1;
	return 0;
}
