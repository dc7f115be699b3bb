/* SPDX-License-Identifier: MIT */
/*
 * What compaction is for: half of a zone is in the balloon, at random, so that no large block is
 * free; afterwards all of the free half is.
 */
#include <criterion/criterion.h>

#include "world.h"

enum { ORDER = 9, BLOCK = 1 << ORDER };

static double seconds(void)
{
	return (double)balloon_platform_now_ns() / 1e9;
}

static void all_of_the_free_half_is_large_blocks(
	const struct balloon_strategy *strategy, const struct balloon_driver_design *design)
{
	uint32_t n_frames = world_is_short() ? 16 * BLOCK : 1 << 18;
	struct world_config config = {.strategy = strategy, .design = design, .n_frames = n_frames};
	struct balloon_compactor *compactor;
	struct world world;
	world_open(&world, &config);
	world_fill(&world, n_frames / 2);
	compactor = world_compactor(&world);
	uint32_t n_before = world_n_blocks(&world, ORDER);
	double start = seconds();
	REQUIRE(balloon_compactor_run(compactor, BALLOON_NEVER) == 0);
	double took = seconds() - start;
	uint32_t n_after = world_n_blocks(&world, ORDER);
	struct balloon_compactor_stats stats = world_stats(compactor);
	cr_log_info("%s: of %u blocks %u before, %u after; %llu pages in %.3f s, %.0f ns each",
		world_name, n_frames / 2 / BLOCK, n_before, n_after,
		(unsigned long long)stats.n_migrated, took, 1e9 * took / (double)stats.n_migrated);
	REQUIRE(n_before <= n_frames / 2 / BLOCK / 100);
	REQUIRE(n_after == n_frames / 2 / BLOCK);
	REQUIRE(world_progress(&world).n_enqueued == n_frames / 2);
	REQUIRE(world_progress(&world).n_migrated == stats.n_migrated);
	REQUIRE(stats.n_isolated == stats.n_migrated + stats.n_put_back);
	REQUIRE(balloon_compactor_destroy(compactor) == 0);
	world_close(&world);
}

Test(bound, all_of_the_free_half_is_large_blocks_after_compaction)
{
	world_for_each(all_of_the_free_half_is_large_blocks);
}
