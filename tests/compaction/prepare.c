/* SPDX-License-Identifier: MIT */
/* What compaction before a fill costs: pages told to the host, and pages looked at. */

#include "support.h"
#include "world.h"

enum { ORDER = 6, BLOCK = 1 << ORDER, FRAMES = 64 * BLOCK, FILL = 64 };

static void open(struct world *world, bool is_prepared)
{
	struct world_config config = {.n_frames = FRAMES,
		.is_plain = true,
		.is_prepared = is_prepared,
		.block_order = ORDER};
	world_open(world, &config);
}

static uint64_t n_scanned(struct world *world)
{
	return world_stats(world->compactor).n_scanned;
}

/* Free memory is whole when the fill begins, and after each request: there is nothing to move. */
Test(prepare, tells_the_host_of_each_page_once_where_memory_is_whole)
{
	for (uint32_t part = 2; part <= 16; part *= 2) {
		struct world world;
		open(&world, true);
		uint32_t n = FRAMES - FRAMES / part;
		for (uint32_t i = 0; i < n; i += FILL)
			world_fill(&world, i + FILL < n ? i + FILL : n);
		CHECK_EQ(world_progress(&world).n_inflated, n);
		CHECK_EQ(world_progress(&world).n_deflated, 0);
		CHECK_EQ(n_scanned(&world), 0);
		world_close(&world);
	}
}

/* Half of memory comes back in the order in which it went, and goes again. */
Test(prepare, agrees_with_fills_and_leaks_about_which_end_is_which)
{
	struct world world;
	open(&world, true);
	for (uint32_t i = 0; i < 20; i++) {
		world_fill(&world, FRAMES / 4 * 3);
		world_fill(&world, FRAMES / 4 + i * FILL);
	}
	CHECK_EQ(world_progress(&world).n_migrated, 0);
	CHECK_EQ(balloon_compactor_run(world.compactor, BALLOON_NEVER), 0);
	CHECK_EQ(world_progress(&world).n_migrated, 0);
	world_close(&world);
}

/* Passes until one moves nothing. */
static void settle(struct world *world)
{
	uint64_t n_isolated;
	do {
		n_isolated = world_stats(world->compactor).n_isolated;
		CHECK_EQ(balloon_compactor_run(world->compactor, BALLOON_NEVER), 0);
	} while (world_stats(world->compactor).n_isolated > n_isolated);
}

/* All but so few frames are ballooned that no block is whole, and nothing can be done about it. */
static void open_full(struct world *world)
{
	uint64_t random = 7;
	open(world, true);
	world_use(world, FRAMES / BLOCK, &random);
	world_fill(world, FRAMES - FRAMES / BLOCK - BLOCK / 2);
	settle(world);
	CHECK_EQ(world_n_blocks(world, ORDER), 0);
}

Test(prepare, looks_at_no_page_when_nothing_has_changed)
{
	struct world world;
	open_full(&world);
	uint64_t before = n_scanned(&world);
	CHECK(before > 0);
	for (uint32_t i = 0; i < 100; i++)
		balloon_compactor_prepare(world.compactor, FRAMES);
	CHECK_EQ(n_scanned(&world), before);
	world_close(&world);
}

/* Each kind of change, by whoever may make it. */
enum change { LEAKED, FREED, USED, MOVED, CHANGES };

static void change(struct world *world, enum change kind)
{
	struct balloon_page page = {0};
	if (kind == LEAKED)
		CHECK_EQ(balloon_driver_leak(world->driver, 1), 1);
	while (kind == FREED && !world->is_used[page.index])
		page.index++;
	if (kind == FREED)
		world_free_one(world, page.index);
	while (kind == USED &&
		(world->is_used[page.index] || world_is_ballooned(world, page.index)))
		page.index++;
	if (kind == USED)
		world_use_one(world, page.index);
	while (kind == MOVED && !world_is_ballooned(world, page.index))
		page.index++;
	if (kind == MOVED) {
		CHECK_EQ(balloon_page_isolate(world->map, page), 0);
		CHECK_EQ(balloon_page_putback(world->map, page), 0);
	}
}

