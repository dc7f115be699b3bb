/* SPDX-License-Identifier: MIT */
/* Results for people. */
#include <inttypes.h>
#include <stdlib.h>

#include "run/results.h"

static void print_heading(const struct series *series)
{
	const struct shape *shape = &series->shape;
	printf("%s: %u %s, batches of %" PRIu32 ", %" PRIu32 " pages, %s order", /* no newline */
		workload_names[shape->workload], shape->n_threads,
		shape->n_threads == 1 ? "thread" : "threads", shape->batch, shape->n_pages,
		order_names[shape->order]);
	if (shape->n_devices > 1)
		printf(", %u devices", shape->n_devices);
	printf("\n  %-16s %9s %-19s %7s %7s %8s %7s %7s %8s", "", "ns/page", "[min max]", "x list",
		"x lock", "fairness", "CPU s/M", "waits", "bytes");
	if (shape_isolates(shape))
		printf(" %8s", "isolated");
	if (shape_is_filled(shape))
		printf("  %s", "dequeue ns p50/p99/p99.9/max");
	if (shape_isolates(shape))
		printf("  %s", "isolate ns p50/p99/p99.9/max");
	printf("\n");
}

static void print_ratio(const struct series *series, const struct row *row, const char *name)
{
	const struct row *reference = series_find(series, name);
	if (reference)
		printf(" %7.2f", row_ratio(row, reference).median);
	else
		printf(" %7s", "-");
}

static void print_latency(const struct histogram *histogram)
{
	char text[96] = "-";
	if (histogram->n > 0)
		snprintf(text, sizeof text, "%" PRIu64 "/%" PRIu64 "/%" PRIu64 "/%" PRIu64,
			histogram_quantile(histogram, 0.5), histogram_quantile(histogram, 0.99),
			histogram_quantile(histogram, 0.999), histogram->max);
	printf("  %-28s", text);
}

static void print_row(const struct series *series, const struct row *row)
{
	char span[64];
	struct spread ns = row_spread(row, offsetof(struct sample, ns_per_page));
	snprintf(span, sizeof span, "[%.4g %.4g]", ns.min, ns.max);
	printf("  %-16s %9.4g %-19s", row->subject->name, ns.median, span);
	print_ratio(series, row, "floor-list");
	print_ratio(series, row, "floor-lock");
	printf(" %8.2f %7.4f", row_spread(row, offsetof(struct sample, fairness)).median,
		row_spread(row, offsetof(struct sample, cpu_s_per_million_pages)).median);
	printf(" %7.3g", row_spread(row, offsetof(struct sample, contended_per_page)).median);
	printf(" %8.4g", row->bytes_per_page);
	if (shape_isolates(&series->shape))
		printf(" %7.1f%%",
			100 * row_spread(row, offsetof(struct sample, success_rate)).median);
	if (shape_is_filled(&series->shape))
		print_latency(&row->totals.dequeue);
	if (shape_isolates(&series->shape))
		print_latency(&row->totals.isolate);
	printf("\n");
}

void series_print(const struct series *series)
{
	print_heading(series);
	for (size_t i = 0; i < series->n_rows; i++)
		if (series->rows[i].n_samples > 0)
			print_row(series, &series->rows[i]);
	printf("\n");
	fflush(stdout); /* the next table takes a while */
}
