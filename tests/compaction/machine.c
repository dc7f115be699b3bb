/* SPDX-License-Identifier: MIT */

#include "machine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <balloon/driver-design.h>

char machine_name[64] = "-";

void machine_require(bool is_so, const char *what, const char *file, int line)
{
	if (is_so)
		return;
	fprintf(stderr, "%s:%d: %s: not so: %s\n", file, line, machine_name, what);
	abort();
}

uint32_t machine_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return (uint32_t)(*state >> 32);
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
		if (balloon_zone_take_frames(s->zone, page, 1) == 0)
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
		uint32_t j = machine_random(&state) % (i + 1);
		s->order[i] = s->order[j];
		s->order[j] = i;
	}
}

static void shuffled_fini(struct shuffled *s)
{
	pthread_mutex_destroy(&s->mutex);
	free(s->order);
}

/* ---- A machine --------------------------------------------------------------------------------- */

static uint32_t node_of(const struct machine *machine, uint32_t index)
{
	return index < machine->config.n_frames / 2 ? 0 : 1;
}

static void account(void *context, const struct balloon_page *pages, size_t n_pages, int change)
{
	struct machine *machine = context;
	pthread_mutex_lock(&machine->mutex);
	for (size_t i = 0; i < n_pages; i++)
		machine->nodes[node_of(machine, pages[i].index)] += change;
	pthread_mutex_unlock(&machine->mutex);
}

/* The configuration's channel is the first driver's; a channel has one driver. */
static struct balloon_channel *channel_for_driver(struct machine *machine)
{
	if (!machine->driver && machine->config.channel)
		return machine->config.channel;
	return &machine->null_channels[machine->driver ? 1 : 0];
}

struct balloon_frames *machine_frames(struct machine *machine)
{
	return machine->config.is_plain ? balloon_zone_frames(machine->zone)
					: &machine->source.frames;
}

struct balloon_driver *machine_driver(struct machine *machine)
{
	struct balloon_driver *driver;
	struct balloon_driver_config config = {
		.design = machine->config.design,
		.map = machine->map,
		.frames = machine_frames(machine),
		.channel = channel_for_driver(machine),
		.request_pages = machine->config.request_pages,
		.host_timeout_ns = machine->config.host_timeout_ns,
		.retry_ns = 1,
		.account = account,
		.account_context = machine,
		.before_fill = machine->config.is_prepared ? balloon_compactor_prepare : NULL,
		.before_fill_context = machine->compactor,
	};
	REQUIRE(balloon_driver_create(&config, &driver) == 0);
	return driver;
}

static void set_defaults(struct machine_config *config)
{
	if (!config->strategy)
		config->strategy = balloon_strategy_at(0);
	if (!config->design)
		config->design = balloon_driver_design_at(0);
}

struct balloon_compactor_config machine_compactor_config(struct machine *machine)
{
	return (struct balloon_compactor_config){.map = machine->map,
		.frames = machine_frames(machine),
		.drivers = &machine->driver,
		.n_drivers = 1,
		.block_order = machine->config.block_order};
}

struct balloon_compactor *machine_compactor(struct machine *machine)
{
	struct balloon_compactor *compactor;
	struct balloon_compactor_config config = machine_compactor_config(machine);
	REQUIRE(balloon_compactor_create(&config, &compactor) == 0);
	return compactor;
}

/* The compactor's memory is there before the driver, which is told where it will lie. */
static size_t allocate_compactor(struct machine *machine)
{
	struct balloon_compactor_config config = {
		.map = machine->map, .block_order = machine->config.block_order};
	size_t size_bytes;
	REQUIRE(balloon_compactor_size(&config, &size_bytes) == 0);
	machine->compactor = aligned_alloc(BALLOON_MEMORY_ALIGN, size_bytes);
	REQUIRE(machine->compactor != NULL);
	return size_bytes;
}

static void open_driver(struct machine *machine)
{
	struct balloon_compactor *compactor;
	size_t size_bytes = machine->config.is_prepared ? allocate_compactor(machine) : 0;
	machine->driver = machine_driver(machine);
	if (!machine->config.is_prepared)
		return;
	struct balloon_compactor_config config = machine_compactor_config(machine);
	REQUIRE(balloon_compactor_init(machine->compactor, size_bytes, &config, &compactor) == 0);
	REQUIRE(compactor == machine->compactor);
}

