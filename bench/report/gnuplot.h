/* SPDX-License-Identifier: MIT */
#ifndef REPORT_GNUPLOT_H
#define REPORT_GNUPLOT_H

#include "common/problem.h"

/**
 * Let gnuplot run a script that draws one plot in SVG to its standard output. Returns the SVG, for
 * free(), or NULL.
 */
char *gnuplot_draw(const char *script, struct problem *problem);

/**
 * A text in a script: between single quotes, where nothing has a meaning to gnuplot but a quote,
 * which is doubled. Control characters are replaced. Returns 0, or -1 if the text does not fit.
 */
int gnuplot_quote(const char *text, char *quoted, size_t size);

/** The same for a text beside a tick of an axis, which is a format. */
int gnuplot_quote_tick(const char *text, char *quoted, size_t size);

#endif
