/* SPDX-License-Identifier: MIT */
#include "report/axis.h"

#include <math.h>

#include "report/gnuplot.h"

void axis_tick(struct axis *axis, double at, struct number label)
{
	if (axis->n_ticks < TICKS_MAX)
		axis->ticks[axis->n_ticks++] = (struct tick){at, label};
}

struct number number_round(double value)
{
	struct number shown;
	if (value >= 1000)
		return number(value);
	snprintf(shown.text, sizeof shown.text, "%.4g", value);
	return shown;
}

/* The ticks 1, 10, 100, or 1, 2, 5, 10, when there are few decades. */
static void log_ticks(struct axis *axis, struct number (*show)(double))
{
	static const double steps[] = {1, 2, 5};
	size_t n_steps = axis->max / axis->min > 5000 ? 1 : 3;
	double decade = pow(10, floor(log10(axis->min)));
	for (; decade <= axis->max; decade *= 10) {
		for (size_t i = 0; i < n_steps; i++) {
			double at = decade * steps[i];
			if (at >= axis->min && at <= axis->max)
				axis_tick(axis, at, show(at));
		}
	}
}

/* A step of 1, 2 or 5 times a power of ten that makes four to nine ticks. */
static double linear_step(double range)
{
	double step = pow(10, floor(log10(range / 4)));
	if (range / step > 20)
		return 5 * step;
	return range / step > 9 ? 2 * step : step;
}

static void linear_ticks(struct axis *axis, struct number (*show)(double))
{
	double step = linear_step(axis->max - axis->min);
	for (double i = ceil(axis->min / step); i * step <= axis->max * (1 + 1e-9); i++)
		axis_tick(axis, i * step, show(i * step));
}

void axis_ticks(struct axis *axis, struct number (*show)(double))
{
	if (axis->is_log)
		log_ticks(axis, show);
	else
		linear_ticks(axis, show);
}

double axis_place(const struct axis *axis, double value)
{
	if (axis->is_log)
		return log(value / axis->min) / log(axis->max / axis->min);
	return (value - axis->min) / (axis->max - axis->min);
}

void axis_write_name(FILE *script, const struct axis *axis, const char *place)
{
	char quoted[256];
	gnuplot_quote(axis->label, quoted, sizeof quoted);
	fprintf(script, "set label %s at %s tc rgb '#333333'\n", quoted, place);
}

void axis_write(FILE *script, const struct axis *axis, char name)
{
	char quoted[256];
	if (axis->is_log)
		fprintf(script, "set logscale %c\n", name);
	fprintf(script, "set %crange [%.9g:%.9g]\n", name, axis->min, axis->max);
	fprintf(script, "set %ctics scale 0.5,0 (", name);
	for (size_t i = 0; i < axis->n_ticks; i++) {
		gnuplot_quote_tick(axis->ticks[i].label.text, quoted, sizeof quoted);
		fprintf(script, "%s%s %.9g", i ? ", " : "", quoted, axis->ticks[i].at);
	}
	fputs(") tc rgb '#333333'\n", script);
}
