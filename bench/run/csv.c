/* SPDX-License-Identifier: MIT */
/* Results as CSV, a line for each subject and shape. No value needs quotes: names are words. */
#include <inttypes.h>

#include "run/results.h"

void series_csv_header(FILE *file, const struct plan *plan)
{
	fputs("strategy,kind,workload,threads,batch,pages,order,devices,repeats,"
	      "ns_per_page,ns_per_page_min,ns_per_page_max,fairness,fairness_min,"
	      "cpu_s_per_million_pages,contended_per_page,bytes_per_page,isolate_attempts,isolated,"
	      "dequeue_p50_ns,dequeue_p99_ns,dequeue_p99.9_ns,dequeue_max_ns,"
	      "isolate_p50_ns,isolate_p99_ns,isolate_p99.9_ns,isolate_max_ns",
		file);
	for (size_t i = 0; i < plan->n_subjects; i++)
		if (plan->subjects[i].kind != SUBJECT_STRATEGY)
			fprintf(file, ",ratio_%s", plan->subjects[i].name);
	fputs("\n", file);
}

/* What does not exist is an empty field. */
static void write_latency(FILE *file, const struct histogram *histogram)
{
	if (histogram->n == 0)
		fputs(",,,,", file);
	else
		fprintf(file, ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64,
			histogram_quantile(histogram, 0.5), histogram_quantile(histogram, 0.99),
			histogram_quantile(histogram, 0.999), histogram->max);
}

static void write_figures(FILE *file, const struct row *row)
{
	struct spread ns = row_spread(row, offsetof(struct sample, ns_per_page));
	struct spread fairness = row_spread(row, offsetof(struct sample, fairness));
	fprintf(file, ",%.6g,%.6g,%.6g,%.4g,%.4g,%.6g,%.4g,%.6g", ns.median, ns.min, ns.max,
		fairness.median, fairness.min,
		row_spread(row, offsetof(struct sample, cpu_s_per_million_pages)).median,
		row_spread(row, offsetof(struct sample, contended_per_page)).median,
		row->bytes_per_page);
}

static void write_row(
	FILE *file, const struct plan *plan, const struct series *series, const struct row *row)
{
	const struct shape *shape = &series->shape;
	fprintf(file, "%s,%s,%s,%u,%" PRIu32 ",%" PRIu32 ",%s,%u,%zu", row->subject->name,
		subject_kind_name(row->subject->kind), workload_names[shape->workload],
		shape->n_threads, shape->batch, shape->n_pages, order_names[shape->order],
		shape->n_devices, row->n_samples);
	write_figures(file, row);
	if (shape_isolates(shape))
		fprintf(file, ",%" PRIu64 ",%" PRIu64, row->totals.n_attempts,
			row->totals.n_isolated);
	else
		fputs(",,", file);
	write_latency(file, &row->totals.dequeue);
	write_latency(file, &row->totals.isolate);
	for (size_t i = 0; i < plan->n_subjects; i++) {
		if (plan->subjects[i].kind == SUBJECT_STRATEGY)
			continue;
		const struct row *reference = series_find(series, plan->subjects[i].name);
		if (reference && reference->n_samples > 0)
			fprintf(file, ",%.4g", row_ratio(row, reference).median);
		else
			fputs(",", file);
	}
	fputs("\n", file);
}

void series_csv(FILE *file, const struct plan *plan, const struct series *series)
{
	for (size_t i = 0; i < series->n_rows; i++)
		if (series->rows[i].n_samples > 0)
			write_row(file, plan, series, &series->rows[i]);
}
