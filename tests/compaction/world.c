/* SPDX-License-Identifier: MIT */

#include "world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <balloon/driver-design.h>

char world_name[64] = "-";

void world_require(bool is_so, const char *what, const char *file, int line)
{
	if (is_so)
		return;
	fprintf(stderr, "%s:%d: %s: not so: %s\n", file, line, world_name, what);
	abort();
}

uint32_t world_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return (uint32_t)(*state >> 32);
}

bool world_is_short(void)
{
	const char *scale = getenv("BALLOON_TEST_SCALE");
	return scale && strtoul(scale, NULL, 10) < 100;
}

/* ---- Frames in random order ------------------------------------------------------------------ */

static struct shuffled *shuffled_of(struct balloon_frames *frames)
{
	return (struct shuffled *)(void *)frames;
}

/* Each frame is tried once, from where the last call ended; then the zone decides. */
static int shuffled_allocate(struct balloon_frames *frames, struct balloon_page *pages,
	size_t n_pages, unsigned allocation)
{
	struct shuffled *s = shuffled_of(frames);
	struct balloon_frames *zone = balloon_zone_frames(s->zone);
	size_t n = 0;
	pthread_mutex_lock(&s->mutex);
	for (uint32_t i = 0; n < n_pages && i < s->n; i++, s->next = (s->next + 1) % s->n) {
		struct balloon_page page = balloon_page(s->order[s->next]);
		if (balloon_zone_claim_range(s->zone, page, 1) == 0)
			pages[n++] = page;
	}
	pthread_mutex_unlock(&s->mutex);
	return n > 0 ? (int)n : zone->ops->allocate(zone, pages, n_pages, allocation);
}

static void shuffled_free(
	struct balloon_frames *frames, const struct balloon_page *pages, size_t n_pages)
{
	struct balloon_frames *zone = balloon_zone_frames(shuffled_of(frames)->zone);
	zone->ops->free(zone, pages, n_pages);
}

static uint64_t shuffled_n_free(struct balloon_frames *frames)
{
	struct balloon_frames *zone = balloon_zone_frames(shuffled_of(frames)->zone);
	return zone->ops->n_free(zone);
}

static int shuffled_take_lowest(struct balloon_frames *frames, uint32_t first, uint32_t end,
	struct balloon_page *pages, size_t n_pages)
{
	struct balloon_frames *zone = balloon_zone_frames(shuffled_of(frames)->zone);
	return zone->ops->take_lowest(zone, first, end, pages, n_pages);
}

static void shuffled_which_free(
	struct balloon_frames *frames, uint32_t first, uint32_t n_pages, uint64_t *words)
{
	struct balloon_frames *zone = balloon_zone_frames(shuffled_of(frames)->zone);
	zone->ops->which_free(zone, first, n_pages, words);
}

static uint64_t shuffled_n_changes(struct balloon_frames *frames)
{
	struct balloon_frames *zone = balloon_zone_frames(shuffled_of(frames)->zone);
	return zone->ops->n_changes(zone);
}

static const struct balloon_frames_ops shuffled_ops = {.name = "shuffled",
	.allocate = shuffled_allocate,
	.free = shuffled_free,
	.n_free = shuffled_n_free,
	.take_lowest = shuffled_take_lowest,
	.which_free = shuffled_which_free,
	.n_changes = shuffled_n_changes};

static void shuffled_init(struct shuffled *s, struct balloon_zone *zone, uint32_t n)
{
	uint64_t state = 88172645463325252;
	s->frames.ops = &shuffled_ops;
	s->zone = zone;
	s->order = malloc(n * sizeof(*s->order));
	s->n = n;
	s->next = 0;
	pthread_mutex_init(&s->mutex, NULL);
	REQUIRE(s->order != NULL);
	for (uint32_t i = 0; i < n; i++) {
		uint32_t j = world_random(&state) % (i + 1);
		s->order[i] = s->order[j];
		s->order[j] = i;
	}
}

