/* SPDX-License-Identifier: MIT */
#include "rig.h"

#include <stdio.h>
static void account(void *context, const struct balloon_page *pages, size_t n_pages, int change)
{
	struct rig *rig = context;
	place_lock(&rig->lock);
	for (size_t i = 0; i < n_pages; i++)
		rig->ballooned[pages[i].index >= RIG_NODE_PAGES] -= change;
	place_unlock(&rig->lock);
}

struct balloon_driver_config rig_config(struct rig *rig)
{
	return (struct balloon_driver_config){
		.design = rig->design,
		.map = rig->map,
		.frames = &rig->source.frames,
		.channel = &rig->host.channel,
		.request_pages = RIG_REQUEST,
		.n_requests = 6,
		.host_timeout_ns = 3000 * RIG_MS,
		.allocation_backoff_ns = 5 * RIG_MS,
		.relief_holdoff_ns = 20 * RIG_MS,
		.retry_ns = 2 * RIG_MS,
		.account = account,
		.account_context = rig,
	};
}

int rig_open(struct rig *rig, const struct balloon_strategy *strategy,
	const struct balloon_driver_design *design,
	void (*change)(struct balloon_driver_config *config))
{
	struct balloon_memmap_config map_config = {
		.strategy = strategy, .n_pages = RIG_PAGES, .n_devices = BALLOON_DRIVER_DEVICES};
	*rig = (struct rig){.strategy = strategy, .design = design};
	snprintf(rig->name, sizeof(rig->name), "%s, %s", design->name, strategy->name);
	place_lock_init(&rig->lock);
	host_init(&rig->host, RIG_PAGES);
	source_init(&rig->source, RIG_PAGES, &rig->host);
	size_t n_bytes;
	int result = balloon_memmap_size(&map_config, &n_bytes);
	if (result < 0)
		return result;
	rig->memory[0] = place_allocate(n_bytes);
	result = balloon_memmap_init(rig->memory[0], n_bytes, &map_config, &rig->map);
	if (result < 0)
		return result;
	struct balloon_driver_config config = rig_config(rig);
	if (change)
		change(&config);
	result = balloon_driver_size(&config, &n_bytes);
	if (result < 0)
		return result;
	rig->memory[1] = place_allocate(n_bytes);
	return balloon_driver_init(rig->memory[1], n_bytes, &config, &rig->driver);
}

struct balloon_driver_progress rig_progress(struct rig *rig)
{
	struct balloon_driver_progress progress = {0};
	balloon_driver_progress(rig->driver, &progress);
	return progress;
}

/* By whom pages are held, counted by whom they are held. */
static const char *check_pages(struct rig *rig)
{
	struct balloon_driver_progress progress = rig_progress(rig);
	int64_t by_node[2] = {0, 0};
	uint64_t n_out = 0;
	for (uint32_t i = 0; i < RIG_PAGES; i++) {
		bool is_held = rig->host.pages[i] == HOST_PAGE_HOST;
		by_node[i >= RIG_NODE_PAGES] += is_held;
		n_out += rig->source.is_out[i];
		if (is_held && !rig->source.is_out[i])
			return "the host has a page that is free";
	}
	if (n_out != progress.n_acknowledged + progress.n_inflating + progress.n_set_aside)
		return "a page is neither free nor the host's";
	if (rig->host.n_held != progress.n_acknowledged - progress.n_deflating)
		return "the host has not what was acknowledged";
	if (progress.n_deflating == 0 &&
		(by_node[0] != rig->ballooned[0] || by_node[1] != rig->ballooned[1]))
		return "the account of a node is wrong";
	return NULL;
}

const char *rig_check(struct rig *rig)
{
	struct balloon_finding finding = {NULL, {0}, NULL};
	const char *what = NULL;
	balloon_driver_progress(rig->driver, &(struct balloon_driver_progress){0});
	if (balloon_driver_validate(rig->driver, &what) < 0)
		return what;
	if (balloon_memmap_validate(rig->map, &finding) < 0)
		return finding.what;
	if (rig->host.violation)
		return rig->host.violation;
	if (rig->source.violation)
		return rig->source.violation;
	return check_pages(rig);
}

static const char *empty(struct rig *rig)
{
	host_at(&rig->host, 0, HOST_TAKES);
	host_answer(&rig->host, UINT32_MAX);
	balloon_driver_set_target(rig->driver, 0);
	uint64_t deadline_ns = balloon_platform_now_ns() + 60000 * RIG_MS;
	if (balloon_driver_run(rig->driver, deadline_ns, NULL, NULL) == 0)
		return NULL;
	balloon_driver_stop(rig->driver, deadline_ns);
	return balloon_driver_reset(rig->driver) == 0 ? NULL : "the balloon cannot be emptied";
}

const char *rig_close(struct rig *rig)
{
	const char *what = rig_check(rig);
	if (!what)
		what = empty(rig);
	if (!what)
		what = rig_check(rig);
	if (!what && source_n_free(&rig->source) != RIG_PAGES)
		what = "a frame is lost";
	if (!what && balloon_driver_fini(rig->driver) < 0)
		what = "the driver does not end";
	if (!what && balloon_memmap_fini(rig->map) < 0)
		what = "the map does not end";
	place_free(rig->memory[0]);
	place_free(rig->memory[1]);
	host_fini(&rig->host);
	source_fini(&rig->source);
	place_lock_fini(&rig->lock);
	return what;
}

/* ---- Migration ------------------------------------------------------------------------------- */

uint32_t rig_isolate(struct rig *rig, struct balloon_page *pages, uint32_t n_pages)
{
	uint32_t n = 0;
	for (uint32_t i = 0; i < RIG_PAGES && n < n_pages; i++) {
		struct balloon_page page = balloon_page(i);
		if (!balloon_page_is_candidate(rig->map, page) ||
			balloon_page_isolate(rig->map, page) < 0)
			continue;
		if (balloon_page_device(rig->map, page) == balloon_driver_device(rig->driver))
			pages[n++] = page;
		else
			balloon_page_putback(rig->map, page); /* a quarantined one */
	}
	return n;
}

int rig_migrate(struct rig *rig, uint32_t n_pages)
{
	struct balloon_page new_pages[RIG_REQUEST];
	struct balloon_page old_pages[RIG_REQUEST];
	uint8_t outcomes[RIG_REQUEST];
	uint32_t n_new =
		source_take(&rig->source, new_pages, n_pages < RIG_REQUEST ? n_pages : RIG_REQUEST);
	uint32_t n = rig_isolate(rig, old_pages, n_new);
	for (uint32_t i = 0; i < n; i++)
		outcomes[i] = BALLOON_MIGRATED_KEPT_OLD; /* where nothing is said */
	int result = n ? balloon_driver_migrate(rig->driver, new_pages, old_pages, n, outcomes) : 0;
	for (uint32_t i = 0; i < n; i++) {
		if (!(outcomes[i] & BALLOON_MIGRATED_TOOK_NEW))
			source_give(&rig->source, &new_pages[i], 1);
		if (outcomes[i] & BALLOON_MIGRATED_GAVE_OLD)
			source_give(&rig->source, &old_pages[i], 1);
		if (outcomes[i] & BALLOON_MIGRATED_KEPT_OLD)
			balloon_page_putback(rig->map, old_pages[i]);
	}
	source_give(&rig->source, new_pages + n, n_new - n);
	return result;
}
