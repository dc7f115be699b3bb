/* SPDX-License-Identifier: MIT */
/* Results for people. */
#include <inttypes.h>
#include <math.h>

#include "system/results.h"

static void print_number(double number, int width, const char *format)
{
	char text[32] = "-";
	if (!isnan(number))
		snprintf(text, sizeof text, format, number);
	printf(" %*s", width, text);
}

static void print_figure(const struct trial *trial, enum figure figure, int width)
{
	print_number(trial_spread(trial, figure).median, width, "%.4g");
}

static void print_percent(const struct trial *trial, enum figure figure)
{
	print_number(100 * trial_spread(trial, figure).median, 7, "%.1f%%");
}

static void print_span(const struct trial *trial)
{
	char span[64];
	struct spread ns = trial_spread(trial, trial_time(trial));
	snprintf(span, sizeof span, "[%.4g %.4g]", ns.min, ns.max);
	printf(" %9.4g %-17s", ns.median, span);
}

static void print_ratio(
	const struct round *round, const struct trial *trial, const char *to, int width)
{
	const struct trial *reference = round_find(round, to);
	print_number(reference ? trial_ratio(trial, reference).median : NAN, width, "%.3g");
}

/* ---- Release --------------------------------------------------------------------------------- */

static void print_release_heading(const struct labels *labels)
{
	printf("release: %s memory, %s order, %s, %" PRIu32 " pages of %" PRIu32
	       " KiB, requests of %" PRIu32,
		labels->memory, labels->order,
		labels->other_thread ? "another thread running" : "no other thread", labels->pages,
		labels->page_bytes / 1024, labels->request);
	printf("\n  %-16s %9s %-17s %7s %7s %7s %7s %8s %8s %8s\n", "", "ns/page", "[min max]",
		"GiB/s", "x one", "x vec", "x page", "deflate", "refault", "warm");
}

static void print_release(const struct round *round, const struct trial *trial)
{
	print_span(trial);
	print_number(trial_rate(trial).median, 7, "%.2f");
	for (size_t i = 0; raw_names[i]; i++)
		print_ratio(round, trial, raw_names[i], 7);
	print_figure(trial, DEFLATE_NS_PER_PAGE, 8);
	print_figure(trial, REFAULT_NS_PER_PAGE, 8);
	print_figure(trial, REFAULT_WARM_NS_PER_PAGE, 8);
}

/* ---- The others ------------------------------------------------------------------------------ */

static void print_target_heading(const struct labels *labels)
{
	printf("target: half of %" PRIu32
	       " pages beside a filler and a leaker, the host takes %" PRIu32 " us",
		labels->pages, labels->host_us);
	printf("\n  %-16s %9s %-17s %9s %9s %9s\n", "", "ns/page", "[min max]", "ms", "busy",
		"again");
}

static void print_target(const struct round *round, const struct trial *trial)
{
	(void)round;
	print_span(trial);
	print_number(1e3 * trial_spread(trial, SECONDS).median, 9, "%.4g");
	print_figure(trial, BUSY, 9);
	print_figure(trial, AGAIN, 9);
}

static void print_compaction_heading(const struct labels *labels)
{
	printf("compaction: half of %" PRIu32 " pages in a balloon, at random, driver design %s",
		labels->pages, labels->driver);
	printf("\n  %-16s %9s %-17s %9s %9s %6s %16s %16s\n", "", "ns/page", "[min max]", "ms",
		"migrated", "passes", "order 9", "order 10");
}

static void print_compaction(const struct round *round, const struct trial *trial)
{
	(void)round;
	print_span(trial);
	print_number(1e3 * trial_spread(trial, SECONDS).median, 9, "%.4g");
	print_number(trial_spread(trial, MIGRATED).median, 9, "%.0f");
	print_figure(trial, PASSES, 6);
	print_percent(trial, ORDER_9_BEFORE);
	print_percent(trial, ORDER_9_AFTER);
	print_percent(trial, ORDER_10_BEFORE);
	print_percent(trial, ORDER_10_AFTER);
}

