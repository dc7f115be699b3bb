/* SPDX-License-Identifier: MIT */
/* The whole driver as a releaser: it fills to everything, and leaks it again. */
#include <errno.h>

#include <balloon/driver.h>
#include <balloon/madvise.h>

#include "system/release.h"
#include "system/source.h"

struct by_driver {
	struct source source;
	struct balloon_channel *channel;
	struct balloon_memmap *map;
	struct balloon_driver *driver;
};

static void close_driven(struct trial *trial)
{
	struct by_driver *by_driver = trial->own;
	if (by_driver->driver)
		balloon_driver_destroy(by_driver->driver);
	if (by_driver->map)
		balloon_memmap_destroy(by_driver->map);
	if (by_driver->channel)
		balloon_madvise_destroy(by_driver->channel);
	source_fini(&by_driver->source);
}

static int make_map(struct by_driver *by_driver, const struct trial *trial)
{
	const struct balloon_memmap_config config = {
		.strategy = balloon_strategy_find(text_of(trial, "strategy")),
		.n_pages = region_of(trial)->n_pages,
		.n_devices = BALLOON_DRIVER_DEVICES,
		.page_size_bytes = region_of(trial)->page_bytes};
	return balloon_memmap_create(&config, &by_driver->map);
}

static int make_driver(struct by_driver *by_driver, const struct trial *trial)
{
	const struct balloon_driver_config config = {
		.design = balloon_driver_design_find(text_of(trial, "driver")),
		.map = by_driver->map,
		.frames = &by_driver->source.frames,
		.channel = by_driver->channel,
		.request_pages = release_of(trial)->request};
	return balloon_driver_create(&config, &by_driver->driver);
}

static int open_driven(struct trial *trial)
{
	const struct region *region = region_of(trial);
	const struct balloon_madvise_config config = {
		.base = region->base, .page_size = region->page_bytes, .n_pages = region->n_pages};
	struct by_driver *by_driver = trial->own;
	if (source_init(&by_driver->source, region->order, region->n_pages) < 0)
		return -ENOMEM;
	int result = balloon_madvise_create(&config, &by_driver->channel);
	if (result == 0)
		result = make_map(by_driver, trial);
	if (result == 0)
		result = make_driver(by_driver, trial);
	if (result < 0)
		close_driven(trial);
	return result;
}

static int reach(struct by_driver *by_driver, uint64_t target)
{
	balloon_driver_set_target(by_driver->driver, target);
	return balloon_driver_run(by_driver->driver, BALLOON_NEVER, NULL, NULL);
}

static int inflate(struct trial *trial)
{
	struct by_driver *by_driver = trial->own;
	const uint32_t n_pages = region_of(trial)->n_pages;
	by_driver->source.next = 0;
	int result = reach(by_driver, n_pages);
	return result == 0 && by_driver->source.n_out != n_pages ? -ENODATA : result;
}

static int deflate(struct trial *trial)
{
	return reach(trial->own, 0);
}

static int cycle(struct trial *trial, uint32_t first, uint32_t n)
{
	struct by_driver *by_driver = trial->own;
	by_driver->source.next = first;
	int result = balloon_driver_fill(by_driver->driver, n);
	if (result >= 0)
		result = result == (int)n ? balloon_driver_leak(by_driver->driver, n) : -EIO;
	return result < 0 || result == (int)n ? result : -EIO;
}

static const char *check(struct trial *trial)
{
	struct by_driver *by_driver = trial->own;
	struct balloon_driver_progress progress;
	const char *what = "the driver is not valid";
	if (balloon_driver_validate(by_driver->driver, &what) < 0)
		return what;
	if (balloon_memmap_validate(by_driver->map, NULL) < 0)
		return "the map is not valid";
	balloon_driver_progress(by_driver->driver, &progress);
	if (progress.n_acknowledged > 0 || progress.n_inflated != progress.n_deflated)
		return "the host has pages that were taken back";
	if (by_driver->source.n_out > 0)
		return "frames are missing that were given back";
	return by_driver->source.violation;
}

const struct releaser driver_releaser = {
	.kind = "driver",
	.channel = "madvise",
	.call = "auto",
	.own_bytes = sizeof(struct by_driver),
	.open = open_driven,
	.close = close_driven,
	.inflate = inflate,
	.deflate = deflate,
	.cycle = cycle,
	.check = check,
};
