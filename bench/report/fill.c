/* SPDX-License-Identifier: MIT */
/* Charts of what rows say. */
#include <math.h>

#include "report/page.h"

static void add_rows(struct chart *chart, const struct model *model, const struct setup *slice,
	enum varied varied, double (*y)(double ns), const struct subject *subject)
{
	struct series *series = NULL;
	const struct row *row;
	size_t i = 0;
	while ((row = select_next(model, slice, row_ns, &i)) != NULL) {
		if (model_subject(model, row->subject) != subject ||
			setup_value(&row->setup, varied) == 0)
			continue;
		if (!series)
			series = chart_series(chart, subject->name, style_of(model, subject->name));
		if (!series)
			return;
		double a = y(row->ns.min), b = y(row->ns.max);
		chart_mark(chart, series,
			(struct mark){(double)setup_value(&row->setup, varied), y(row->ns.median),
				fmin(a, b), fmax(a, b)});
	}
}

/* Room at both ends; threads, batches and pages double from one to the next. */
static void fit_x(struct chart *chart, const struct model *model, const struct setup *slice,
	enum varied varied)
{
	unsigned long values[TICKS_MAX];
	size_t n = select_values(model, slice, varied, values, TICKS_MAX);
	double room = n > 1 ? pow((double)values[n - 1] / (double)values[0], 0.04) : 2;
	chart->x.is_log = true;
	chart->x.min = (double)values[0] / room;
	chart->x.max = (double)values[n - 1] * room;
	for (size_t i = 0; i < n; i++)
		axis_tick(&chart->x, (double)values[i],
			varied == VARIED_PAGES ? number_pages(values[i]) : number_whole(values[i]));
}

void chart_fill(struct chart *chart, const struct model *model, const struct setup *slice,
	enum varied varied, double (*y)(double ns))
{
	for (size_t i = 0; i < model->n_subjects; i++)
		add_rows(chart, model, slice, varied, y, &model->subjects[i]);
	fit_x(chart, model, slice, varied);
}
