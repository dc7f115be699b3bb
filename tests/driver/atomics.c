/* SPDX-License-Identifier: MIT */
/*
 * How many atomic read-modify-writes a fill and a leak of one page take, of one thread, at a host
 * that takes no time: what they cost is most of what a request costs. The library is compiled into
 * this program once more, so that it counts.
 */
#include <balloon/channel-ops.h>
#include <balloon/driver.h>
#include <balloon/sync.h>
#include <balloon/zone.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { PAGES = 1024, ATOMICS_MAX = 20 };

#define REQUIRE(condition)                                                                         \
	((condition) ? (void)0                                                                     \
		     : (void)(fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition),      \
			       exit(1)))

struct counts {
	uint64_t fill, leak;
};

static struct counts count_once(struct balloon_driver *driver)
{
	uint64_t begin = balloon_count_atomics;
	REQUIRE(balloon_driver_fill(driver, 1) == 1);
	uint64_t filled = balloon_count_atomics;
	REQUIRE(balloon_driver_leak(driver, 1) == 1);
	return (struct counts){filled - begin, balloon_count_atomics - filled};
}

static struct counts count(const struct balloon_driver_design *design)
{
	const struct balloon_memmap_config map_config = {
		.strategy = balloon_strategy_find("isolated-bit"),
		.n_pages = PAGES,
		.n_devices = BALLOON_DRIVER_DEVICES};
	const struct balloon_zone_config zone_config = {.n_frames = PAGES};
	struct balloon_driver_config config = {.design = design};
	struct balloon_channel host;
	struct balloon_zone *zone;
	struct balloon_driver *driver;
	balloon_channel_init(&host, &balloon_null_channel_ops);
	REQUIRE(balloon_memmap_create(&map_config, &config.map) == 0);
	REQUIRE(balloon_zone_create(&zone_config, &zone) == 0);
	config.frames = balloon_zone_frames(zone);
	config.channel = &host;
	REQUIRE(balloon_driver_create(&config, &driver) == 0);
	struct counts first = count_once(driver), counts = count_once(driver);
	REQUIRE(first.fill > 0 && first.leak > 0); /* this build counts */
	REQUIRE(first.fill == counts.fill && first.leak == counts.leak);
	REQUIRE(balloon_driver_destroy(driver) == 0);
	REQUIRE(balloon_zone_destroy(zone) == 0);
	REQUIRE(balloon_memmap_destroy(config.map) == 0);
	return counts;
}

int main(void)
{
	const struct balloon_driver_design *design;
	int n_over = 0;
	for (size_t i = 0; (design = balloon_driver_design_at(i)) != NULL; i++) {
		struct balloon_driver_design_info info;
		struct counts counts = count(design);
		balloon_driver_design_describe(design, &info);
		printf("%s: a fill takes %" PRIu64 " atomic operations, a leak %" PRIu64 "\n",
			info.name, counts.fill, counts.leak);
		n_over += counts.fill > ATOMICS_MAX || counts.leak > ATOMICS_MAX;
	}
	return n_over > 0;
}