static void close_driver(struct machine *machine)
{
	REQUIRE(balloon_driver_destroy(machine->driver) == 0);
	if (machine->config.is_prepared)
		REQUIRE(balloon_compactor_fini(machine->compactor) == 0);
	free(machine->compactor);
}

void machine_open(struct machine *machine, const struct machine_config *config)
{
	memset(machine, 0, sizeof(*machine));
	machine->config = *config;
	set_defaults(&machine->config);
	struct balloon_memmap_config map = {.strategy = machine->config.strategy,
		.n_pages = config->n_frames,
		.n_devices = MACHINE_DEVICES};
	struct balloon_zone_config zone = {.first = 0, .n_frames = config->n_frames};
	for (int i = 0; i < 2; i++)
		balloon_channel_init(&machine->null_channels[i], &balloon_null_channel_ops);
	pthread_mutex_init(&machine->mutex, NULL);
	REQUIRE(balloon_memmap_create(&map, &machine->map) == 0);
	REQUIRE(balloon_zone_create(&zone, &machine->zone) == 0);
	shuffled_init(&machine->source, machine->zone, config->n_frames);
	machine->is_used = calloc(config->n_frames, sizeof(*machine->is_used));
	REQUIRE(machine->is_used != NULL);
	open_driver(machine);
}

void machine_fill(struct machine *machine, uint32_t n_pages)
{
	REQUIRE(balloon_driver_set_target(machine->driver, n_pages) == 0);
	REQUIRE(balloon_driver_run(machine->driver, BALLOON_NEVER, NULL, NULL) == 0);
}

void machine_fill_with(struct machine *machine, const uint32_t *indices, uint32_t n)
{
	struct shuffled *s = &machine->source;
	uint32_t n_now = (uint32_t)machine_progress(machine).n_enqueued;
	REQUIRE(n <= machine->config.n_frames);
	memcpy(s->order, indices, n * sizeof(*indices));
	s->n = n;
	s->next = 0;
	machine_fill(machine, n_now + n);
	for (uint32_t i = 0; i < n; i++)
		REQUIRE(machine_is_ballooned(machine, indices[i]));
}

void machine_use_one(struct machine *machine, uint32_t index)
{
	REQUIRE(balloon_zone_take_frames(machine->zone, balloon_page(index), 1) == 0);
	machine->is_used[index] = true;
	machine->n_used++;
}

void machine_use(struct machine *machine, uint32_t n, uint64_t *random)
{
	while (n > 0) {
		uint32_t index = machine_random(random) % machine->config.n_frames;
		if (machine->is_used[index] || machine_is_ballooned(machine, index))
			continue;
		machine_use_one(machine, index);
		n--;
	}
}

void machine_free_one(struct machine *machine, uint32_t index)
{
	REQUIRE(balloon_zone_free(machine->zone, balloon_page(index), 0) == 0);
	machine->is_used[index] = false;
	machine->n_used--;
}

static void free_used(struct machine *machine)
{
	for (uint32_t i = 0; i < machine->config.n_frames; i++)
		if (machine->is_used[i])
			machine_free_one(machine, i);
	free(machine->is_used);
}

void machine_close(struct machine *machine)
{
	machine_check(machine);
	free_used(machine);
	machine_fill(machine, 0);
	close_driver(machine);
	REQUIRE(balloon_memmap_destroy(machine->map) == 0);
	REQUIRE(balloon_zone_destroy(machine->zone) == 0); /* -EBUSY: a frame was lost */
	for (int i = 0; i < 2; i++)
		REQUIRE(balloon_channel_fini(&machine->null_channels[i]) == 0);
	shuffled_fini(&machine->source);
	pthread_mutex_destroy(&machine->mutex);
}

/* ---- Looking --------------------------------------------------------------------------------- */

struct balloon_compactor_stats machine_stats(struct balloon_compactor *compactor)
{
	struct balloon_compactor_stats stats;
	REQUIRE(balloon_compactor_stats(compactor, &stats) == 0);
	return stats;
}

struct balloon_driver_progress machine_progress(struct machine *machine)
{
	struct balloon_driver_progress progress;
	REQUIRE(balloon_driver_progress(machine->driver, &progress) == 0);
	return progress;
}

uint64_t machine_n_free(struct machine *machine)
{
	struct balloon_zone_stats stats;
	REQUIRE(balloon_zone_stats(machine->zone, &stats) == 0);
	return stats.n_free;
}

