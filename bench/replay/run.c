/* SPDX-License-Identifier: MIT */
#include "run.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/options.h"

int run_fail(const struct run *run, struct problem *problem, size_t row, const char *format, ...)
{
	char what[256];
	va_list args;
	va_start(args, format);
	vsnprintf(what, sizeof what, format, args);
	va_end(args);
	return problem_at(problem, run->recording->path, recording_line(row), "strategy %s: %s",
		strategy_name(run->strategy), what);
}

int run_begin(struct run *run, uint32_t n_pages)
{
	struct balloon_memmap_config config = {
		.strategy = run->strategy,
		.first_pfn = run->recording->first_pfn,
		.n_pages = n_pages,
	};
	int result = balloon_memmap_create(&config, &run->map);
	if (result < 0)
		return run_fail(run, run->problem, 0, "no map of %" PRIu32 " pages: %s", n_pages,
			strerror(-result));
	result = balloon_device_create(run->map, NULL, &run->device);
	if (result < 0) {
		balloon_memmap_destroy(run->map);
		return run_fail(run, run->problem, 0, "no device: %s", strerror(-result));
	}
	return 0;
}

/* A recording may end with pages in the balloon, and a run that failed does. */
static void drain(struct run *run)
{
	struct balloon_device_stats stats;
	struct balloon_page page;
	balloon_device_stats(run->device, &stats);
	for (uint32_t i = 0; stats.n_isolated > 0 && i < balloon_memmap_n_pages(run->map); i++) {
		if (balloon_page_device(run->map, balloon_page(i)))
			balloon_page_finalize(run->device, balloon_page(i));
	}
	/* As many as there can be: a strategy that went wrong may have no end of them. */
	for (uint32_t n = balloon_memmap_n_pages(run->map); n > 0; n--) {
		if (balloon_page_dequeue(run->device, &page) <= 0)
			return;
	}
}

void run_end(struct run *run)
{
	drain(run);
	balloon_device_destroy(run->map, run->device);
	balloon_memmap_destroy(run->map);
}

static int check_counts(const struct run *run, const struct balloon_device_stats *actual,
	const struct balloon_device_stats *expected)
{
	const struct {
		const char *what;
		uint64_t actual, expected;
	} counts[] = {
		{"listed", actual->n_listed, expected->n_listed},
		{"isolated", actual->n_isolated, expected->n_isolated},
		{"inserted", actual->n_inserted, expected->n_inserted},
		{"dequeued", actual->n_dequeued, expected->n_dequeued},
		{"ever isolated", actual->n_isolates, expected->n_isolates},
		{"put back", actual->n_putbacks, expected->n_putbacks},
		{"migrated", actual->n_migrated, expected->n_migrated},
		{"finalized", actual->n_finalized, expected->n_finalized},
	};
	for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
		if (counts[i].actual != counts[i].expected)
			return run_fail(run, run->problem, run->recording->n_rows - 1,
				"at the end %" PRIu64 " pages %s, not %" PRIu64, counts[i].actual,
				counts[i].what, counts[i].expected);
	}
	return 0;
}

int run_check(struct run *run, const struct balloon_device_stats *expected, struct outcome *outcome)
{
	struct balloon_device_stats *stats = &outcome->stats;
	struct balloon_memmap_stats map_stats;
	struct balloon_finding finding = {.what = "it cannot be checked"};
	if (balloon_device_stats(run->device, stats) < 0 ||
		balloon_memmap_stats(run->map, &map_stats) < 0)
		return run_fail(run, run->problem, run->recording->n_rows - 1, "no statistics");
	outcome->n_page_operations = stats->n_inserted + stats->n_dequeued + stats->n_isolates +
				     stats->n_putbacks + stats->n_migrated + stats->n_finalized;
	outcome->n_isolate_attempts = map_stats.n_isolate_attempts;
	outcome->n_lock_contended = map_stats.n_lock_contended;
	if (balloon_memmap_validate(run->map, &finding) < 0)
		return run_fail(run, run->problem, run->recording->n_rows - 1,
			"the map is not valid: %s", finding.what);
	return check_counts(run, stats, expected);
}
