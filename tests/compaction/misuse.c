/* SPDX-License-Identifier: MIT */
/* What a caller gets wrong is an error, and changes nothing. */

#include "support.h"
#include "world.h"

enum { FRAMES = 64 };

static int take_none(struct balloon_frames *frames, struct balloon_page *pages, size_t n_pages,
	unsigned allocation)
{
	(void)frames, (void)pages, (void)n_pages, (void)allocation;
	return -ENOMEM;
}

static void free_none(
	struct balloon_frames *frames, const struct balloon_page *pages, size_t n_pages)
{
	(void)frames, (void)pages, (void)n_pages;
}

Test(misuse, configurations_that_cannot_be)
{
	const struct balloon_frames_ops plain_ops = {
		.name = "plain", .allocate = take_none, .free = free_none};
	struct balloon_frames plain = {&plain_ops};
	struct balloon_frames no_ops = {NULL};
	struct balloon_driver *none = NULL;
	struct world_config world_config = {.n_frames = FRAMES};
	struct balloon_compactor compactor;
	struct world world;
	struct world other;
	world_open(&world, &world_config);
	world_open(&other, &world_config);
	const struct balloon_compactor_config good = {.map = world.map,
		.frames = &world.source.frames,
		.drivers = &world.driver,
		.n_drivers = 1};
#define REFUSED(field, value)                                                                      \
	do {                                                                                       \
		struct balloon_compactor_config bad = good;                                        \
		bad.field = (value);                                                               \
		CHECK_EQ(balloon_compactor_init(&compactor, &bad), -EINVAL);                       \
	} while (0)
	REFUSED(map, NULL);
	REFUSED(map, other.map);
	REFUSED(frames, NULL);
	REFUSED(frames, &no_ops);
	REFUSED(frames, &plain);
	REFUSED(drivers, NULL);
	REFUSED(drivers, &none);
	REFUSED(drivers, &other.driver);
	REFUSED(n_drivers, 0);
	REFUSED(first, FRAMES);
	REFUSED(end, FRAMES + 1);
	CHECK_EQ(balloon_compactor_init(NULL, &good), -EINVAL);
	CHECK_EQ(balloon_compactor_init(&compactor, NULL), -EINVAL);
	CHECK_EQ(balloon_compactor_init(&compactor, &good), 0);
	CHECK_EQ(balloon_compactor_fini(&compactor), 0);
	world_close(&other);
	world_close(&world);
}

Test(misuse, null_compactors)
{
	struct balloon_compactor_stats stats;
	CHECK_EQ(balloon_compactor_step(NULL, 0), -EINVAL);
	CHECK_EQ(balloon_compactor_run(NULL, BALLOON_NEVER), -EINVAL);
	CHECK_EQ(balloon_compactor_fini(NULL), -EINVAL);
	CHECK_EQ(balloon_compactor_stats(NULL, &stats), -EINVAL);
	CHECK_EQ(balloon_driver_migrate_max(NULL), 0);
}

/* One thread is at work as long as its driver is asked: here, for ever. */
Test(misuse, a_second_thread_is_told_so)
{
	struct world_config world_config = {.n_frames = FRAMES};
	struct balloon_compactor_stats stats;
	struct balloon_compactor compactor;
	struct world world;
	world_open(&world, &world_config);
	world_compactor(&world, &compactor);
	CHECK_EQ(balloon_compactor_stats(&compactor, NULL), -EINVAL);
	compactor.is_at_work = true;
	CHECK_EQ(balloon_compactor_step(&compactor, 0), -EBUSY);
	CHECK_EQ(balloon_compactor_run(&compactor, BALLOON_NEVER), -EBUSY);
	CHECK_EQ(balloon_compactor_fini(&compactor), -EBUSY);
	balloon_compactor_prepare(&compactor, FRAMES);
	compactor.is_at_work = false;
	CHECK_EQ(balloon_compactor_stats(&compactor, &stats), 0);
	CHECK_EQ(stats.n_scanned, 0);
	CHECK_EQ(balloon_compactor_fini(&compactor), 0);
	world_close(&world);
}
