/* SPDX-License-Identifier: MIT */
/* A chart, in gnuplot's language. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/chart.h"
#include "report/gnuplot.h"

/* Pixels. Names are beside the plot, at its right, one line each. */
enum { WIDTH = 600, LEFT = 66, TOP = 36, BOTTOM = 60, PLOT_HEIGHT = 320, LINE = 17, LETTER = 8 };

/* A name beside the plot. */
struct label {
	const struct series *series;
	struct mark end;
	double place; /* from 0, the bottom of the plot, to 1 */
};

/* ---- Names beside the plot, none over another ------------------------------------------------ */

static int compare_labels(const void *a, const void *b)
{
	const struct label *x = a, *y = b;
	return (x->place > y->place) - (x->place < y->place);
}

/* Names that would be over each other, as one block that has its middle where they have theirs. */
struct block {
	double sum;
	size_t n;
};

static double clamp(double place, double max)
{
	return fmax(0, fmin(place, max));
}

/*
 * Labels ascend by place. Each stays as near its place as the others let it, gap apart: the places
 * less what the gaps before them take have to ascend, and least squares make that a merge of
 * neighbours.
 */
static void spread_labels(struct label *labels, size_t n, double gap)
{
	struct block blocks[SERIES_MAX];
	size_t n_blocks = 0, label = 0;
	for (size_t i = 0; i < n; i++) {
		struct block block = {labels[i].place - (double)i * gap, 1};
		while (n_blocks > 0 && blocks[n_blocks - 1].sum * (double)block.n >=
					       block.sum * (double)blocks[n_blocks - 1].n) {
			n_blocks--;
			block.sum += blocks[n_blocks].sum;
			block.n += blocks[n_blocks].n;
		}
		blocks[n_blocks++] = block;
	}
	for (size_t i = 0; i < n_blocks; i++) {
		double first =
			clamp(blocks[i].sum / (double)blocks[i].n, 1 - (double)(n - 1) * gap);
		for (size_t j = 0; j < blocks[i].n; j++, label++)
			labels[label].place = first + (double)label * gap;
	}
}

static size_t place_labels(const struct chart *chart, struct label *labels, double gap)
{
	for (size_t i = 0; i < chart->n_series; i++) {
		const struct series *series = &chart->series[i];
		struct mark end = series->marks[series->n_marks - 1];
		double place = axis_place(&chart->y, end.y);
		labels[i] = (struct label){series, end, clamp(place, 1)};
	}
	qsort(labels, chart->n_series, sizeof *labels, compare_labels);
	spread_labels(labels, chart->n_series, gap);
	return chart->n_series;
}

/* ---- The script ------------------------------------------------------------------------------ */

static int compare_marks(const void *a, const void *b)
{
	const struct mark *x = a, *y = b;
	return (x->x > y->x) - (x->x < y->x);
}

static int names_width(const struct chart *chart)
{
	size_t longest = 8;
	for (size_t i = 0; i < chart->n_series; i++) {
		size_t length = strlen(chart->series[i].name);
		longest = length > longest ? length : longest;
	}
	return 50 + LETTER * (int)(longest < 28 ? longest : 28);
}

static void write_head(FILE *script, const struct chart *chart, int height)
{
	fprintf(script,
		"set terminal svg size %d,%d font 'sans-serif,14' noenhanced name 'plot'\n"
		"set encoding utf8\nunset key\n"
		"set lmargin at screen %.4f\nset rmargin at screen %.4f\n"
		"set tmargin at screen %.4f\nset bmargin at screen %.4f\n"
		"set border 3 lw 1 lc rgb '#333333'\n"
		"set grid xtics ytics lt 1 lc rgb '#E4E4E4' lw 1\nset tics nomirror out\n",
		WIDTH, height, (double)LEFT / WIDTH, 1 - (double)names_width(chart) / WIDTH,
		1 - (double)TOP / height, (double)BOTTOM / height);
}

static void write_label(FILE *script, const struct label *label)
{
	const struct style *style = &label->series->style;
	char quoted[160];
	gnuplot_quote(label->series->name, quoted, sizeof quoted);
	fprintf(script,
		"set arrow from %.9g,%.9g to graph 1.045,%.5f nohead lc rgb '%s' lw 0.8 dt (1,3)\n"
		"set label '' at graph 1.06,%.5f point pt %d ps %.2f lc rgb '%s'\n"
		"set label %s at graph 1.095,%.5f left tc rgb '#1A1A1A'\n",
		label->end.x, label->end.y, label->place, style->colour, label->place, style->point,
		style->size, style->colour, quoted, label->place);
}

static void write_marks(
	FILE *script, size_t series, const char *name, const struct mark *marks, size_t n)
{
	fprintf(script, "$%s%zu << EOD\n", name, series);
	for (size_t i = 0; i < n; i++)
		fprintf(script, "%.9g %.9g %.9g %.9g\n", marks[i].x, marks[i].y,
			isnan(marks[i].low) ? marks[i].y : marks[i].low,
			isnan(marks[i].high) ? marks[i].y : marks[i].high);
	fputs("EOD\n", script);
}

static void write_series(FILE *script, const struct series *series, size_t i, bool is_first)
{
	const struct style *style = &series->style;
	const char *dots = series->is_curve ? "shown" : "marks";
	fprintf(script, "%s$marks%zu using 1:2 with lines lc rgb '%s' lw %.2f dt %s",
		is_first ? "" : ", ", i, style->colour, style->width, style->dash);
	if (!series->is_curve)
		fprintf(script,
			", $marks%zu using 1:2:3:4 with yerrorbars pt 0 ps 0 lw 1 lc rgb '%s'", i,
			style->colour);
	if (!series->is_curve || series->n_shown > 0)
		fprintf(script, ", $%s%zu using 1:2 with points pt %d ps %.2f lw 1.5 lc rgb '%s'",
			dots, i, style->point, style->size, style->colour);
}

static void write_all_series(FILE *script, struct chart *chart)
{
	for (size_t i = 0; i < chart->n_series; i++) {
		struct series *series = &chart->series[i];
		if (!series->is_curve)
			qsort(series->marks, series->n_marks, sizeof *series->marks, compare_marks);
		write_marks(script, i, "marks", series->marks, series->n_marks);
		if (series->n_shown > 0)
			write_marks(script, i, "shown", series->shown, series->n_shown);
	}
}

static void write_script(FILE *script, struct chart *chart)
{
	struct label labels[SERIES_MAX];
	int names_height = LINE * (int)chart->n_series;
	int plot_height = names_height > PLOT_HEIGHT ? names_height : PLOT_HEIGHT;
	write_head(script, chart, plot_height + TOP + BOTTOM);
	axis_write(script, &chart->x, 'x');
	axis_write(script, &chart->y, 'y');
	axis_write_name(script, &chart->x, "graph 0.5, graph 0 center offset 0,-2.2");
	axis_write_name(script, &chart->y, "graph 0, graph 1 left offset -5,1");
	write_all_series(script, chart);
	size_t n = place_labels(chart, labels, (double)LINE / plot_height);
	for (size_t i = 0; i < n; i++)
		write_label(script, &labels[i]);
	fputs("plot ", script);
	for (size_t i = chart->n_series; i > 0; i--)
		write_series(script, &chart->series[i - 1], i - 1, i == chart->n_series);
	fputs("\n", script);
}

char *chart_script(struct chart *chart)
{
	char *text = NULL;
	size_t size;
	FILE *script = open_memstream(&text, &size);
	if (!script)
		return NULL;
	write_script(script, chart);
	if (fclose(script) == 0 && !chart->is_without_memory)
		return text;
	free(text);
	return NULL;
}
