/* SPDX-License-Identifier: MIT */
/* Several drivers on a map, and pages of nobody that the compactor knows. */

#include "support.h"
#include "world.h"

enum { FRAMES = 512 };

Test(sharing, two_drivers_in_small_requests)
{
	struct world world;
	struct balloon_compactor *compactor;
	struct world_config world_config = {.n_frames = FRAMES, .request_pages = 5};
	world_open(&world, &world_config);
	struct balloon_driver *other = world_driver(&world);
	struct balloon_driver *const drivers[] = {world.driver, other};
	world_fill(&world, FRAMES / 4);
	CHECK_EQ(balloon_driver_set_target(other, FRAMES / 4), 0);
	CHECK_EQ(balloon_driver_run(other, BALLOON_NEVER, NULL, NULL), 0);
	struct balloon_compactor_config config = {.map = world.map,
		.frames = &world.source.frames,
		.drivers = drivers,
		.n_drivers = 2};
	CHECK_EQ(balloon_compactor_create(&config, &compactor), 0);
	CHECK_EQ(balloon_compactor_run(compactor, BALLOON_NEVER), 0);
	struct balloon_compactor_stats stats = world_stats(compactor);
	struct balloon_driver_progress progress;
	CHECK_EQ(balloon_driver_progress(other, &progress), 0);
	CHECK(progress.n_migrated > 0 && world_progress(&world).n_migrated > 0);
	CHECK_EQ(progress.n_migrated + world_progress(&world).n_migrated, stats.n_migrated);
	CHECK_EQ(stats.n_refused, 0);
	CHECK_EQ(balloon_compactor_destroy(compactor), 0);
	world_check(&world);
	CHECK_EQ(balloon_driver_set_target(other, 0), 0);
	CHECK_EQ(balloon_driver_run(other, BALLOON_NEVER, NULL, NULL), 0);
	CHECK_EQ(balloon_driver_destroy(other), 0);
	world_close(&world);
}

Test(sharing, pages_of_other_devices_are_put_back)
{
	struct world world;
	struct balloon_compactor *compactor;
	struct balloon_device *device;
	struct balloon_device_stats stats;
	struct world_config world_config = {.n_frames = FRAMES};
	world_open(&world, &world_config);
	world_fill(&world, FRAMES / 4);
	CHECK_EQ(balloon_device_create(world.map, NULL, &device), 0);
	for (uint32_t i = 0; i < FRAMES / 2; i += 2)
		if (balloon_zone_claim_range(world.zone, balloon_page(i), 1) == 0)
			CHECK_EQ(balloon_page_insert(device, balloon_page(i)), 0);
	CHECK_EQ(balloon_device_stats(device, &stats), 0);
	uint64_t n = stats.n_listed;
	compactor = world_compactor(&world);
	CHECK_EQ(balloon_compactor_run(compactor, BALLOON_NEVER), 0);
	CHECK_EQ(balloon_device_stats(device, &stats), 0);
	CHECK(stats.n_putbacks > 0);
	CHECK_EQ(stats.n_isolates, stats.n_putbacks);
	CHECK_EQ(stats.n_listed, n);
	CHECK(world_progress(&world).n_migrated > 0);
	CHECK_EQ(balloon_compactor_destroy(compactor), 0);
	struct balloon_page page;
	while (balloon_page_dequeue(device, &page) > 0)
		CHECK_EQ(balloon_zone_free(world.zone, page, 0), 0);
	CHECK_EQ(balloon_device_destroy(world.map, device), 0);
	world_close(&world);
}
