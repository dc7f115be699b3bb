/* SPDX-License-Identifier: MIT */
/*
 * Record what a balloon does, and run it through every strategy:
 *
 *     record mine.csv && balloon-bench replay mine.csv
 */

#define _POSIX_C_SOURCE 200809L /* fileno() */

#include <balloon/compactor.h>
#include <balloon/driver.h>
#include <balloon/record.h>
#include <balloon/zone.h>

#include <stdio.h>

enum { N_PAGES = 4096 };

/* Fill and leak, compact, run out of memory. Returns whether all of it could be done. */
static bool live(struct balloon_driver *driver, struct balloon_compactor *compactor)
{
	static const uint64_t targets[] = {3000, 1000, 2500, 0};
	for (size_t i = 0; i < sizeof(targets) / sizeof(*targets); i++) {
		balloon_driver_set_target(driver, targets[i]);
		if (balloon_driver_run(driver, BALLOON_NEVER, NULL, NULL) < 0 ||
			balloon_compactor_run(compactor, BALLOON_NEVER) < 0)
			return false;
		/* Somebody needs these, wherever they are. */
		balloon_driver_relieve_range(driver, balloon_page(512), 64);
	}
	return true;
}

static bool record(struct balloon_recorder *recorder)
{
	struct balloon_memmap_config map_config = {
		.strategy = balloon_recorder_strategy(recorder), .n_pages = N_PAGES};
	struct balloon_zone_config zone_config = {.n_frames = N_PAGES};
	struct balloon_driver_config config = {
		.design = balloon_driver_design_find("alloc-outside")};
	struct balloon_zone *zone;
	struct balloon_driver *driver;
	struct balloon_compactor *compactor;

	map_config.n_devices = BALLOON_DRIVER_DEVICES;
	if (balloon_null_create(&config.channel) < 0 ||
		balloon_memmap_create(&map_config, &config.map) < 0 ||
		balloon_zone_create(&zone_config, &zone) < 0)
		return false;
	config.frames = balloon_zone_frames(zone);
	if (balloon_driver_create(&config, &driver) < 0)
		return false;
	struct balloon_compactor_config compactor_config = {
		.map = config.map, .frames = config.frames, .drivers = &driver, .n_drivers = 1};
	if (balloon_compactor_create(&compactor_config, &compactor) < 0)
		return false;
	bool is_done = live(driver, compactor);
	return balloon_compactor_destroy(compactor) == 0 && balloon_driver_destroy(driver) == 0 &&
	       balloon_null_destroy(config.channel) == 0 && balloon_zone_destroy(zone) == 0 &&
	       balloon_memmap_destroy(config.map) == 0 && is_done;
}

int main(int argc, char **argv)
{
	struct balloon_recorder_config config = {.strategy = balloon_strategy_at(0)};
	struct balloon_recorder_stats stats = {0};
	struct balloon_recorder *recorder;
	if (argc != 2) {
		fprintf(stderr, "usage: record FILE\n");
		return 2;
	}
	FILE *file = fopen(argv[1], "w");
	if (!file) {
		perror(argv[1]);
		return 1;
	}
	config.descriptor = fileno(file);
	if (balloon_recorder_create(&config, &recorder) < 0)
		return 1;
	bool is_done = record(recorder);
	balloon_recorder_stats(recorder, &stats);
	is_done = balloon_recorder_destroy(recorder) == 0 && is_done;
	printf("%s: %llu rows\n", argv[1], (unsigned long long)stats.n_rows);
	return fclose(file) == 0 && is_done ? 0 : 1;
}