static void shuffled_fini(struct shuffled *s)
{
	pthread_mutex_destroy(&s->mutex);
	free(s->order);
}

/* ---- A world --------------------------------------------------------------------------------- */

static uint32_t node_of(const struct world *world, uint32_t index)
{
	return index < world->config.n_frames / 2 ? 0 : 1;
}

static void account(void *context, const struct balloon_page *pages, size_t n_pages, int change)
{
	struct world *world = context;
	pthread_mutex_lock(&world->mutex);
	for (size_t i = 0; i < n_pages; i++)
		world->nodes[node_of(world, pages[i].index)] += change;
	pthread_mutex_unlock(&world->mutex);
}

/* The configuration's channel is the first driver's; a channel has one driver. */
static struct balloon_channel *channel_for_driver(struct world *world)
{
	if (!world->driver && world->config.channel)
		return world->config.channel;
	return &world->null_channels[world->driver ? 1 : 0];
}

struct balloon_frames *world_frames(struct world *world)
{
	return world->config.is_plain ? balloon_zone_frames(world->zone) : &world->source.frames;
}

struct balloon_driver *world_driver(struct world *world)
{
	struct balloon_driver *driver;
	struct balloon_driver_config config = {
		.design = world->config.design,
		.map = world->map,
		.frames = world_frames(world),
		.channel = channel_for_driver(world),
		.request_pages = world->config.request_pages,
		.host_timeout_ns = world->config.host_timeout_ns,
		.retry_ns = 1,
		.account = account,
		.account_context = world,
		.before_fill = world->config.is_prepared ? balloon_compactor_prepare : NULL,
		.before_fill_context = world->compactor,
	};
	REQUIRE(balloon_driver_create(&config, &driver) == 0);
	return driver;
}

static void set_defaults(struct world_config *config)
{
	if (!config->strategy)
		config->strategy = balloon_strategy_at(0);
	if (!config->design)
		config->design = balloon_driver_design_at(0);
}

struct balloon_compactor_config world_compactor_config(struct world *world)
{
	return (struct balloon_compactor_config){.map = world->map,
		.frames = world_frames(world),
		.drivers = &world->driver,
		.n_drivers = 1,
		.block_order = world->config.block_order};
}

struct balloon_compactor *world_compactor(struct world *world)
{
	struct balloon_compactor *compactor;
	struct balloon_compactor_config config = world_compactor_config(world);
	REQUIRE(balloon_compactor_create(&config, &compactor) == 0);
	return compactor;
}

/* The compactor's memory is there before the driver, which is told where it will lie. */
static size_t allocate_compactor(struct world *world)
{
	struct balloon_compactor_config config = {
		.map = world->map, .block_order = world->config.block_order};
	size_t size_bytes;
	REQUIRE(balloon_compactor_size(&config, &size_bytes) == 0);
	world->compactor = aligned_alloc(BALLOON_MEMORY_ALIGN, size_bytes);
	REQUIRE(world->compactor != NULL);
	return size_bytes;
}

static void open_driver(struct world *world)
{
	struct balloon_compactor *compactor;
	size_t size_bytes = world->config.is_prepared ? allocate_compactor(world) : 0;
	world->driver = world_driver(world);
	if (!world->config.is_prepared)
		return;
	struct balloon_compactor_config config = world_compactor_config(world);
	REQUIRE(balloon_compactor_init(world->compactor, size_bytes, &config, &compactor) == 0);
	REQUIRE(compactor == world->compactor);
}

static void close_driver(struct world *world)
{
	REQUIRE(balloon_driver_destroy(world->driver) == 0);
	if (world->config.is_prepared)
		REQUIRE(balloon_compactor_fini(world->compactor) == 0);
	free(world->compactor);
}

