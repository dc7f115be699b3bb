/* SPDX-License-Identifier: MIT */
#include "report/chart.h"

#include <math.h>
#include <stdlib.h>

struct series *chart_series(struct chart *chart, const char *name, struct style style)
{
	if (chart->n_series == SERIES_MAX)
		return NULL;
	chart->series[chart->n_series] = (struct series){.name = name, .style = style};
	return &chart->series[chart->n_series++];
}

void chart_mark(struct chart *chart, struct series *series, struct mark mark)
{
	size_t n = series->n_marks;
	if ((n & (n - 1)) == 0) {
		struct mark *marks = realloc(series->marks, (n ? 2 * n : 1) * sizeof *marks);
		if (!marks) {
			chart->is_without_memory = true;
			return;
		}
		series->marks = marks;
	}
	series->marks[series->n_marks++] = mark;
}

static void measure(const struct chart *chart, double *min, double *max)
{
	*min = INFINITY;
	*max = 0;
	for (size_t i = 0; i < chart->n_series; i++) {
		const struct series *series = &chart->series[i];
		for (size_t j = 0; j < series->n_marks; j++) {
			*min = fmin(*min, series->marks[j].y);
			*max = fmax(*max, series->marks[j].y);
		}
	}
}

void chart_fit_y(struct chart *chart)
{
	double min, max;
	measure(chart, &min, &max);
	chart->y.is_log = max / min > 6;
	chart->y.min = chart->y.is_log ? min / 1.4 : 0;
	chart->y.max = chart->y.is_log ? max * 1.4 : max * 1.12;
	axis_ticks(&chart->y, number_round);
}

void chart_fini(struct chart *chart)
{
	for (size_t i = 0; i < chart->n_series; i++)
		free(chart->series[i].marks);
	chart->n_series = 0;
}