static void print_relief_heading(const struct labels *labels)
{
	printf("relief: %s, the host takes %" PRIu32 " us, requests of %" PRIu32,
		labels->fill ? "while a fill is under way" : "no fill under way", labels->host_us,
		labels->request);
	printf("\n  %-16s %-10s %9s %9s %9s %9s %9s\n", "", "promises", "events", "p50 us",
		"p99 us", "max us", "busy");
}

static void print_relief(const struct round *round, const struct trial *trial)
{
	const struct histogram *recovery = &trial->recovery;
	(void)round;
	printf(" %-10s %9" PRIu64 " %9.1f %9.1f %9.1f", trial->labels.guarantee, recovery->n,
		(double)histogram_quantile(recovery, 0.5) / 1e3,
		(double)histogram_quantile(recovery, 0.99) / 1e3, (double)recovery->max / 1e3);
	print_figure(trial, BUSY, 9);
}

/* ---- The driver beside something simpler ----------------------------------------------------- */

static void print_beside_columns(const char *reference)
{
	printf("\n  %-16s %9s %-17s %12s %9s\n", "", "ns/page", "[min max]", reference, "x that");
}

static void print_cost_heading(const struct labels *labels)
{
	printf("cost: fill and leak, requests of %" PRIu32 ", strategy %s", labels->request,
		labels->strategy);
	print_beside_columns("strategy");
}

static void print_latency_heading(const struct labels *labels)
{
	printf("latency: a run to %" PRIu32 " pages, requests of %" PRIu32
	       ", the host takes %" PRIu32 " us",
		labels->pages, labels->request, labels->host_us);
	print_beside_columns("one by one");
}

static void print_crowd_heading(const struct labels *labels)
{
	printf("contention: 16 threads fill and leak %" PRIu32 " pages, one by one", labels->pages);
	print_beside_columns("one thread");
}

static void print_beside(const struct round *round, const struct trial *trial)
{
	(void)round;
	print_span(trial);
	print_figure(trial, REFERENCE_NS_PER_PAGE, 12);
	print_number(trial_spread(trial, TIMES_REFERENCE).median, 9, "%.3g");
}

/* ---- Heap ------------------------------------------------------------------------------------ */

static void print_heap_heading(const struct labels *labels)
{
	printf("heap: %s, %" PRIu32 " %s", labels->pattern, labels->threads,
		labels->threads == 1 ? "thread" : "threads");
	printf("\n  %-16s %9s %-17s %9s %10s %10s\n", "", "ns/pair", "[min max]", "x malloc",
		"x jemalloc", "x keeping");
}

static void print_heap(const struct round *round, const struct trial *trial)
{
	print_span(trial);
	print_ratio(round, trial, "malloc", 9);
	print_ratio(round, trial, "jemalloc", 10);
	print_ratio(round, trial, "jemalloc-keeps", 10);
}

static const struct {
	void (*heading)(const struct labels *labels);
	void (*row)(const struct round *round, const struct trial *trial);
} tables[N_WORKS] = {
	[WORK_RELEASE] = {print_release_heading, print_release},
	[WORK_TARGET] = {print_target_heading, print_target},
	[WORK_COMPACTION] = {print_compaction_heading, print_compaction},
	[WORK_RELIEF] = {print_relief_heading, print_relief},
	[WORK_COST] = {print_cost_heading, print_beside},
	[WORK_LATENCY] = {print_latency_heading, print_beside},
	[WORK_CROWD] = {print_crowd_heading, print_beside},
	[WORK_HEAP] = {print_heap_heading, print_heap},
};

void round_print(const struct round *round)
{
	if (round->n_trials == 0)
		return;
	const struct labels *labels = &round->trials[0].labels;
	tables[labels->work].heading(labels);
	for (size_t i = 0; i < round->n_trials; i++) {
		if (round->trials[i].n_samples == 0)
			continue;
		printf("  %-16s", round->trials[i].labels.subject);
		tables[labels->work].row(round, &round->trials[i]);
		printf("\n");
	}
	printf("\n");
	fflush(stdout); /* the next table takes a while */
}
