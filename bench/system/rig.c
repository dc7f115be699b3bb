/* SPDX-License-Identifier: MIT */
#include "system/rig.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#define US UINT64_C(1000)

static int make_map(struct rig *rig, const struct trial *trial, uint32_t n_pages)
{
	const struct balloon_memmap_config config = {
		.strategy = balloon_strategy_find(trial->labels.strategy),
		.n_pages = n_pages,
		.n_devices = BALLOON_DRIVER_DEVICES + 1};
	const struct balloon_zone_config zone = {.n_frames = n_pages};
	int result = balloon_memmap_create(&config, &rig->map);
	return result < 0 ? result : balloon_zone_create(&zone, &rig->zone);
}

static int make_host(struct rig *rig, const struct labels *labels)
{
	bool is_slow = strcmp(labels->channel, "slow") == 0;
	balloon_channel_init(&rig->null, &balloon_null_channel_ops);
	int result = is_slow ? slow_init(&rig->slow, labels->host_us * US) : 0;
	rig->is_slow = is_slow && result == 0;
	return result;
}

static int make_driver(struct rig *rig, const struct trial *trial, uint32_t n_requests)
{
	const struct balloon_driver_config config = {
		.design = balloon_driver_design_find(trial->labels.driver),
		.map = rig->map,
		.frames = balloon_zone_frames(rig->zone),
		.channel = rig->is_slow ? &rig->slow.channel : &rig->null,
		.request_pages = trial->labels.request,
		.n_requests = n_requests,
		.host_timeout_ns = 10 * 1000 * 1000 * US,
		.allocation_backoff_ns = 100 * US,
		.relief_holdoff_ns = 500 * US,
		.retry_ns = 100 * US};
	return balloon_driver_create(&config, &rig->driver);
}

int rig_open(struct rig *rig, struct trial *trial, uint32_t n_pages, uint32_t n_requests,
	struct problem *problem)
{
	*rig = (struct rig){.map = NULL};
	int result = make_map(rig, trial, n_pages);
	if (result == 0)
		result = make_host(rig, &trial->labels);
	if (result == 0)
		result = make_driver(rig, trial, n_requests);
	if (result == 0)
		return 0;
	rig_close(rig);
	return trial_fail_errno(trial, problem, "making a driver", result);
}

void rig_close(struct rig *rig)
{
	if (rig->driver) {
		rig_reach(rig, 0);
		balloon_driver_destroy(rig->driver);
	}
	if (rig->is_slow)
		slow_fini(&rig->slow);
	if (rig->zone)
		balloon_zone_destroy(rig->zone);
	if (rig->map)
		balloon_memmap_destroy(rig->map);
}

int rig_reach(struct rig *rig, uint64_t n_pages)
{
	balloon_driver_set_target(rig->driver, n_pages);
	return balloon_driver_run(rig->driver, BALLOON_NEVER, NULL, NULL);
}

struct balloon_driver_progress rig_progress(struct rig *rig)
{
	struct balloon_driver_progress progress = {.target = 0};
	balloon_driver_progress(rig->driver, &progress);
	return progress;
}

uint64_t rig_n_free(struct rig *rig)
{
	struct balloon_frames *frames = balloon_zone_frames(rig->zone);
	return frames->ops->n_free(frames);
}

int rig_check(struct rig *rig, const struct trial *trial, uint64_t n_held, uint64_t n_taken,
	struct problem *problem)
{
	const char *what = "the driver";
	struct balloon_driver_progress progress = rig_progress(rig);
	if (balloon_driver_validate(rig->driver, &what) < 0)
		return trial_fail(trial, problem, "not valid: %s", what);
	if (balloon_zone_validate(rig->zone) < 0 || balloon_memmap_validate(rig->map, NULL) < 0)
		return trial_fail(trial, problem, "the zone or the map is not valid");
	if (progress.n_acknowledged != n_held)
		return trial_fail(trial, problem, "the host has %" PRIu64 " pages, not %" PRIu64,
			progress.n_acknowledged, n_held);
	uint64_t n_free = balloon_memmap_n_pages(rig->map) - n_held - n_taken;
	if (rig_n_free(rig) != n_free)
		return trial_fail(trial, problem, "%" PRIu64 " frames are free, not %" PRIu64,
			rig_n_free(rig), n_free);
	return 0;
}
