/* SPDX-License-Identifier: MIT */
/*
 * A plot of lines, each with its name beside its end: no legend to look things up in.
 */
#ifndef REPORT_CHART_H
#define REPORT_CHART_H

#include "report/axis.h"
#include "report/style.h"

enum { SERIES_MAX = 64 };

struct mark {
	double x, y;
	double low, high; /* a bar from here to there; NAN: none */
};

struct series {
	const char *name;
	struct style style;
	struct mark *marks;
	size_t n_marks;
	bool is_curve; /* so many marks that their shape is shown at some only */
	struct mark shown[4];
	size_t n_shown;
};

struct chart {
	struct axis x, y;
	struct series series[SERIES_MAX];
	size_t n_series;
	bool is_without_memory; /* marks are missing */
};

/** A new line; NULL: there are too many. */
struct series *chart_series(struct chart *chart, const char *name, struct style style);

/** Marks come in any order, those of a curve from its one end to the other. */
void chart_mark(struct chart *chart, struct series *series, struct mark mark);

/** Let the axis of y hold all marks, whose bars may reach out of it; logarithmic if need be. */
void chart_fit_y(struct chart *chart);

/** Returns the script for gnuplot, for free(), or NULL: no memory. */
char *chart_script(struct chart *chart);

/** Forget all lines. */
void chart_fini(struct chart *chart);

#endif
