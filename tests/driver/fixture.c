/* SPDX-License-Identifier: MIT */
#include "fixture.h"

static void account(void *context, const struct balloon_page *pages, size_t n_pages, int change)
{
	struct fixture *fixture = context;
	runtime_lock(&fixture->lock);
	for (size_t i = 0; i < n_pages; i++)
		fixture->ballooned[pages[i].index >= FIXTURE_NODE_PAGES] -= change;
	runtime_unlock(&fixture->lock);
}

struct balloon_driver_config fixture_config(struct fixture *fixture)
{
	return (struct balloon_driver_config){
		.design = fixture->design,
		.map = fixture->map,
		.frames = &fixture->source.frames,
		.channel = &fixture->host.channel,
		.request_pages = FIXTURE_REQUEST,
		.n_requests = 6,
		.host_timeout_ns = 3000 * MS,
		.allocation_backoff_ns = 5 * MS,
		.relief_holdoff_ns = 20 * MS,
		.retry_ns = 2 * MS,
		.account = account,
		.account_context = fixture,
	};
}

int fixture_open(struct fixture *fixture, const struct balloon_strategy *strategy,
	const struct balloon_driver_design *design,
	void (*change)(struct balloon_driver_config *config))
{
	struct balloon_memmap_config map_config = {.strategy = strategy,
		.n_pages = FIXTURE_PAGES,
		.n_devices = BALLOON_DRIVER_DEVICES};
	*fixture = (struct fixture){.strategy = strategy, .design = design};
	runtime_lock_init(&fixture->lock);
	host_init(&fixture->host, FIXTURE_PAGES);
	source_init(&fixture->source, FIXTURE_PAGES, &fixture->host);
	size_t n_bytes;
	int result = balloon_memmap_size(&map_config, &n_bytes);
	if (result < 0)
		return result;
	fixture->memory[0] = runtime_allocate(n_bytes);
	result = balloon_memmap_init(fixture->memory[0], n_bytes, &map_config, &fixture->map);
	if (result < 0)
		return result;
	struct balloon_driver_config config = fixture_config(fixture);
	if (change)
		change(&config);
	result = balloon_driver_size(&config, &n_bytes);
	if (result < 0)
		return result;
	fixture->memory[1] = runtime_allocate(n_bytes);
	return balloon_driver_init(fixture->memory[1], n_bytes, &config, &fixture->driver);
}

struct balloon_driver_progress fixture_progress(struct fixture *fixture)
{
	struct balloon_driver_progress progress = {0};
	balloon_driver_progress(fixture->driver, &progress);
	return progress;
}

/* By whom pages are held, counted by whom they are held. */
static const char *check_pages(struct fixture *fixture)
{
	struct balloon_driver_progress progress = fixture_progress(fixture);
	int64_t by_node[2] = {0, 0};
	uint64_t n_out = 0;
	for (uint32_t i = 0; i < FIXTURE_PAGES; i++) {
		bool is_held = fixture->host.pages[i] == HOST_PAGE_HOST;
		by_node[i >= FIXTURE_NODE_PAGES] += is_held;
		n_out += fixture->source.is_out[i];
		if (is_held && !fixture->source.is_out[i])
			return "the host has a page that is free";
	}
	if (n_out != progress.n_acknowledged + progress.n_inflating + progress.n_set_aside)
		return "a page is neither free nor the host's";
	if (fixture->host.n_held != progress.n_acknowledged - progress.n_deflating)
		return "the host has not what was acknowledged";
	if (progress.n_deflating == 0 &&
		(by_node[0] != fixture->ballooned[0] || by_node[1] != fixture->ballooned[1]))
		return "the account of a node is wrong";
	return NULL;
}

const char *fixture_check(struct fixture *fixture)
{
	struct balloon_finding finding = {NULL, {0}, NULL};
	const char *what = NULL;
	balloon_driver_progress(fixture->driver, &(struct balloon_driver_progress){0});
	if (balloon_driver_validate(fixture->driver, &what) < 0)
		return what;
	if (balloon_memmap_validate(fixture->map, &finding) < 0)
		return finding.what;
	if (fixture->host.violation)
		return fixture->host.violation;
	if (fixture->source.violation)
		return fixture->source.violation;
	return check_pages(fixture);
}

static const char *empty(struct fixture *fixture)
{
	host_at(&fixture->host, 0, HOST_TAKES);
	host_answer(&fixture->host, UINT32_MAX);
	balloon_driver_set_target(fixture->driver, 0);
	uint64_t deadline_ns = in_an_hour();
	if (balloon_driver_run(fixture->driver, deadline_ns, NULL, NULL) == 0)
		return NULL;
	balloon_driver_stop(fixture->driver, deadline_ns);
	return balloon_driver_reset(fixture->driver) == 0 ? NULL : "the balloon cannot be emptied";
}

const char *fixture_close(struct fixture *fixture)
{
	const char *what = fixture_check(fixture);
	if (!what)
		what = empty(fixture);
	if (!what)
		what = fixture_check(fixture);
	if (!what && source_n_free(&fixture->source) != FIXTURE_PAGES)
		what = "a frame is lost";
	if (!what && balloon_driver_fini(fixture->driver) < 0)
		what = "the driver does not end";
	if (!what && balloon_memmap_fini(fixture->map) < 0)
		what = "the map does not end";
	runtime_free(fixture->memory[0]);
	runtime_free(fixture->memory[1]);
	host_fini(&fixture->host);
	source_fini(&fixture->source);
	runtime_lock_fini(&fixture->lock);
	return what;
}

/* ---- Migration ------------------------------------------------------------------------------- */

uint32_t fixture_isolate(struct fixture *fixture, struct balloon_page *pages, uint32_t n_pages)
{
	uint32_t n = 0;
	for (uint32_t i = 0; i < FIXTURE_PAGES && n < n_pages; i++) {
		struct balloon_page page = balloon_page(i);
		if (!balloon_page_is_candidate(fixture->map, page) ||
			balloon_page_isolate(fixture->map, page) < 0)
			continue;
		if (balloon_page_device(fixture->map, page) ==
			balloon_driver_device(fixture->driver))
			pages[n++] = page;
		else
			balloon_page_putback(fixture->map, page); /* a quarantined one */
	}
	return n;
}

int fixture_migrate(struct fixture *fixture, uint32_t n_pages)
{
	struct balloon_page new_pages[FIXTURE_REQUEST];
	struct balloon_page old_pages[FIXTURE_REQUEST];
	uint8_t outcomes[FIXTURE_REQUEST];
	uint32_t n_new = source_take(
		&fixture->source, new_pages, n_pages < FIXTURE_REQUEST ? n_pages : FIXTURE_REQUEST);
	uint32_t n = fixture_isolate(fixture, old_pages, n_new);
	for (uint32_t i = 0; i < n; i++)
		outcomes[i] = BALLOON_MIGRATED_KEPT_OLD; /* where nothing is said */
	int result =
		n ? balloon_driver_migrate(fixture->driver, new_pages, old_pages, n, outcomes) : 0;
	for (uint32_t i = 0; i < n; i++) {
		if (!(outcomes[i] & BALLOON_MIGRATED_TOOK_NEW))
			source_give(&fixture->source, &new_pages[i], 1);
		if (outcomes[i] & BALLOON_MIGRATED_GAVE_OLD)
			source_give(&fixture->source, &old_pages[i], 1);
		if (outcomes[i] & BALLOON_MIGRATED_KEPT_OLD)
			balloon_page_putback(fixture->map, old_pages[i]);
	}
	source_give(&fixture->source, new_pages + n, n_new - n);
	return result;
}