void world_open(struct world *world, const struct world_config *config)
{
	memset(world, 0, sizeof(*world));
	world->config = *config;
	set_defaults(&world->config);
	struct balloon_memmap_config map = {.strategy = world->config.strategy,
		.n_pages = config->n_frames,
		.n_devices = WORLD_DEVICES};
	struct balloon_zone_config zone = {.first = 0, .n_frames = config->n_frames};
	for (int i = 0; i < 2; i++)
		balloon_channel_init(&world->null_channels[i], &balloon_null_channel_ops);
	pthread_mutex_init(&world->mutex, NULL);
	REQUIRE(balloon_memmap_create(&map, &world->map) == 0);
	REQUIRE(balloon_zone_create(&zone, &world->zone) == 0);
	shuffled_init(&world->source, world->zone, config->n_frames);
	world->is_used = calloc(config->n_frames, sizeof(*world->is_used));
	REQUIRE(world->is_used != NULL);
	open_driver(world);
}

void world_fill(struct world *world, uint32_t n_pages)
{
	REQUIRE(balloon_driver_set_target(world->driver, n_pages) == 0);
	REQUIRE(balloon_driver_run(world->driver, BALLOON_NEVER, NULL, NULL) == 0);
}

void world_fill_with(struct world *world, const uint32_t *indices, uint32_t n)
{
	struct shuffled *s = &world->source;
	uint32_t n_now = (uint32_t)world_progress(world).n_enqueued;
	REQUIRE(n <= world->config.n_frames);
	memcpy(s->order, indices, n * sizeof(*indices));
	s->n = n;
	s->next = 0;
	world_fill(world, n_now + n);
	for (uint32_t i = 0; i < n; i++)
		REQUIRE(world_is_ballooned(world, indices[i]));
}

void world_use_one(struct world *world, uint32_t index)
{
	REQUIRE(balloon_zone_claim_range(world->zone, balloon_page(index), 1) == 0);
	world->is_used[index] = true;
	world->n_used++;
}

void world_use(struct world *world, uint32_t n, uint64_t *random)
{
	while (n > 0) {
		uint32_t index = world_random(random) % world->config.n_frames;
		if (world->is_used[index] || world_is_ballooned(world, index))
			continue;
		world_use_one(world, index);
		n--;
	}
}

void world_free_one(struct world *world, uint32_t index)
{
	REQUIRE(balloon_zone_free(world->zone, balloon_page(index), 0) == 0);
	world->is_used[index] = false;
	world->n_used--;
}

static void free_used(struct world *world)
{
	for (uint32_t i = 0; i < world->config.n_frames; i++)
		if (world->is_used[i])
			world_free_one(world, i);
	free(world->is_used);
}

void world_close(struct world *world)
{
	world_check(world);
	free_used(world);
	world_fill(world, 0);
	close_driver(world);
	REQUIRE(balloon_memmap_destroy(world->map) == 0);
	REQUIRE(balloon_zone_destroy(world->zone) == 0); /* -EBUSY: a frame was lost */
	for (int i = 0; i < 2; i++)
		REQUIRE(balloon_channel_fini(&world->null_channels[i]) == 0);
	shuffled_fini(&world->source);
	pthread_mutex_destroy(&world->mutex);
}

/* ---- Looking --------------------------------------------------------------------------------- */

struct balloon_compactor_stats world_stats(struct balloon_compactor *compactor)
{
	struct balloon_compactor_stats stats;
	REQUIRE(balloon_compactor_stats(compactor, &stats) == 0);
	return stats;
}

struct balloon_driver_progress world_progress(struct world *world)
{
	struct balloon_driver_progress progress;
	REQUIRE(balloon_driver_progress(world->driver, &progress) == 0);
	return progress;
}

uint64_t world_n_free(struct world *world)
{
	struct balloon_zone_stats stats;
	REQUIRE(balloon_zone_stats(world->zone, &stats) == 0);
	return stats.n_free;
}

bool world_is_ballooned(struct world *world, uint32_t index)
{
	return world->config.strategy->inspect(world->map, balloon_page(index)).state !=
	       BALLOON_PAGE_OWNED;
}

