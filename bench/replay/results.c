/* SPDX-License-Identifier: MIT */
#include "results.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* A strategy's line: its speed over all repeats, and the counts of the repeat of median speed. */
struct summary {
	struct balloon_strategy_info strategy;
	const struct outcome *typical;
	double median, min, max; /* page operations a second */
};

static double pages_per_s(const struct outcome *outcome)
{
	uint64_t elapsed_ns = outcome->elapsed_ns ? outcome->elapsed_ns : 1;
	return (double)outcome->n_page_operations * 1e9 / (double)elapsed_ns;
}

static int compare(const void *a, const void *b)
{
	double x = pages_per_s(a);
	double y = pages_per_s(b);
	return (x > y) - (x < y);
}

static struct summary summarise(const struct result *result)
{
	struct outcome *outcomes = result->outcomes;
	size_t n = result->n_repeats;
	struct summary summary;
	qsort(outcomes, n, sizeof *outcomes, compare);
	balloon_strategy_describe(result->strategy, &summary.strategy);
	summary.typical = &outcomes[(n - 1) / 2];
	summary.median = (pages_per_s(summary.typical) + pages_per_s(&outcomes[n / 2])) / 2;
	summary.min = pages_per_s(&outcomes[0]);
	summary.max = pages_per_s(&outcomes[n - 1]);
	return summary;
}

/* Whether dequeue gave the recorded page is a question to a strategy that keeps the kernel's order alone. */
static bool has_matches(const struct result *result, const struct summary *summary)
{
	return result->mode == MODE_ORDER && summary->strategy.order == BALLOON_ORDER_LIFO;
}

/* ---- Table ---------------------------------------------------------------------------------- */

static void print_heading(const struct result *result)
{
	printf("%s: %zu rows, %u %s, %s, %zu %s\n", result->recording->name,
		result->recording->n_rows, result->recording->n_tasks,
		result->recording->n_tasks == 1 ? "task" : "tasks",
		result->mode == MODE_ORDER ? "recorded order" : "recorded concurrency",
		result->n_repeats, result->n_repeats == 1 ? "repeat" : "repeats");
	printf("  %-14s %9s %9s %15s %9s %9s  %11s %-25s %s\n", "strategy", "dequeues", "matches",
		"isolated/tried", "skipped", "contended", "pages/s", "[min max]",
		"listed/isolated");
}

static void print_line(const struct result *result)
{
	const struct summary summary = summarise(result);
	const struct outcome *typical = summary.typical;
	char matches[24] = "-";
	char isolated[48], span[64];
	if (has_matches(result, &summary))
		snprintf(matches, sizeof matches, "%" PRIu64, typical->n_matches);
	snprintf(isolated, sizeof isolated, "%" PRIu64 "/%" PRIu64, typical->n_isolates,
		typical->n_isolate_attempts);
	snprintf(span, sizeof span, "[%.0f %.0f]", summary.min, summary.max);
	printf("  %-14s %9" PRIu64 " %9s %15s %9" PRIu64 " %9" PRIu64 "  %11.0f %-25s %" PRIu64
	       "/%" PRIu64 "\n",
		summary.strategy.name, typical->n_dequeues, matches, isolated, typical->n_skipped,
		typical->n_lock_contended, summary.median, span, typical->final_listed,
		typical->final_isolated);
}

void results_print(const struct result *results, size_t n_results)
{
	print_heading(&results[0]);
	for (size_t i = 0; i < n_results; i++)
		print_line(&results[i]);
	printf("\n");
}

/* ---- JSON ----------------------------------------------------------------------------------- */

static json_t *tasks(const struct recording *recording)
{
	json_t *names = json_array();
	for (unsigned i = 0; names && i < recording->n_tasks; i++) {
		if (json_array_append_new(names, json_string(recording->tasks[i].name)) < 0) {
			json_decref(names);
			names = NULL;
		}
	}
	return names;
}

static json_int_t count(uint64_t n)
{
	return (json_int_t)n;
}

/* NULL if it cannot be. */
static json_t *entry(const struct result *result)
{
	const struct summary summary = summarise(result);
	const struct outcome *typical = summary.typical;
	bool is_order = result->mode == MODE_ORDER;
	json_t *matches = has_matches(result, &summary) ? json_integer(count(typical->n_matches))
							: json_null();
	return json_pack("{s:s, s:s, s:s, s:o, s:I, s:I, s:I, s:o, s:I, s:I, s:I, s:I, s:I, s:I,"
			 " s:{s:I, s:I, s:I}}",
		"trace", result->recording->name, "strategy", summary.strategy.name, "mode",
		is_order ? "order" : "recorded", "tasks", tasks(result->recording), "repeats",
		count(result->n_repeats), "rows", count(result->recording->n_rows), "dequeues",
		count(typical->n_dequeues), "dequeue_matches", matches, "isolates",
		count(typical->n_isolates), "isolate_attempts", count(typical->n_isolate_attempts),
		"skipped_rows", count(typical->n_skipped), "lock_contended",
		count(typical->n_lock_contended), "final_listed", count(typical->final_listed),
		"final_isolated", count(typical->final_isolated), "pages_per_s", "median",
		(json_int_t)llround(summary.median), "min", (json_int_t)llround(summary.min), "max",
		(json_int_t)llround(summary.max));
}

int results_append(json_t *array, const struct result *results, size_t n_results)
{
	for (size_t i = 0; i < n_results; i++) {
		if (json_array_append_new(array, entry(&results[i])) < 0)
			return -1;
	}
	return 0;
}
