/* SPDX-License-Identifier: MIT */
/* Tables of times beside counts: what was measured beside what the counts predict. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "report/page.h"
#include "report/predict.h"

static int compare_rows(const void *a, const void *b)
{
	const struct row *x = *(const struct row *const *)a;
	const struct row *y = *(const struct row *const *)b;
	if (x->setup.pages != y->setup.pages)
		return x->setup.pages < y->setup.pages ? -1 : 1;
	if (x->setup.batch != y->setup.batch)
		return x->setup.batch < y->setup.batch ? -1 : 1;
	if (!setup_equals(&x->setup, &y->setup))
		return strcmp(x->setup.order, y->setup.order) < 0 ? 1 : -1;
	return (row_ns(x) > row_ns(y)) - (row_ns(x) < row_ns(y));
}

/* Rows of one thread's cycles of which something was counted, in the table's order. Released by the
 * caller; NULL: there are none. */
static const struct row **find_rows(const struct model *model, const char *order,
	double (*counted)(const struct count *count), size_t *n)
{
	const struct setup cycle = {"cycle", order, 1, ANY, ANY, ANY, {ANY}};
	const struct row **rows = calloc(model->n_rows + 1, sizeof *rows);
	const struct row *row;
	size_t i = 0;
	*n = 0;
	while (rows && (row = select_next(model, &cycle, row_ns, &i)) != NULL) {
		const struct count *count = model_count(model, row->subject, &row->setup);
		if (count && !isnan(counted(count)))
			rows[(*n)++] = row;
	}
	if (*n > 0)
		qsort(rows, *n, sizeof *rows, compare_rows);
	return rows;
}

static double instructions_or_atomics(const struct count *count)
{
	return isnan(count->atomics) ? count->instructions : count->atomics;
}

static double misses(const struct count *count)
{
	return count->ll_misses;
}

static void write_setup_row(const struct page *page, const struct setup *setup, int n_columns)
{
	fprintf(page->html, "<tr class=\"setup\"><th colspan=\"%d\" scope=\"rowgroup\">",
		n_columns);
	html_text(page->html, setup_words(setup).text);
	fputs("</th></tr>\n", page->html);
}

static void write_predicted(const struct page *page, const struct row *row)
{
	const struct count *count = model_count(page->model, row->subject, &row->setup);
	double predicted = predict_ns(page->model, row, count);
	fputs("<tr>", page->html);
	table_subject(page, row->subject);
	html_spread(page->html, &row->ns);
	html_cell(page->html, predicted);
	html_cell(page->html, row_ns(row) / predicted);
	html_cell(page->html, count->atomics);
	html_cell(page->html, count->instructions);
	html_cell(page->html, count->l1_misses);
	html_cell(page->html, count->ll_misses);
	fputs("</tr>\n", page->html);
}

static void write_misses(const struct page *page, const struct row *row)
{
	const struct count *count = model_count(page->model, row->subject, &row->setup);
	fputs("<tr>", page->html);
	table_subject(page, row->subject);
	html_spread(page->html, &row->ns);
	html_cell(page->html, count->l1_misses);
	html_cell(page->html, count->ll_misses);
	html_cell(page->html, row->bytes_per_page);
	fputs("</tr>\n", page->html);
}

static void write_rows(const struct page *page, const struct row **rows, size_t n, int n_columns,
	void (*write)(const struct page *page, const struct row *row))
{
	for (size_t i = 0; i < n; i++) {
		if (i == 0 || !setup_equals(&rows[i]->setup, &rows[i - 1]->setup))
			write_setup_row(page, &rows[i]->setup, n_columns);
		write(page, rows[i]);
	}
}

void part_predicted(const struct page *page)
{
	size_t n;
	const struct row **rows = find_rows(page->model, NULL, instructions_or_atomics, &n);
	fputs("<section id=\"predicted\">\n<h2>Measured beside predicted</h2>\n", page->html);
	if (n == 0) {
		fputs("<p>Not measured: no counts of balloon-bench count go with the "
		      "results.</p>\n",
			page->html);
	} else {
		fputs("<p>Predicted: what floor-list takes in the same work, and floor-atomic's "
		      "time for each atomic operation. What is left over is neither list work nor "
		      "atomic operations.</p>\n",
			page->html);
		table_begin(page,
			"|=ns a page, out and in|#Predicted|#Measured over predicted|#Atomic "
			"operations|#Instructions|#First-level misses|#Last-level misses");
		write_rows(page, rows, n, 9, write_predicted);
		table_end(page);
	}
	free(rows);
	fputs("</section>\n", page->html);
}

void part_misses(const struct page *page)
{
	size_t n;
	const struct row **rows = find_rows(page->model, "random", misses, &n);
	fputs("<section id=\"misses\">\n<h2>In random order: time beside cache misses</h2>\n",
		page->html);
	if (n == 0) {
		fputs("<p>Not measured: there are no counts of random order.</p>\n", page->html);
	} else {
		fputs("<p>Misses are a page's, out and in again, in a simulated cache.</p>\n",
			page->html);
		table_begin(page, "|=ns a page, out and in|#First-level misses|#Last-level "
				  "misses|#Bytes of state");
		write_rows(page, rows, n, 6, write_misses);
		table_end(page);
	}
	free(rows);
	fputs("</section>\n", page->html);
}
