/* SPDX-License-Identifier: MIT */
/* Managed memory of two nodes, when pages move from one to the other (H-31). */

#include "support.h"
#include "world.h"

enum { FRAMES = 1024, BALLOONED = 300 };

static void are_charged_for_both_sides(
	const struct balloon_strategy *strategy, const struct balloon_driver_design *design)
{
	struct world world;
	struct balloon_compactor *compactor;
	struct world_config config = {.strategy = strategy, .design = design, .n_frames = FRAMES};
	strategy_under_test = world_name;
	world_open(&world, &config);
	world_fill(&world, BALLOONED);
	CHECK(world.nodes[0] < -BALLOONED / 4 && world.nodes[1] < -BALLOONED / 4);
	compactor = world_compactor(&world);
	CHECK_EQ(balloon_compactor_run(compactor, BALLOON_NEVER), 0);
	CHECK_EQ(world.nodes[0], -BALLOONED);
	CHECK_EQ(world.nodes[1], 0);
	CHECK_EQ(balloon_compactor_destroy(compactor), 0);
	world_close(&world);
	CHECK_EQ(world.nodes[0], 0);
	CHECK_EQ(world.nodes[1], 0);
}

Test(nodes, are_charged_for_both_sides_of_a_migration)
{
	world_for_each(are_charged_for_both_sides);
}
