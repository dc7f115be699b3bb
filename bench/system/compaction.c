/* SPDX-License-Identifier: MIT */
/*
 * Compaction: a balloon holds half of a zone, in frames at random. How much of the free half can be
 * had in blocks of order 9 and 10, before and after a pass, and what does that cost?
 */
#include <balloon/compactor.h>

#include <errno.h>
#include <stdlib.h>

#include "common/clock.h"
#include "system/fixture.h"
#include "common/pages.h"

enum { PASSES_MAX = 10 };

struct field {
	struct fixture fixture;
	struct balloon_page
		*frames; /* of the zone, in random order; the balloon gets the first half */
	struct balloon_page *blocks; /* room for all blocks of order 9 */
};

/* ---- Blocks ---------------------------------------------------------------------------------- */

/* Allocate as many blocks as there are, and free them. Returns their frames over the free ones. */
static double success(struct field *field, unsigned order)
{
	struct balloon_zone *zone = field->fixture.zone;
	double n_free = (double)fixture_n_free(&field->fixture);
	size_t n = 0;
	while (balloon_zone_allocate(zone, order, &field->blocks[n]) == 0)
		n++;
	for (size_t i = 0; i < n; i++)
		balloon_zone_free(zone, field->blocks[i], order);
	return (double)(n << order) / n_free;
}

/* ---- The balloon ----------------------------------------------------------------------------- */

/* The zone has the first half of the frames alone, so the balloon gets these; then the others. */
static int fragment(struct field *field, uint32_t n_pages)
{
	struct balloon_zone *zone = field->fixture.zone;
	int result = balloon_zone_take_frames(zone, balloon_page(0), n_pages);
	for (uint32_t i = 0; i < n_pages / 2 && result == 0; i++)
		result = balloon_zone_free(zone, field->frames[i], 0);
	if (result == 0)
		result = fixture_reach(&field->fixture, n_pages / 2);
	for (uint32_t i = n_pages / 2; i < n_pages && result == 0; i++)
		result = balloon_zone_free(zone, field->frames[i], 0);
	return result;
}

/* Passes until one migrates nothing. Returns how many, or a negative errno. */
static int compact(struct balloon_compactor *compactor)
{
	struct balloon_compactor_stats before, after = {.n_passes = 0};
	int result = 0, n = 0;
	do {
		before = after;
		result = balloon_compactor_run(compactor, BALLOON_NEVER);
		balloon_compactor_stats(compactor, &after);
		n++;
	} while (result >= 0 && n < PASSES_MAX && after.n_migrated > before.n_migrated);
	return result < 0 ? result : n;
}

static void note(
	struct trial *trial, const struct balloon_compactor_stats *stats, int n_passes, uint64_t ns)
{
	trial_note(trial, "ns_per_page",
		(double)ns / (double)(stats->n_migrated ? stats->n_migrated : 1));
	trial_note(trial, "seconds", (double)ns / 1e9);
	trial_note(trial, "migrated", (double)stats->n_migrated);
	trial_note(trial, "passes", n_passes);
	trial_note(trial, "again", (double)stats->n_again);
}

static int compact_and_note(struct trial *trial)
{
	struct field *field = trial->own;
	struct balloon_compactor *compactor;
	struct balloon_compactor_stats stats;
	const struct balloon_compactor_config config = {.map = field->fixture.map,
		.frames = balloon_zone_frames(field->fixture.zone),
		.drivers = &field->fixture.driver,
		.n_drivers = 1};
	int result = balloon_compactor_create(&config, &compactor);
	if (result < 0)
		return result;
	uint64_t begin_ns = now_ns();
	result = compact(compactor);
	uint64_t ns = now_ns() - begin_ns;
	balloon_compactor_stats(compactor, &stats);
	balloon_compactor_destroy(compactor);
	if (result > 0)
		note(trial, &stats, result, ns);
	if (result > 0 && stats.n_shrunk + stats.n_kept > 0)
		return -EIO; /* nobody else was there */
	return result < 0 ? result : 0;
}

static int repeat(struct trial *trial)
{
	struct field *field = trial->own;
	const uint32_t n_pages = number_of(trial, "pages");
	if (trial_expect(trial, "fragmenting the zone", fragment(field, n_pages)) < 0)
		return -1;
	const double before = success(field, 9);
	trial_note(trial, "order_9_before", before);
	trial_note(trial, "order_10_before", success(field, 10));
	if (trial_expect(trial, "compaction", compact_and_note(trial)) < 0)
		return -1;
	const double after = success(field, 9);
	trial_note(trial, "order_9_after", after);
	trial_note(trial, "order_10_after", success(field, 10));
	if (fixture_check(&field->fixture, trial, n_pages / 2, 0) < 0)
		return -1;
	if (!(after > before))
		return trial_fail(trial, "no more large blocks than before");
	return trial_expect(trial, "emptying the balloon", fixture_reach(&field->fixture, 0));
}

/* ---- The field ------------------------------------------------------------------------------- */

static int make_frames(struct field *field, uint32_t n_pages)
{
	field->frames = calloc(n_pages, sizeof *field->frames);
	field->blocks = calloc((n_pages >> 9) + 1, sizeof *field->blocks);
	if (!field->frames || !field->blocks)
		return -1;
	for (uint32_t i = 0; i < n_pages; i++)
		field->frames[i] = balloon_page(i);
	pages_shuffle(field->frames, n_pages, 1);
	return 0;
}

static void free_frames(const struct field *field)
{
	free(field->frames);
	free(field->blocks);
}

static int open_trial(struct trial *trial)
{
	struct field *field = trial->own;
	int result = make_frames(field, number_of(trial, "pages")) == 0
			     ? fixture_open(&field->fixture, trial, 0)
			     : problem_no_memory(trial->round->problem);
	if (result < 0)
		free_frames(field);
	return result;
}

static void close_trial(struct trial *trial)
{
	struct field *field = trial->own;
	fixture_close(&field->fixture);
	free_frames(field);
}

static int make(struct round *round, size_t number)
{
	static const struct trial_ops ops = {
		sizeof(struct field), open_trial, repeat, repeat, NULL, close_trial};
	const struct system_plan *plan = round->plan;
	(void)number;
	round->labels = (struct labels){{{"channel", .text = "null"},
		{"driver", .text = driver_names()[plan->drivers.at[plan->drivers.n - 1]]},
		{"pages", .number = plan->n_zone_pages}, {"request", .number = plan->request}}};
	for (size_t i = 0; i < plan->strategies.n; i++) {
		const char *name = strategy_names()[plan->strategies.at[i]];
		trial_label(round_add(round, name, "strategy", &ops, NULL), "strategy", name);
	}
	return 0;
}

static const struct column columns[] = {COLUMNS_OF("ns/page", "ns_per_page"),
	{"ms", "seconds", NULL, 1e3}, {"migrated", "migrated", "%.0f", 0},
	{"passes", "passes", NULL, 0}, {"order 9 %", "order_9_before", "%.1f", 100},
	{"after", "order_9_after", "%.1f", 100}, {"order 10 %", "order_10_before", "%.1f", 100},
	{"after", "order_10_after", "%.1f", 100}, NO_COLUMN};

const struct workload workload_compaction = {"compaction",
	"of a zone whose half a balloon holds, at random", "ns_per_page", columns, NULL, make, NULL,
	1};