uint32_t world_n_blocks(struct world *world, unsigned order)
{
	uint32_t n_max = world->config.n_frames >> order;
	struct balloon_page *blocks = malloc(n_max * sizeof(*blocks) + 1);
	uint32_t n = 0;
	REQUIRE(blocks != NULL);
	while (n < n_max && balloon_zone_allocate(world->zone, order, &blocks[n]) == 0)
		n++;
	for (uint32_t i = 0; i < n; i++)
		REQUIRE(balloon_zone_free(world->zone, blocks[i], order) == 0);
	free(blocks);
	return n;
}

/*
 * A block with a frame in use is lost. The ballooned pages go there as far as there is room; the rest
 * fills as few blocks as it can.
 */
uint32_t world_n_blocks_possible(struct world *world, unsigned order)
{
	uint32_t size = UINT32_C(1) << order;
	uint32_t n_clean = 0, room = world->config.n_frames % size;
	for (uint32_t first = 0; first + size <= world->config.n_frames; first += size) {
		uint32_t n_used = 0;
		for (uint32_t i = 0; i < size; i++)
			n_used += world->is_used[first + i];
		n_clean += n_used == 0;
		room += n_used ? size - n_used : 0;
	}
	for (uint32_t i = world->config.n_frames / size * size; i < world->config.n_frames; i++)
		room -= world->is_used[i];
	uint64_t n = world_progress(world).n_enqueued;
	uint32_t n_filled = n > room ? (uint32_t)((n - room + size - 1) / size) : 0;
	return n_filled < n_clean ? n_clean - n_filled : 0;
}

static void check_nodes(struct world *world)
{
	int64_t nodes[WORLD_NODES] = {0, 0};
	for (uint32_t i = 0; i < world->config.n_frames; i++)
		nodes[node_of(world, i)] -= world_is_ballooned(world, i);
	pthread_mutex_lock(&world->mutex);
	for (int i = 0; i < WORLD_NODES; i++)
		REQUIRE(nodes[i] == world->nodes[i]);
	pthread_mutex_unlock(&world->mutex);
}

void world_check(struct world *world)
{
	struct balloon_finding finding = {"", {0}, NULL};
	struct balloon_memmap_stats stats;
	const char *what = NULL;
	int result = balloon_memmap_validate(world->map, &finding);
	world_require(result == 0, finding.what, __FILE__, __LINE__);
	result = balloon_driver_validate(world->driver, &what);
	world_require(result == 0, what ? what : "", __FILE__, __LINE__);
	REQUIRE(balloon_zone_validate(world->zone) == 0);
	REQUIRE(balloon_memmap_stats(world->map, &stats) == 0);
	REQUIRE(stats.devices.n_isolated == 0);
	REQUIRE(stats.devices.n_listed + world_n_free(world) + world->n_used ==
		world->config.n_frames);
	check_nodes(world);
}

static void name_world(
	const struct balloon_strategy *strategy, const struct balloon_driver_design *design)
{
	struct balloon_strategy_info strategy_info;
	struct balloon_driver_design_info design_info;
	balloon_strategy_describe(strategy, &strategy_info);
	balloon_driver_design_describe(design, &design_info);
	snprintf(world_name, sizeof(world_name), "%s, %s", strategy_info.name, design_info.name);
}

void world_for_each(
	void (*body)(const struct balloon_strategy *, const struct balloon_driver_design *))
{
	enum { DESIGNS = 4 }; /* as many as there are built in, so that each is met */
	for (size_t i = 0; balloon_strategy_at(i); i++)
		for (size_t j = 0; balloon_driver_design_at(j); j++) {
			if (world_is_short() && i % DESIGNS != j)
				continue;
			name_world(balloon_strategy_at(i), balloon_driver_design_at(j));
			body(balloon_strategy_at(i), balloon_driver_design_at(j));
		}
	strcpy(world_name, "-");
}
