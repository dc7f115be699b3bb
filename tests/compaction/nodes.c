/* SPDX-License-Identifier: MIT */
/* Managed memory of two nodes, when pages move from one to the other (H-31). */

#include "suite.h"
#include "machine.h"

enum { FRAMES = 1024, BALLOONED = 300 };

static void are_charged_for_both_sides(
	const struct balloon_strategy *strategy, const struct balloon_driver_design *design)
{
	struct machine machine;
	struct balloon_compactor *compactor;
	struct machine_config config = {.strategy = strategy, .design = design, .n_frames = FRAMES};
	strategy_under_test = machine_name;
	machine_open(&machine, &config);
	machine_fill(&machine, BALLOONED);
	CHECK(machine.nodes[0] < -BALLOONED / 4 && machine.nodes[1] < -BALLOONED / 4);
	compactor = machine_compactor(&machine);
	CHECK_EQ(balloon_compactor_run(compactor, BALLOON_NEVER), 0);
	CHECK_EQ(machine.nodes[0], -BALLOONED);
	CHECK_EQ(machine.nodes[1], 0);
	CHECK_EQ(balloon_compactor_destroy(compactor), 0);
	machine_close(&machine);
	CHECK_EQ(machine.nodes[0], 0);
	CHECK_EQ(machine.nodes[1], 0);
}

Test(nodes, are_charged_for_both_sides_of_a_migration)
{
	machine_for_each(are_charged_for_both_sides);
}
