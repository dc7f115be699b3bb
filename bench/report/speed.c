/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <stdlib.h>

#include "report/speed.h"

double throughput(double ns)
{
	return ns > 0 ? 1e3 / ns : NAN;
}

static double cost(double ns)
{
	return ns;
}

bool find_ends(
	const struct model *model, const struct setup *slice, enum varied varied, struct ends *ends)
{
	unsigned long values[TICKS_MAX];
	struct setup first = *slice, last = *slice;
	size_t n = select_values(model, slice, varied, values, TICKS_MAX);
	if (n < 2)
		return false;
	if (varied == VARIED_THREADS) {
		first.threads = values[0];
		last.threads = values[n - 1];
	} else if (varied == VARIED_BATCH) {
		first.batch = values[0];
		last.batch = values[n - 1];
	} else {
		first.pages = values[0];
		last.pages = values[n - 1];
	}
	*ends = (struct ends){
		select_lowest(model, &first, row_ns), select_lowest(model, &last, row_ns)};
	return ends->first && ends->last;
}

/* A chart goes to the page if it has lines. */
static int put_chart(struct page *page, const char *id, const char *title,
	const struct setup *slice, enum varied varied, struct chart *chart)
{
	int status;
	bool is_throughput = varied == VARIED_THREADS;
	chart->y.label = is_throughput ? "million pages a second" : "ns a page, out and in";
	chart_fill(chart, page->model, slice, varied, is_throughput ? throughput : cost);
	chart_fit_y(chart);
	status = figure_chart(page, id, title, chart);
	chart_fini(chart);
	return status;
}

int put_axis_chart(struct page *page, const char *id, const char *title, const struct setup *slice,
	enum varied varied, const char *label)
{
	struct chart *chart = calloc(1, sizeof *chart);
	if (!chart)
		return problem_no_memory(page->problem);
	chart->x.label = label;
	int status = put_chart(page, id, title, slice, varied, chart);
	free(chart);
	return status;
}
