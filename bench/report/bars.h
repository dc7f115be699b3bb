/* SPDX-License-Identifier: MIT */
/* A plot of bars below each other, each with its name at its left and its number at its end. */
#ifndef REPORT_BARS_H
#define REPORT_BARS_H

#include "report/axis.h"
#include "report/style.h"

enum { BARS_MAX = 64 };

struct bar {
	const char *name;
	struct style style;
	bool is_reference;
	struct spread value;
	struct number shown;
};

struct bars {
	struct axis x;
	struct bar bars[BARS_MAX]; /* the first one at the top */
	size_t n_bars;
	double level; /* a line across all bars at this value, with a name; NAN: none */
	const char *level_name;
};

void bars_add(struct bars *bars, const struct bar *bar);

/** Lowest first; sign: -1 for highest first. Strategies are before references. */
void bars_sort(struct bars *bars, int sign);

/** Returns the script for gnuplot, for free(), or NULL: no memory. */
char *bars_script(const struct bars *bars);

#endif
