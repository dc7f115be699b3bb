/* SPDX-License-Identifier: MIT */
/* The tables of every row, and of the references. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "report/page.h"

enum { COLUMNS_MAX = 4, HEADINGS_MAX = 512 };

/* References that have a column: how many times each one's time a row took. */
struct columns {
	const char *names[COLUMNS_MAX];
	size_t n;
};

static bool is_referred_to(const struct model *model, const char *name)
{
	for (size_t i = 0; i < model->n_rows; i++) {
		if (!isnan(row_times(model, &model->rows[i], name).median))
			return true;
	}
	return false;
}

static struct columns choose_columns(const struct model *model)
{
	static const char *const wanted[] = {"floor-lock", "floor-mutex", "floor-list", "ck-stack"};
	struct columns columns = {.n = 0};
	for (size_t i = 0; i < COLUMNS_MAX; i++) {
		if (is_referred_to(model, wanted[i]))
			columns.names[columns.n++] = wanted[i];
	}
	return columns;
}

static int compare_numbers(unsigned long a, unsigned long b)
{
	return (a > b) - (a < b);
}

/* Within a workload: by order, devices, mix, pages, batch, threads. */
static int compare_setups(const struct setup *a, const struct setup *b)
{
	int order = strcmp(b->order, a->order); /* sequential, then random */
	if (order == 0)
		order = compare_numbers(a->devices, b->devices);
	for (size_t i = 0; order == 0 && i < 4; i++)
		order = compare_numbers(a->mix[i], b->mix[i]);
	if (order == 0)
		order = compare_numbers(a->pages, b->pages);
	if (order == 0)
		order = compare_numbers(a->batch, b->batch);
	return order ? order : compare_numbers(a->threads, b->threads);
}

/* What has no time comes last. */
static double place(const struct row *row)
{
	return isnan(row_ns(row)) ? INFINITY : row_ns(row);
}

/* Strategies before references, the fastest first. */
static int compare_rows(const void *a, const void *b)
{
	const struct row *x = *(const struct row *const *)a;
	const struct row *y = *(const struct row *const *)b;
	int order = compare_setups(&x->setup, &y->setup);
	if (order == 0)
		order = (x->kind != KIND_STRATEGY) - (y->kind != KIND_STRATEGY);
	return order ? order : (place(x) > place(y)) - (place(x) < place(y));
}

static void write_contention(const struct page *page, const struct row *row)
{
	html_cell(page->html, row->contended.median);
	html_cell(page->html, 100 * row->success.median);
	html_cell(page->html, row->dequeue.p99);
	html_cell(page->html, row->isolate.p99);
	html_cell(page->html, row->bytes_per_page);
}

static void write_row(
	const struct page *page, const struct row *row, const struct columns *columns, bool is_best)
{
	fprintf(page->html, "<tr%s>", is_best ? " class=\"best\"" : "");
	table_subject(page, row->subject);
	html_spread(page->html, &row->ns);
	html_cell(page->html, 1e3 / row_ns(row));
	for (size_t i = 0; i < columns->n; i++) {
		struct spread times = row_times(page->model, row, columns->names[i]);
		if (i == 0)
			html_spread(page->html, &times);
		else
			html_cell(page->html, times.median);
	}
	html_spread(page->html, &row->fairness);
	html_cell(page->html, 1e3 * row->cpu.median);
	write_contention(page, row);
	fputs("</tr>\n", page->html);
}

static void write_setup(
	const struct page *page, const struct row *row, const struct columns *columns)
{
	fprintf(page->html, "<tr class=\"setup\"><th colspan=\"%zu\" scope=\"rowgroup\">",
		12 + columns->n + (columns->n > 0));
	html_text(page->html, setup_words(&row->setup).text);
	if (row->n_repeats > 0)
		html_format(page->html, "; %s", plural(row->n_repeats, "repeat").text);
	fputs("</th></tr>\n", page->html);
}

static void begin(const struct page *page, const char *workload, const struct columns *columns)
{
	char headings[HEADINGS_MAX] = "|=ns a page|#million pages/s";
	size_t length = strlen(headings);
	for (size_t i = 0; i < columns->n; i++)
		length += (size_t)snprintf(headings + length, HEADINGS_MAX - length,
			"|%c\xc3\x97\xc2\xa0%s", i == 0 ? '=' : '#', columns->names[i]);
	snprintf(headings + length, HEADINGS_MAX - length,
		"|=fairness|#CPU ns a page|#waits a page|#isolated %%|#dequeue p99 ns"
		"|#isolate p99 ns|#bytes a page");
	fputs("<h3>", page->html);
	html_text(page->html, workload);
	fputs("</h3>\n", page->html);
	table_begin(page, headings);
}

/* rows: room for all of the model's. */
static void write_workload(const struct page *page, const char *workload,
	const struct columns *columns, const struct row **rows)
{
	size_t n = 0;
	bool is_new = true;
	for (size_t i = 0; i < page->model->n_rows; i++) {
		if (strcmp(page->model->rows[i].setup.workload, workload) == 0)
			rows[n++] = &page->model->rows[i];
	}
	qsort(rows, n, sizeof *rows, compare_rows);
	begin(page, workload, columns);
	for (size_t i = 0; i < n; i++) {
		is_new = i == 0 || !setup_equals(&rows[i]->setup, &rows[i - 1]->setup);
		if (is_new)
			write_setup(page, rows[i], columns);
		write_row(page, rows[i], columns, is_new && rows[i]->kind == KIND_STRATEGY);
	}
	table_end(page);
}

static bool is_first_of_workload(const struct model *model, size_t row)
{
	for (size_t i = 0; i < row; i++) {
		if (strcmp(model->rows[i].setup.workload, model->rows[row].setup.workload) == 0)
			return false;
	}
	return true;
}

int part_rows(const struct page *page)
{
	const struct model *model = page->model;
	struct columns columns = choose_columns(model);
	const struct row **rows = calloc(model->n_rows, sizeof *rows);
	if (!rows)
		return problem_no_memory(page->problem);
	fputs("<section id=\"rows\">\n<h2>Every row</h2>\n<p>Medians, and the least and the most "
	      "of all repeats in brackets. Times are wall time over all threads together; ratios "
	      "are to references of the same run, repeat by repeat; the fastest strategy of each "
	      "setup is bold. <code>table.csv</code> beside this page has the same and more.</p>\n",
		page->html);
	for (size_t i = 0; i < model->n_rows; i++) {
		if (is_first_of_workload(model, i))
			write_workload(page, model->rows[i].setup.workload, &columns, rows);
	}
	fputs("</section>\n", page->html);
	free(rows);
	return 0;
}

void part_references(const struct page *page)
{
	static const char *const kinds[N_KINDS] = {"strategy", "floor", "peer"};
	const struct model *model = page->model;
	fputs("<section id=\"references\">\n<h2>What was compared</h2>\n<p>Strategies manage "
	      "pages; floors are what a part of that work takes at least; peers are what one would "
	      "use instead, and none of them offers all that a strategy does.</p>\n",
		page->html);
	table_begin(page, "|Kind|What it is|What it does not offer");
	for (size_t i = 0; i < model->n_subjects; i++) {
		const struct subject *subject = &model->subjects[i];
		fputs("<tr>", page->html);
		table_subject(page, subject->name);
		html_text_cell(page->html, kinds[subject->kind]);
		html_text_cell(page->html, subject->what);
		html_text_cell(page->html, subject->lacks);
		fputs("</tr>\n", page->html);
	}
	table_end(page);
	fputs("</section>\n", page->html);
}
