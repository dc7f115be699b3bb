/* SPDX-License-Identifier: MIT */
/* Several drivers on a map, and pages of nobody that the compactor knows. */

#include "suite.h"
#include "machine.h"

enum { FRAMES = 512 };

Test(sharing, two_drivers_in_small_requests)
{
	struct machine machine;
	struct balloon_compactor *compactor;
	struct machine_config machine_config = {.n_frames = FRAMES, .request_pages = 5};
	machine_open(&machine, &machine_config);
	struct balloon_driver *other = machine_driver(&machine);
	struct balloon_driver *const drivers[] = {machine.driver, other};
	machine_fill(&machine, FRAMES / 4);
	CHECK_EQ(balloon_driver_set_target(other, FRAMES / 4), 0);
	CHECK_EQ(balloon_driver_run(other, BALLOON_NEVER, NULL, NULL), 0);
	struct balloon_compactor_config config = {.map = machine.map,
		.frames = &machine.source.frames,
		.drivers = drivers,
		.n_drivers = 2};
	CHECK_EQ(balloon_compactor_create(&config, &compactor), 0);
	CHECK_EQ(balloon_compactor_run(compactor, BALLOON_NEVER), 0);
	struct balloon_compactor_stats stats = machine_stats(compactor);
	struct balloon_driver_progress progress;
	CHECK_EQ(balloon_driver_progress(other, &progress), 0);
	CHECK(progress.n_migrated > 0 && machine_progress(&machine).n_migrated > 0);
	CHECK_EQ(progress.n_migrated + machine_progress(&machine).n_migrated, stats.n_migrated);
	CHECK_EQ(stats.n_refused, 0);
	CHECK_EQ(balloon_compactor_destroy(compactor), 0);
	machine_check(&machine);
	CHECK_EQ(balloon_driver_set_target(other, 0), 0);
	CHECK_EQ(balloon_driver_run(other, BALLOON_NEVER, NULL, NULL), 0);
	CHECK_EQ(balloon_driver_destroy(other), 0);
	machine_close(&machine);
}

Test(sharing, pages_of_other_devices_are_put_back)
{
	struct machine machine;
	struct balloon_compactor *compactor;
	struct balloon_device *device;
	struct balloon_device_stats stats;
	struct machine_config machine_config = {.n_frames = FRAMES};
	machine_open(&machine, &machine_config);
	machine_fill(&machine, FRAMES / 4);
	CHECK_EQ(balloon_device_create(machine.map, NULL, &device), 0);
	for (uint32_t i = 0; i < FRAMES / 2; i += 2)
		if (balloon_zone_take_frames(machine.zone, balloon_page(i), 1) == 0)
			CHECK_EQ(balloon_page_insert(device, balloon_page(i)), 0);
	CHECK_EQ(balloon_device_stats(device, &stats), 0);
	uint64_t n = stats.n_listed;
	compactor = machine_compactor(&machine);
	CHECK_EQ(balloon_compactor_run(compactor, BALLOON_NEVER), 0);
	CHECK_EQ(balloon_device_stats(device, &stats), 0);
	CHECK(stats.n_putbacks > 0);
	CHECK_EQ(stats.n_isolates, stats.n_putbacks);
	CHECK_EQ(stats.n_listed, n);
	CHECK(machine_progress(&machine).n_migrated > 0);
	CHECK_EQ(balloon_compactor_destroy(compactor), 0);
	struct balloon_page page;
	while (balloon_page_dequeue(device, &page) > 0)
		CHECK_EQ(balloon_zone_free(machine.zone, page, 0), 0);
	CHECK_EQ(balloon_device_destroy(machine.map, device), 0);
	machine_close(&machine);
}

/* A frame that was taken for a page that is not moved is the next page's: none is left out. */
Test(sharing, the_frame_for_a_page_of_another_device_is_used_for_the_next)
{
	struct machine machine;
	struct balloon_compactor *compactor;
	struct balloon_device *device;
	struct balloon_page page = balloon_page(FRAMES - 1);
	struct machine_config machine_config = {.n_frames = FRAMES};
	machine_open(&machine, &machine_config);
	CHECK_EQ(balloon_device_create(machine.map, NULL, &device), 0);
	CHECK_EQ(balloon_zone_take_frames(machine.zone, page, 1), 0);
	CHECK_EQ(balloon_page_insert(device, page), 0);
	machine_fill(&machine, FRAMES / 2);
	compactor = machine_compactor(&machine);
	CHECK_EQ(balloon_compactor_run(compactor, BALLOON_NEVER), 0);
	CHECK_EQ(machine_stats(compactor).n_put_back, 1);
	for (uint32_t i = 0; i < FRAMES / 2; i++)
		CHECK(machine_is_ballooned(&machine, i));
	CHECK_EQ(balloon_compactor_destroy(compactor), 0);
	CHECK_EQ(balloon_page_dequeue(device, &page), 1);
	CHECK_EQ(balloon_zone_free(machine.zone, page, 0), 0);
	CHECK_EQ(balloon_device_destroy(machine.map, device), 0);
	machine_close(&machine);
}

/* One page that somebody has hold of, and one that somebody has just taken out. */
enum { HELD = FRAMES - 5, GONE = FRAMES - 9 };

static int isolate_others(
	struct balloon_memmap *map, const struct balloon_page *pages, size_t n_pages)
{
	size_t n = 0;
	while (n < n_pages && pages[n].index != HELD && pages[n].index != GONE)
		n++;
	if (n > 0)
		return balloon_strategy_at(0)->isolate(map, pages, n);
	return pages[0].index == HELD ? -EAGAIN : -ESTALE;
}

/* The former is left where it is, for another pass; of the latter nothing is left to be done. */
Test(sharing, a_page_that_somebody_has_hold_of_is_left)
{
	struct balloon_strategy strategy = *balloon_strategy_at(0);
	strategy.isolate = isolate_others;
	struct machine machine;
	struct machine_config machine_config = {.n_frames = FRAMES, .strategy = &strategy};
	uint32_t indices[FRAMES / 2];
	for (uint32_t i = 0; i < FRAMES / 2; i++)
		indices[i] = FRAMES / 2 + i;
	machine_open(&machine, &machine_config);
	machine_fill_with(&machine, indices, FRAMES / 2);
	struct balloon_compactor *compactor = machine_compactor(&machine);
	for (uint32_t n = 1; n <= 2; n++) {
		CHECK_EQ(balloon_compactor_run(compactor, BALLOON_NEVER), 1);
		CHECK_EQ(machine_stats(compactor).n_left, n);
		CHECK_EQ(machine_stats(compactor).n_migrated, FRAMES / 2 - 2);
	}
	CHECK_EQ(machine_stats(compactor).n_isolated, FRAMES / 2 - 2);
	CHECK_EQ(machine_stats(compactor).n_put_back, 0);
	CHECK(machine_is_ballooned(&machine, HELD) && machine_is_ballooned(&machine, GONE));
	for (uint32_t i = 0; i < FRAMES / 2 - 2; i++)
		CHECK(machine_is_ballooned(&machine, i));
	CHECK_EQ(balloon_compactor_destroy(compactor), 0);
	machine_close(&machine);
}
