/* SPDX-License-Identifier: MIT */
#ifndef REPORT_VARIED_H
#define REPORT_VARIED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "report/html.h"

enum { TICKS_MAX = 40 };

struct tick {
	double at;
	struct number label;
};

struct axis {
	const char *label;
	double min, max;
	bool is_log;
	struct tick ticks[TICKS_MAX];
	size_t n_ticks;
};

void axis_tick(struct axis *axis, double at, struct number label);

/** A round number, as short as it goes. */
struct number number_round(double value);

/** Ticks at round numbers between min and max; show: how a number is written there. */
void axis_ticks(struct axis *axis, struct number (*show)(double));

/** Where a value is, from 0 at min to 1 at max. */
double axis_place(const struct axis *axis, double value);

/** Write what the axis is of. gnuplot's own names of axes are not seen with margins in pixels. */
void axis_write_name(FILE *script, const struct axis *axis, const char *place);

/** Write the axis as gnuplot's. name: x or y. */
void axis_write(FILE *script, const struct axis *axis, char name);

#endif
