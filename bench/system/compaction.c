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

static void note(struct sample *sample, const struct balloon_compactor_stats *stats, int n_passes,
	uint64_t ns)
{
	sample->figures[NS_PER_PAGE] =
		(double)ns / (double)(stats->n_migrated ? stats->n_migrated : 1);
	sample->figures[SECONDS] = (double)ns / 1e9;
	sample->figures[MIGRATED] = (double)stats->n_migrated;
	sample->figures[PASSES] = n_passes;
	sample->figures[AGAIN] = (double)stats->n_again;
}

static int compact_and_note(struct field *field, struct sample *sample)
{
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
		note(sample, &stats, result, ns);
	if (result > 0 && stats.n_shrunk + stats.n_kept > 0)
		return -EIO; /* nobody else was there */
	return result < 0 ? result : 0;
}

static int repeat(struct trial *trial, struct sample *sample, struct problem *problem)
{
	struct field *field = trial->own;
	const uint32_t n_pages = trial->labels.pages;
	int result = fragment(field, n_pages);
	if (result < 0)
		return trial_fail_errno(trial, problem, "fragmenting the zone", result);
	sample->figures[ORDER_9_BEFORE] = success(field, 9);
	sample->figures[ORDER_10_BEFORE] = success(field, 10);
	result = compact_and_note(field, sample);
	if (result < 0)
		return trial_fail_errno(trial, problem, "compaction", result);
	sample->figures[ORDER_9_AFTER] = success(field, 9);
	sample->figures[ORDER_10_AFTER] = success(field, 10);
	if (fixture_check(&field->fixture, trial, n_pages / 2, 0, problem) < 0)
		return -1;
	if (!(sample->figures[ORDER_9_AFTER] > sample->figures[ORDER_9_BEFORE]))
		return trial_fail(trial, problem, "no more large blocks than before");
	result = fixture_reach(&field->fixture, 0);
	return result < 0 ? trial_fail_errno(trial, problem, "emptying the balloon", result) : 0;
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
	order_shuffle(field->frames, n_pages, 1);
	return 0;
}

static void free_field(struct field *field)
{
	if (!field)
		return;
	free(field->frames);
	free(field->blocks);
	free(field);
}

static int open_trial(struct trial *trial, struct problem *problem)
{
	struct field *field = calloc(1, sizeof *field);
	int result = field && make_frames(field, trial->labels.pages) == 0
			     ? fixture_open(&field->fixture, trial, trial->labels.pages, 0, problem)
			     : problem_no_memory(problem);
	if (result < 0)
		free_field(field);
	else
		trial->own = field;
	return result;
}

static void close_trial(struct trial *trial)
{
	struct field *field = trial->own;
	fixture_close(&field->fixture);
	free_field(field);
}

static const struct trial_ops ops = {open_trial, repeat, close_trial};

static size_t count(const struct plan *plan)
{
	(void)plan;
	return 1;
}

static int make(
	const struct plan *plan, size_t number, struct round *round, struct problem *problem)
{
	struct labels labels = {.work = WORK_COMPACTION,
		.kind = TRIAL_STRATEGY,
		.channel = "null",
		.driver = driver_name(plan->designs[plan->n_designs - 1]),
		.other_thread = -1,
		.fill = -1,
		.pages = plan->n_zone_pages,
		.page_bytes = SMALL_PAGE,
		.request = plan->request};
	(void)number;
	(void)problem;
	*round = (struct round){.n_trials = 0};
	for (size_t i = 0; i < plan->strategies.n; i++) {
		labels.subject = labels.strategy = strategy_name(plan->strategies.at[i]);
		round_add(round, &labels, &ops);
	}
	return 0;
}

const struct rounds rounds_of_compaction = {.count = count, .make = make};
