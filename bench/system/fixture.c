/* SPDX-License-Identifier: MIT */
#include "system/fixture.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#define US UINT64_C(1000)

static int make_map(struct fixture *fixture, const struct trial *trial)
{
	const uint32_t n_pages = number_of(trial, "pages");
	const struct balloon_memmap_config config = {
		.strategy = balloon_strategy_find(text_of(trial, "strategy")),
		.n_pages = n_pages,
		.n_devices = BALLOON_DRIVER_DEVICES + 1};
	const struct balloon_zone_config zone = {.n_frames = n_pages};
	int result = balloon_memmap_create(&config, &fixture->map);
	return result < 0 ? result : balloon_zone_create(&zone, &fixture->zone);
}

static int make_host(struct fixture *fixture, const struct trial *trial)
{
	bool is_slow = strcmp(text_of(trial, "channel"), "slow") == 0;
	balloon_channel_init(&fixture->null, &balloon_null_channel_ops);
	int result = is_slow ? slow_init(&fixture->slow, number_of(trial, "host_us") * US) : 0;
	fixture->is_slow = is_slow && result == 0;
	return result;
}

static int make_driver(struct fixture *fixture, const struct trial *trial, uint32_t n_requests)
{
	const struct balloon_driver_config config = {
		.design = balloon_driver_design_find(text_of(trial, "driver")),
		.map = fixture->map,
		.frames = balloon_zone_frames(fixture->zone),
		.channel = fixture->is_slow ? &fixture->slow.channel : &fixture->null,
		.request_pages = number_of(trial, "request"),
		.n_requests = n_requests,
		.host_timeout_ns = 10 * 1000 * 1000 * US,
		.allocation_backoff_ns = 100 * US,
		.relief_holdoff_ns = 500 * US,
		.retry_ns = 100 * US};
	return balloon_driver_create(&config, &fixture->driver);
}

int fixture_open(struct fixture *fixture, const struct trial *trial, uint32_t n_requests)
{
	*fixture = (struct fixture){.map = NULL};
	int result = make_map(fixture, trial);
	if (result == 0)
		result = make_host(fixture, trial);
	if (result == 0)
		result = make_driver(fixture, trial, n_requests);
	if (result < 0)
		fixture_close(fixture);
	return trial_expect(trial, "making a driver", result);
}

void fixture_close(struct fixture *fixture)
{
	if (fixture->driver) {
		fixture_reach(fixture, 0);
		balloon_driver_destroy(fixture->driver);
	}
	if (fixture->is_slow)
		slow_fini(&fixture->slow);
	if (fixture->zone)
		balloon_zone_destroy(fixture->zone);
	if (fixture->map)
		balloon_memmap_destroy(fixture->map);
}

int fixture_reach(struct fixture *fixture, uint64_t n_pages)
{
	balloon_driver_set_target(fixture->driver, n_pages);
	return balloon_driver_run(fixture->driver, BALLOON_NEVER, NULL, NULL);
}

struct balloon_driver_progress fixture_progress(struct fixture *fixture)
{
	struct balloon_driver_progress progress = {.target = 0};
	balloon_driver_progress(fixture->driver, &progress);
	return progress;
}

uint64_t fixture_n_free(struct fixture *fixture)
{
	struct balloon_frames *frames = balloon_zone_frames(fixture->zone);
	return frames->ops->n_free(frames);
}

int fixture_check(
	struct fixture *fixture, const struct trial *trial, uint64_t n_held, uint64_t n_taken)
{
	const char *what = "the driver";
	struct balloon_driver_progress progress = fixture_progress(fixture);
	if (balloon_driver_validate(fixture->driver, &what) < 0)
		return trial_fail(trial, "not valid: %s", what);
	if (balloon_zone_validate(fixture->zone) < 0 ||
		balloon_memmap_validate(fixture->map, NULL) < 0)
		return trial_fail(trial, "the zone or the map is not valid");
	if (progress.n_acknowledged != n_held)
		return trial_fail(trial, "the host has %" PRIu64 " pages, not %" PRIu64,
			progress.n_acknowledged, n_held);
	uint64_t n_free = balloon_memmap_n_pages(fixture->map) - n_held - n_taken;
	if (fixture_n_free(fixture) != n_free)
		return trial_fail(trial, "%" PRIu64 " frames are free, not %" PRIu64,
			fixture_n_free(fixture), n_free);
	return 0;
}
