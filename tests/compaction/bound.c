/* SPDX-License-Identifier: MIT */
/*
 * What compaction is for: half of a zone is in the balloon, at random, so that no large block is
 * free; afterwards all of the free half is.
 */
#include <criterion/criterion.h>

#include "machine.h"

enum { ORDER = 9, BLOCK = 1 << ORDER };

static double seconds(void)
{
	return (double)balloon_platform_now_ns() / 1e9;
}

static void all_of_the_free_half_is_large_blocks(
	const struct balloon_strategy *strategy, const struct balloon_driver_design *design)
{
	uint32_t n_frames = is_short() ? 16 * BLOCK : 1 << 18;
	struct machine_config config = {
		.strategy = strategy, .design = design, .n_frames = n_frames};
	struct balloon_compactor *compactor;
	struct machine machine;
	machine_open(&machine, &config);
	machine_fill(&machine, n_frames / 2);
	compactor = machine_compactor(&machine);
	uint32_t n_before = machine_n_blocks(&machine, ORDER);
	double start = seconds();
	REQUIRE(balloon_compactor_run(compactor, BALLOON_NEVER) == 0);
	double took = seconds() - start;
	uint32_t n_after = machine_n_blocks(&machine, ORDER);
	struct balloon_compactor_stats stats = machine_stats(compactor);
	cr_log_info("%s: of %u blocks %u before, %u after; %llu pages in %.3f s, %.0f ns each",
		machine_name, n_frames / 2 / BLOCK, n_before, n_after,
		(unsigned long long)stats.n_migrated, took, 1e9 * took / (double)stats.n_migrated);
	REQUIRE(n_before <= n_frames / 2 / BLOCK / 100);
	REQUIRE(n_after == n_frames / 2 / BLOCK);
	REQUIRE(machine_progress(&machine).n_enqueued == n_frames / 2);
	REQUIRE(machine_progress(&machine).n_migrated == stats.n_migrated);
	REQUIRE(stats.n_isolated == stats.n_migrated + stats.n_put_back);
	REQUIRE(balloon_compactor_destroy(compactor) == 0);
	machine_close(&machine);
}

Test(bound, all_of_the_free_half_is_large_blocks_after_compaction)
{
	machine_for_each(all_of_the_free_half_is_large_blocks);
}
