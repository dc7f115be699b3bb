/* SPDX-License-Identifier: MIT */
/* As many whole blocks as can be, against what a count of frames says is possible. */

#include <stdio.h>

#include "suite.h"
#include "machine.h"

enum { ORDER = 9, BLOCK = 1 << ORDER };

/* How many blocks are short of what is possible after a pass; another one moves nothing. */
static void hold_optimum(struct machine *machine, unsigned order)
{
	struct balloon_compactor *compactor;
	struct balloon_compactor_config config = machine_compactor_config(machine);
	config.block_order = order;
	CHECK_EQ(balloon_compactor_create(&config, &compactor), 0);
	CHECK_EQ(balloon_compactor_run(compactor, BALLOON_NEVER), 0);
	CHECK_EQ(machine_n_blocks(machine, order), machine_n_blocks_possible(machine, order));
	struct balloon_compactor_stats first = machine_stats(compactor);
	CHECK_EQ(balloon_compactor_run(compactor, BALLOON_NEVER), 0);
	CHECK_EQ(machine_stats(compactor).n_isolated, first.n_isolated);
	CHECK_EQ(first.n_isolated, first.n_migrated);
	CHECK_EQ(first.n_left, 0);
	CHECK_EQ(balloon_compactor_destroy(compactor), 0);
}

/* A page in each of the lowest k blocks, and some at the top, out of the way of nobody. */
static void hold_stragglers(uint32_t k, uint32_t n_top)
{
	enum { BLOCKS = 72, FRAMES = BLOCKS * BLOCK };
	static uint32_t indices[FRAMES];
	struct machine_config config = {.n_frames = FRAMES};
	struct machine machine;
	uint32_t n = 0;
	machine_open(&machine, &config);
	while (n < k) {
		indices[n] = n * BLOCK + 77;
		n++;
	}
	for (uint32_t i = 0; i < n_top; i++)
		indices[n++] = FRAMES - 1 - i;
	machine_fill_with(&machine, indices, n);
	hold_optimum(&machine, ORDER);
	machine_close(&machine);
}

Test(optimum, a_few_stragglers_all_move)
{
	for (uint32_t k = 1; k <= 64; k += is_short() ? 21 : 1) {
		hold_stragglers(k, 0);
		hold_stragglers(k, 1000);
	}
}

static void hold_random(
	uint32_t n_frames, unsigned order, uint32_t per_mille_used, uint32_t percent, uint64_t seed)
{
	struct machine_config config = {.n_frames = n_frames};
	struct machine machine;
	fprintf(stderr, "%u frames, order %u, %u per mille used, %u %% ballooned, seed %u\n",
		n_frames, order, per_mille_used, percent, (unsigned)seed);
	machine_open(&machine, &config);
	uint32_t n_used = (uint32_t)((uint64_t)n_frames * per_mille_used / 1000);
	machine_use(&machine, n_used, &seed);
	uint32_t n = n_frames * percent / 100;
	machine_fill(&machine, n < n_frames - n_used ? n : n_frames - n_used);
	hold_optimum(&machine, order);
	machine_close(&machine);
}

/* Frames that others use, at random: stretches that cannot become whole are filled first. */
Test(optimum, stretches_that_cannot_become_whole_are_filled_first)
{
	static const uint32_t per_mille[] = {0, 1, 3, 10, 100};
	uint32_t n_blocks = is_short() ? 16 : 64;
	for (uint32_t i = 0; i < sizeof(per_mille) / sizeof(*per_mille); i++)
		for (uint32_t percent = 10; percent <= 90; percent += is_short() ? 40 : 20)
			hold_random(n_blocks * BLOCK, ORDER, per_mille[i], percent, 1 + i);
}

/* Small maps of any length, whose last block may be a part of one. */
Test(optimum, small_blocks_in_small_maps)
{
	for (uint32_t n_frames = 40; n_frames <= 120; n_frames += is_short() ? 9 : 1)
		for (uint32_t percent = 5; percent <= 95; percent += 15)
			hold_random(
				n_frames, 1 + n_frames % 5, n_frames % 4 * 25, percent, n_frames);
}
