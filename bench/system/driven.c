/* SPDX-License-Identifier: MIT */
/* The whole driver as a releaser: it fills to everything, and leaks it again. */
#include <errno.h>
#include <stdlib.h>

#include <balloon/driver.h>
#include <balloon/madvise.h>

#include "system/release.h"
#include "system/source.h"

struct driven {
	struct source source;
	struct balloon_channel *channel;
	struct balloon_memmap *map;
	struct balloon_driver *driver;
	const char *problem; /* that was seen on the way */
};

static void close_driven(struct trial *trial)
{
	struct driven *driven = trial->own;
	if (driven->driver)
		balloon_driver_destroy(driven->driver);
	if (driven->map)
		balloon_memmap_destroy(driven->map);
	if (driven->channel)
		balloon_madvise_destroy(driven->channel);
	source_fini(&driven->source);
	free(driven);
}

static int make_map(struct driven *driven, const struct trial *trial)
{
	const struct plan *plan = trial->plan;
	const struct balloon_memmap_config config = {
		.strategy = plan->strategies.at[plan->strategies.n - 1],
		.n_pages = ground_of(trial)->n_pages,
		.n_devices = BALLOON_DRIVER_DEVICES,
		.page_size_bytes = ground_of(trial)->page_bytes};
	return balloon_memmap_create(&config, &driven->map);
}

static int make_driver(struct driven *driven, const struct trial *trial)
{
	const struct balloon_driver_config config = {
		.design = balloon_driver_design_find(trial->labels.driver),
		.map = driven->map,
		.frames = &driven->source.frames,
		.channel = driven->channel,
		.request_pages = release_of(trial)->request};
	return balloon_driver_create(&config, &driven->driver);
}

static int open_driven(struct trial *trial)
{
	const struct ground *ground = ground_of(trial);
	const struct balloon_madvise_config config = {
		.base = ground->base, .page_size = ground->page_bytes, .n_pages = ground->n_pages};
	struct driven *driven = calloc(1, sizeof *driven);
	if (!driven || source_init(&driven->source, ground->order, ground->n_pages) < 0) {
		free(driven);
		return -ENOMEM;
	}
	trial->own = driven;
	int result = balloon_madvise_create(&config, &driven->channel);
	if (result == 0)
		result = make_map(driven, trial);
	if (result == 0)
		result = make_driver(driven, trial);
	if (result < 0)
		close_driven(trial);
	return result;
}

static int reach(struct driven *driven, uint64_t target)
{
	balloon_driver_set_target(driven->driver, target);
	return balloon_driver_run(driven->driver, BALLOON_NEVER, NULL, NULL);
}

static int inflate(struct trial *trial)
{
	struct driven *driven = trial->own;
	const uint32_t n_pages = ground_of(trial)->n_pages;
	source_restart(&driven->source, 0);
	int result = reach(driven, n_pages);
	if (result == 0 && driven->source.n_out != n_pages)
		driven->problem = "the target is reached without all pages";
	return result;
}

static int deflate(struct trial *trial)
{
	return reach(trial->own, 0);
}

static int cycle(struct trial *trial, uint32_t first, uint32_t n)
{
	struct driven *driven = trial->own;
	source_restart(&driven->source, first);
	int result = balloon_driver_fill(driven->driver, n);
	if (result >= 0)
		result = result == (int)n ? balloon_driver_leak(driven->driver, n) : -EIO;
	return result < 0 || result == (int)n ? result : -EIO;
}

static const char *check(struct trial *trial)
{
	struct driven *driven = trial->own;
	struct balloon_driver_progress progress;
	const char *what = driven->problem;
	if (what || balloon_driver_validate(driven->driver, &what) < 0)
		return what;
	if (balloon_memmap_validate(driven->map, NULL) < 0)
		return "the map is not valid";
	balloon_driver_progress(driven->driver, &progress);
	if (progress.n_acknowledged > 0 || progress.n_inflated != progress.n_deflated)
		return "the host has pages that were taken back";
	if (driven->source.n_out > 0)
		return "frames are missing that were given back";
	return driven->source.violation;
}

const struct releaser driver_releaser = {
	.channel = "madvise",
	.call = "auto",
	.kind = TRIAL_DRIVER,
	.open = open_driven,
	.close = close_driven,
	.inflate = inflate,
	.deflate = deflate,
	.cycle = cycle,
	.check = check,
};