Test(prepare, looks_again_when_something_has_changed)
{
	for (uint32_t kind = 0; kind < CHANGES; kind++) {
		struct world world;
		open_full(&world);
		balloon_compactor_prepare(world.compactor, FRAMES);
		uint64_t before = n_scanned(&world);
		change(&world, (enum change)kind);
		balloon_compactor_prepare(world.compactor, FRAMES);
		CHECK(n_scanned(&world) > before);
		world_close(&world);
	}
}

/* The last frame in use of a block is freed: the next fill but one finds it whole. */
Test(prepare, makes_whole_what_has_become_movable)
{
	struct world world;
	uint32_t index = 0;
	open(&world, true);
	for (uint32_t i = 0; i < FRAMES; i += BLOCK)
		world_use_one(&world, i + i / BLOCK);
	world_fill(&world, FRAMES - FRAMES / BLOCK - 2 * BLOCK);
	settle(&world);
	CHECK_EQ(world_n_blocks(&world, ORDER), 0);
	while (!world.is_used[index])
		index++;
	world_free_one(&world, index);
	balloon_compactor_prepare(world.compactor, FRAMES);
	CHECK_EQ(world_n_blocks(&world, ORDER), 1);
	world_close(&world);
}

/* Small changes that give nothing: it looks at a few pages for each that is filled, and at no more. */
Test(prepare, looks_in_proportion_to_what_is_filled)
{
	enum { SOME = 8 };
	uint32_t n_rounds = world_is_short() ? 500 : 2000;
	struct world world;
	open_full(&world);
	uint64_t before = n_scanned(&world);
	for (uint32_t i = 0; i < n_rounds; i++) {
		CHECK_EQ(balloon_driver_leak(world.driver, SOME), SOME);
		CHECK_EQ(balloon_driver_fill(world.driver, SOME), SOME);
	}
	uint64_t n = n_scanned(&world) - before;
	CHECK(n > 0);
	CHECK(n <= 4 * n_rounds * SOME + 2 * FRAMES);
	world_close(&world);
}

/* Pages of a device that is no driver's of ours, at the high end: each pass tries them, so passes are few. */
Test(prepare, does_not_try_the_pages_of_others_at_each_fill)
{
	enum { ROUNDS = 500, SOME = 8, THEIRS = FRAMES / 2 };
	struct world world;
	struct balloon_device *device;
	open(&world, true);
	CHECK_EQ(balloon_device_create(world.map, NULL, &device), 0);
	for (uint32_t i = FRAMES - THEIRS; i < FRAMES; i++) {
		CHECK_EQ(balloon_zone_claim_range(world.zone, balloon_page(i), 1), 0);
		CHECK_EQ(balloon_page_insert(device, balloon_page(i)), 0);
	}
	for (uint32_t i = 0; i < FRAMES - THEIRS; i += BLOCK)
		world_use_one(&world, i);
	for (uint32_t i = 0; i < ROUNDS; i++)
		balloon_compactor_prepare(world.compactor, SOME);
	CHECK(world_stats(world.compactor).n_isolated > 0);
	CHECK(n_scanned(&world) <= 4 * ROUNDS * SOME + 2 * FRAMES);
	struct balloon_page page;
	while (balloon_page_dequeue(device, &page) > 0)
		CHECK_EQ(balloon_zone_free(world.zone, page, 0), 0);
	CHECK_EQ(balloon_device_destroy(world.map, device), 0);
	world_close(&world);
}

Test(prepare, goes_on_until_enough_is_prepared)
{
	enum { SOME = 100 };
	struct world world;
	struct balloon_compactor *compactor;
	struct world_config config = {.n_frames = FRAMES};
	world_open(&world, &config);
	world_fill(&world, FRAMES / 2);
	compactor = world_compactor(&world);
	balloon_compactor_prepare(compactor, SOME);
	uint64_t n = world_stats(compactor).n_migrated;
	CHECK(n >= SOME && n < SOME + BALLOON_COMPACTOR_CLUSTER);
	for (uint32_t i = 0; i < FRAMES; i += SOME)
		balloon_compactor_prepare(compactor, SOME);
	CHECK(world_n_blocks(&world, 9) > 0);
	balloon_compactor_prepare(NULL, 1);
	CHECK_EQ(balloon_compactor_destroy(compactor), 0);
	world_close(&world);
}
