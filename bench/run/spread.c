/* SPDX-License-Identifier: MIT */
/* From samples to the figures that are shown. */
#include <string.h>

#include "run/series.h"

static double figure(const struct sample *sample, size_t offset)
{
	double value;
	memcpy(&value, (const char *)sample + offset, sizeof value);
	return value;
}

struct spread row_spread(const struct row *row, size_t offset)
{
	double values[RUN_REPEATS_MAX];
	for (size_t i = 0; i < row->n_samples; i++)
		values[i] = figure(&row->samples[i], offset);
	return spread_of(values, row->n_samples);
}

struct spread row_ratio(const struct row *row, const struct row *reference)
{
	double values[RUN_REPEATS_MAX];
	size_t n = row->n_samples < reference->n_samples ? row->n_samples : reference->n_samples;
	for (size_t i = 0; i < n; i++)
		values[i] = row->samples[i].ns_per_page / reference->samples[i].ns_per_page;
	return spread_of(values, n);
}

const struct row *series_find(const struct series *series, const char *name)
{
	for (size_t i = 0; i < series->n_rows; i++)
		if (strcmp(series->rows[i].subject->name, name) == 0)
			return &series->rows[i];
	return NULL;
}
