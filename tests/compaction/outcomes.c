/* SPDX-License-Identifier: MIT */
/*
 * What becomes of pages and frames, by what the host says of the new page and of the old one. At
 * once: nothing is isolated, and each page is counted by its outcome. After late answers and
 * another look at the quarantine: no page and no frame is lost.
 */
#include "script.h"
#include "support.h"
#include "world.h"

enum { FRAMES = 256, HALF = FRAMES / 2, HAUL = BALLOON_MIGRATE_MAX };

struct expected {
	uint32_t n_migrated;
	uint32_t n_shrunk;
	uint32_t n_kept;
	uint32_t n_refused;
	uint32_t n_enqueued; /* after late answers, which are all "done" */
};

/* By answer about the new page, then about the old one: to do, to refuse, to keep. */
static const struct expected table[3][3] = {
	{
		{.n_migrated = HAUL, .n_enqueued = HALF},
		{.n_kept = HAUL, .n_enqueued = HALF},
		{.n_kept = HAUL, .n_enqueued = HALF},
	},
	{
		{.n_shrunk = HAUL, .n_enqueued = HALF - HAUL},
		{.n_refused = HAUL, .n_enqueued = HALF},
		{.n_kept = HAUL, .n_enqueued = HALF - HAUL},
	},
	{
		{.n_migrated = HAUL, .n_enqueued = HALF},
		{.n_refused = HAUL, .n_enqueued = HALF + HAUL},
		{.n_kept = HAUL, .n_enqueued = HALF},
	},
};

static const enum script_answer plain_answers[3] = {SCRIPT_DO, SCRIPT_REFUSE, SCRIPT_KEEP};

/* One haul under a script, then the host comes round. */
static struct balloon_compactor_stats haul_under(const struct balloon_strategy *strategy,
	const struct balloon_driver_design *design, enum script_answer inflate,
	enum script_answer deflate, uint64_t *n_enqueued)
{
	struct script script;
	struct world world;
	struct balloon_compactor compactor;
	struct balloon_memmap_stats map;
	struct world_config config = {.strategy = strategy,
		.design = design,
		.channel = &script.channel,
		.n_frames = FRAMES,
		.host_timeout_ns = 1000000};
	script_init(&script);
	world_open(&world, &config);
	world_fill(&world, HALF);
	world_compactor(&world, &compactor);
	script_set(&script, inflate, deflate);
	int n = balloon_compactor_step(&compactor, 0);
	struct balloon_compactor_stats stats = world_stats(&compactor);
	CHECK_EQ(n, stats.n_migrated + stats.n_shrunk);
	CHECK_EQ(balloon_memmap_stats(world.map, &map), 0);
	CHECK_EQ(map.devices.n_isolated, 0);
	script_answer(&script);
	/* Whoever looks settles late answers; a leak of nothing asks for the quarantine. */
	struct balloon_driver_progress progress = world_progress(&world);
	world_fill(&world, (uint32_t)progress.n_enqueued);
	*n_enqueued = world_progress(&world).n_enqueued;
	CHECK_EQ(world_progress(&world).n_quarantined, 0);
	CHECK_EQ(world_n_free(&world), FRAMES - *n_enqueued);
	CHECK_EQ(balloon_compactor_fini(&compactor), 0);
	world_close(&world);
	script_fini(&script);
	return stats;
}

static void are_as_the_host_says(
	const struct balloon_strategy *strategy, const struct balloon_driver_design *design)
{
	for (int i = 0; i < 3; i++)
		for (int j = 0; j < 3; j++) {
			const struct expected *expected = &table[i][j];
			uint64_t n_enqueued;
			struct balloon_compactor_stats stats = haul_under(
				strategy, design, plain_answers[i], plain_answers[j], &n_enqueued);
			strategy_under_test = world_name;
			CHECK_EQ(stats.n_isolated, HAUL);
			CHECK_EQ(stats.n_migrated, expected->n_migrated);
			CHECK_EQ(stats.n_shrunk, expected->n_shrunk);
			CHECK_EQ(stats.n_kept, expected->n_kept);
			CHECK_EQ(stats.n_refused, expected->n_refused);
			CHECK_EQ(stats.n_put_back, expected->n_refused);
			CHECK_EQ(stats.n_again, 0);
			CHECK_EQ(n_enqueued, expected->n_enqueued);
		}
}

Test(outcomes, are_as_the_host_says)
{
	world_for_each(are_as_the_host_says);
}

static void add_up_when_the_host_does_half(
	const struct balloon_strategy *strategy, const struct balloon_driver_design *design)
{
	for (int i = 0; i < SCRIPT_ANSWERS; i++) {
		uint64_t n_enqueued;
		struct balloon_compactor_stats a = haul_under(
			strategy, design, SCRIPT_HALF, (enum script_answer)i, &n_enqueued);
		struct balloon_compactor_stats b = haul_under(
			strategy, design, (enum script_answer)i, SCRIPT_HALF, &n_enqueued);
		CHECK_EQ(a.n_migrated + a.n_shrunk + a.n_kept + a.n_put_back, HAUL);
		CHECK_EQ(b.n_migrated + b.n_shrunk + b.n_kept + b.n_put_back, HAUL);
		CHECK_EQ(b.n_migrated + b.n_shrunk, HAUL / 2);
	}
}

Test(outcomes, add_up_when_the_host_does_half)
{
	world_for_each(add_up_when_the_host_does_half);
}
