/* SPDX-License-Identifier: MIT */
/* Figures: a finding, one or more plots, and how to read them. */
#include <stdarg.h>
#include <stdlib.h>

#include "report/gnuplot.h"
#include "report/page.h"
#include "report/svg.h"

void figure_begin(struct page *page, const char *id, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	vsnprintf(page->finding, sizeof page->finding, format, args);
	va_end(args);
	fprintf(page->html, "<figure id=\"%s\">\n<h3>", id);
	html_prose(page->html, page->finding);
	fputs("</h3>\n<div class=\"panels\">\n", page->html);
}

void figure_end(const struct page *page, const char *format, ...)
{
	char caption[2048];
	va_list args;
	va_start(args, format);
	vsnprintf(caption, sizeof caption, format, args);
	va_end(args);
	fputs("</div>\n<figcaption>", page->html);
	html_prose(page->html, caption);
	fputs("</figcaption>\n</figure>\n", page->html);
}

/* ---- A plot in words ------------------------------------------------------------------------- */

static void describe_mark(FILE *out, const struct series *series, const struct mark *mark)
{
	if (series->is_curve)
		fprintf(out, "%.7g %% within %s", 100 * (1 - 1 / mark->x),
			number_time(mark->y).text);
	else
		fprintf(out, "%s at %.9g", number(mark->y).text, mark->x);
}

static void describe_series(FILE *out, const struct series *series)
{
	const struct mark *marks = series->is_curve ? series->shown : series->marks;
	size_t n = series->is_curve ? series->n_shown : series->n_marks;
	html_text(out, series->name);
	for (size_t i = 0; i < n; i++) {
		fputs(i ? ", " : ": ", out);
		describe_mark(out, series, &marks[i]);
	}
	fputs(". ", out);
}

static char *describe_chart(const struct chart *chart)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	if (!out)
		return NULL;
	fprintf(out, "Upwards: %s; to the right: %s. ", chart->y.label, chart->x.label);
	for (size_t i = 0; i < chart->n_series; i++)
		describe_series(out, &chart->series[i]);
	fclose(out);
	return text;
}

static char *describe_bars(const struct bars *bars)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	if (!out)
		return NULL;
	fprintf(out, "%s. ", bars->x.label);
	for (size_t i = 0; i < bars->n_bars; i++) {
		html_text(out, bars->bars[i].name);
		fprintf(out, ": %s. ", bars->bars[i].shown.text);
	}
	fclose(out);
	return text;
}

/* ---- Plots ---------------------------------------------------------------------------------- */

static int save_svg(const struct page *page, const char *svg, const char *id, const char *title,
	const char *description)
{
	char name[96];
	snprintf(name, sizeof name, "plots/%s.svg", id);
	FILE *out = files_open(page->files, name, page->problem);
	if (!out)
		return -1;
	svg_write(out, svg, id, title, description);
	return 0;
}

static void write_panel(const struct page *page, const char *svg, const char *id, const char *title,
	const char *description)
{
	fputs("<div class=\"panel\">\n", page->html);
	if (title) {
		fputs("<h4>", page->html);
		html_prose(page->html, title);
		fputs("</h4>\n", page->html);
	}
	fputs("<div class=\"plot\">", page->html);
	svg_write(page->html, svg, id, title ? title : page->finding, description);
	fputs("</div>\n</div>\n", page->html);
}

static int draw(const struct page *page, const char *id, const char *title, const char *script,
	const char *description)
{
	char *svg = gnuplot_draw(script, page->problem);
	if (!svg)
		return -1;
	write_panel(page, svg, id, title, description);
	int status = save_svg(page, svg, id, title ? title : page->finding, description);
	free(svg);
	return status;
}

/* script, description: NULL: there was no memory; released. */
static int draw_and_free(
	const struct page *page, const char *id, const char *title, char *script, char *description)
{
	int status = script && description ? draw(page, id, title, script, description)
					   : problem_no_memory(page->problem);
	free(script);
	free(description);
	return status;
}

int figure_chart(const struct page *page, const char *id, const char *title, struct chart *chart)
{
	char *script = chart_script(chart);
	return draw_and_free(page, id, title, script, describe_chart(chart));
}

int figure_bars(const struct page *page, const char *id, const char *title, const struct bars *bars)
{
	return draw_and_free(page, id, title, bars_script(bars), describe_bars(bars));
}
