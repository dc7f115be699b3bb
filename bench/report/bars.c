/* SPDX-License-Identifier: MIT */
#include "report/bars.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "report/gnuplot.h"

/* Pixels. */
enum { WIDTH = 600, RIGHT = 76, TOP = 12, BOTTOM = 60, BAR = 26, LETTER = 8 };

void bars_add(struct bars *bars, const struct bar *bar)
{
	if (bars->n_bars < BARS_MAX)
		bars->bars[bars->n_bars++] = *bar;
}

static bool comes_before(const struct bar *a, const struct bar *b, int sign)
{
	if (a->is_reference != b->is_reference)
		return b->is_reference;
	return sign * a->value.median < sign * b->value.median;
}

void bars_sort(struct bars *bars, int sign)
{
	for (size_t i = 1; i < bars->n_bars; i++) {
		struct bar bar = bars->bars[i];
		size_t j = i;
		for (; j > 0 && comes_before(&bar, &bars->bars[j - 1], sign); j--)
			bars->bars[j] = bars->bars[j - 1];
		bars->bars[j] = bar;
	}
}

static int names_width(const struct bars *bars)
{
	size_t longest = 8;
	for (size_t i = 0; i < bars->n_bars; i++) {
		size_t length = strlen(bars->bars[i].name);
		longest = length > longest ? length : longest;
	}
	return 16 + LETTER * (int)(longest < 28 ? longest : 28);
}

/* Room above the bars for the level's name. */
static int top(const struct bars *bars)
{
	return isnan(bars->level) ? TOP : TOP + BAR;
}

static void write_head(FILE *script, const struct bars *bars)
{
	int height = top(bars) + BOTTOM + BAR * (int)bars->n_bars;
	fprintf(script,
		"set terminal svg size %d,%d font 'sans-serif,14' noenhanced name 'plot'\n"
		"set encoding utf8\nunset key\n"
		"set lmargin at screen %.4f\nset rmargin at screen %.4f\n"
		"set tmargin at screen %.4f\nset bmargin at screen %.4f\n"
		"set border 3 lw 1 lc rgb '#333333'\n"
		"set grid xtics lt 1 lc rgb '#E4E4E4' lw 1\nset tics nomirror out\n",
		WIDTH, height, (double)names_width(bars) / WIDTH, 1 - (double)RIGHT / WIDTH,
		1 - (double)top(bars) / height, (double)BOTTOM / height);
}

static double middle(const struct bars *bars, size_t i)
{
	return (double)(bars->n_bars - 1 - i);
}

static void write_names(FILE *script, const struct bars *bars)
{
	char quoted[160];
	fprintf(script, "set yrange [-0.5:%zu.5]\nset ytics scale 0,0 (", bars->n_bars - 1);
	for (size_t i = 0; i < bars->n_bars; i++) {
		gnuplot_quote_tick(bars->bars[i].name, quoted, sizeof quoted);
		fprintf(script, "%s%s %g", i ? ", " : "", quoted, middle(bars, i));
	}
	fputs(") tc rgb '#1A1A1A'\n", script);
}

/* The number stands after the bar, or after what goes beyond it. */
static void write_number(FILE *script, const struct bar *bar, double y)
{
	char quoted[160];
	gnuplot_quote(bar->shown.text, quoted, sizeof quoted);
	fprintf(script, "set label %s at %.9g,%g left offset 0.6,0 tc rgb '#1A1A1A'\n", quoted,
		bar->value.max, y);
	if (bar->value.max > bar->value.min)
		fprintf(script,
			"set arrow from %.9g,%g to %.9g,%g heads size screen 0.006,90 front lw 1.3 "
			"lc rgb '#1A1A1A'\n",
			bar->value.min, y, bar->value.max, y);
}

static void write_level(FILE *script, const struct bars *bars)
{
	char quoted[160];
	if (isnan(bars->level) || gnuplot_quote(bars->level_name, quoted, sizeof quoted) < 0)
		return;
	fprintf(script,
		"set arrow from %.9g,graph 0 to %.9g,graph 1 nohead front lw 1.5 lc rgb '#1A1A1A' "
		"dt (4,4)\nset label %s at %.9g,graph 1 center offset 0,0.8 tc rgb '#1A1A1A'\n",
		bars->level, bars->level, quoted, bars->level);
}

static void write_bars(FILE *script, const struct bars *bars)
{
	for (size_t i = 0; i < bars->n_bars; i++) {
		const struct bar *bar = &bars->bars[i];
		double y = middle(bars, i);
		write_number(script, bar, y);
		fprintf(script, "$bar%zu << EOD\n%.9g %g %.9g %.9g %g %g\nEOD\n", i,
			bar->value.median, y, bars->x.min, bar->value.median, y - 0.34, y + 0.34);
	}
	fputs("plot ", script);
	for (size_t i = 0; i < bars->n_bars; i++)
		fprintf(script,
			"%s$bar%zu using 1:2:3:4:5:6 with boxxyerror fs solid %s lc rgb '%s'",
			i ? ", " : "", i, bars->bars[i].is_reference ? "0.45" : "0.9",
			bars->bars[i].style.colour);
	fputs("\n", script);
}

char *bars_script(const struct bars *bars)
{
	char *text = NULL;
	size_t size;
	FILE *script = open_memstream(&text, &size);
	if (!script)
		return NULL;
	write_head(script, bars);
	axis_write(script, &bars->x, 'x');
	axis_write_name(script, &bars->x, "graph 0.5, graph 0 center offset 0,-2.2");
	write_names(script, bars);
	write_level(script, bars);
	write_bars(script, bars);
	if (fclose(script) == 0)
		return text;
	free(text);
	return NULL;
}