bool machine_is_ballooned(struct machine *machine, uint32_t index)
{
	return machine->config.strategy->inspect(machine->map, balloon_page(index)).state !=
	       BALLOON_PAGE_OWNED;
}

uint32_t machine_n_blocks(struct machine *machine, unsigned order)
{
	uint32_t n_max = machine->config.n_frames >> order;
	struct balloon_page *blocks = malloc(n_max * sizeof(*blocks) + 1);
	uint32_t n = 0;
	REQUIRE(blocks != NULL);
	while (n < n_max && balloon_zone_allocate(machine->zone, order, &blocks[n]) == 0)
		n++;
	for (uint32_t i = 0; i < n; i++)
		REQUIRE(balloon_zone_free(machine->zone, blocks[i], order) == 0);
	free(blocks);
	return n;
}

/*
 * A block with a frame in use is lost. The ballooned pages go there as far as there is room; the rest
 * fills as few blocks as it can.
 */
uint32_t machine_n_blocks_possible(struct machine *machine, unsigned order)
{
	uint32_t size = UINT32_C(1) << order;
	uint32_t n_clean = 0, room = machine->config.n_frames % size;
	for (uint32_t first = 0; first + size <= machine->config.n_frames; first += size) {
		uint32_t n_used = 0;
		for (uint32_t i = 0; i < size; i++)
			n_used += machine->is_used[first + i];
		n_clean += n_used == 0;
		room += n_used ? size - n_used : 0;
	}
	for (uint32_t i = machine->config.n_frames / size * size; i < machine->config.n_frames; i++)
		room -= machine->is_used[i];
	uint64_t n = machine_progress(machine).n_enqueued;
	uint32_t n_filled = n > room ? (uint32_t)((n - room + size - 1) / size) : 0;
	return n_filled < n_clean ? n_clean - n_filled : 0;
}

static void check_nodes(struct machine *machine)
{
	int64_t nodes[MACHINE_NODES] = {0, 0};
	for (uint32_t i = 0; i < machine->config.n_frames; i++)
		nodes[node_of(machine, i)] -= machine_is_ballooned(machine, i);
	pthread_mutex_lock(&machine->mutex);
	for (int i = 0; i < MACHINE_NODES; i++)
		REQUIRE(nodes[i] == machine->nodes[i]);
	pthread_mutex_unlock(&machine->mutex);
}

void machine_check(struct machine *machine)
{
	struct balloon_finding finding = {"", {0}, NULL};
	struct balloon_memmap_stats stats;
	struct balloon_zone_stats zone;
	const char *what = NULL;
	int result = balloon_memmap_validate(machine->map, &finding);
	machine_require(result == 0, finding.what, __FILE__, __LINE__);
	result = balloon_driver_validate(machine->driver, &what);
	machine_require(result == 0, what ? what : "", __FILE__, __LINE__);
	REQUIRE(balloon_zone_validate(machine->zone) == 0);
	REQUIRE(balloon_zone_stats(machine->zone, &zone) == 0);
	REQUIRE(zone.n_strays == 0); /* a frame was given back twice */
	REQUIRE(balloon_memmap_stats(machine->map, &stats) == 0);
	REQUIRE(stats.devices.n_isolated == 0);
	REQUIRE(stats.devices.n_listed + machine_n_free(machine) + machine->n_used ==
		machine->config.n_frames);
	check_nodes(machine);
}

static void name_machine(
	const struct balloon_strategy *strategy, const struct balloon_driver_design *design)
{
	struct balloon_strategy_info strategy_info;
	struct balloon_driver_design_info design_info;
	balloon_strategy_describe(strategy, &strategy_info);
	balloon_driver_design_describe(design, &design_info);
	snprintf(
		machine_name, sizeof(machine_name), "%s, %s", strategy_info.name, design_info.name);
}

void machine_for_each(
	void (*body)(const struct balloon_strategy *, const struct balloon_driver_design *))
{
	enum { DESIGNS = 4 }; /* as many as there are built in, so that each is met */
	for (size_t i = 0; balloon_strategy_at(i); i++)
		for (size_t j = 0; balloon_driver_design_at(j); j++) {
			if (is_short() && i % DESIGNS != j)
				continue;
			name_machine(balloon_strategy_at(i), balloon_driver_design_at(j));
			body(balloon_strategy_at(i), balloon_driver_design_at(j));
		}
	strcpy(machine_name, "-");
}
