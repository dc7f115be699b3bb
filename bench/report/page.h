/* SPDX-License-Identifier: MIT */
/* The page while it is written, and its parts. */
#ifndef REPORT_PAGE_H
#define REPORT_PAGE_H

#include "report/bars.h"
#include "report/chart.h"
#include "report/files.h"
#include "report/html.h"
#include "report/model.h"
#include "report/select.h"

struct page {
	FILE *html;
	const struct model *model;
	struct files *files;
	struct problem *problem;
	char finding[1024]; /* of the figure that is written */
};

/* Parts in their order. What returns int returns 0 or -1; a part without data writes nothing. */
int page_write(struct page *page);
void part_head(const struct page *page);
void part_summary(const struct page *page);
void part_goals(const struct page *page);
int part_threads(struct page *page);
int part_batch(struct page *page);
int part_pages(struct page *page);
int part_latency(struct page *page);
int part_isolation(struct page *page);
int part_fairness(struct page *page);
int part_bytes(struct page *page);
int part_system(struct page *page);
void part_predicted(const struct page *page);
void part_misses(const struct page *page);
void part_references(const struct page *page);
int part_rows(const struct page *page);
void part_foot(const struct page *page);

/* Of part_system(): figures and the table of releases. */
int part_release(struct page *page);
void part_release_table(const struct page *page);

/** All trials of a workload, each setting's together, below what is written about it. */
void trials_write(const struct page *page, const char *workload,
	void (*write_setting)(const struct page *page, const struct trial *trial),
	void (*write_trial)(const struct page *page, const struct trial *trial));

/** A cell that says by how much a goal is reached, or missed. NAN: not measured. */
void goal_verdict(const struct page *page, double times);

/** A trial's first cell: its subject. */
void trial_subject(const struct page *page, const struct trial *trial);

/** All rows and what is derived from them, for programs. */
void csv_write(const struct model *model, FILE *csv);

/* ---- Figures --------------------------------------------------------------------------------- */

/** Begin a figure; the format says what it shows: its finding. */
void figure_begin(struct page *page, const char *id, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/**
 * Put a plot in. id: unique, of letters, digits, dashes. title: what is seen above it, or
 * NULL: nothing, the figure's finding is enough. Returns 0 or -1.
 */
int figure_chart(const struct page *page, const char *id, const char *title, struct chart *chart);
int figure_bars(
	const struct page *page, const char *id, const char *title, const struct bars *bars);

/** End it; the format says what was measured and how to read it. */
void figure_end(const struct page *page, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/**
 * Fill a chart with a line for each subject over what varies, which is ANY in the slice. y: what is
 * shown of a row's time.
 */
void chart_fill(struct chart *chart, const struct model *model, const struct setup *slice,
	enum varied varied, double (*y)(double ns));

/* ---- Tables and words ----------------------------------------------------------------------- */

/**
 * Begin a table. Headings are separated by '|'; one that begins with '#' is of a column of numbers,
 * with '=' of numbers and what they range over.
 */
void table_begin(const struct page *page, const char *headings);
void table_end(const struct page *page);

/** A row's first cell: a subject. */
void table_subject(const struct page *page, const char *subject);

struct words {
	char text[512];
};

struct words words_of(const char *format, ...) __attribute__((format(printf, 1, 2)));

/** "churn, 2 threads, batch 1, 4,096 pages, sequential" */
struct words setup_words(const struct setup *setup);

/** "1 thread", "2 threads" */
struct words plural(unsigned long n, const char *noun);

#endif
