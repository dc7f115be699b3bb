/* SPDX-License-Identifier: MIT */
/* Drivers: what a configuration needs, how a driver lies in its memory, its end. */

#include "core/layout.h"
#include "driver/batch.h"
#include "driver/left.h"
#include "driver/refusals.h"
#include "driver/state.h"

enum { REQUEST_PAGES = 256, REQUESTS = 8, REQUESTS_MIN = 2, REQUESTS_MAX = 1024 };

static const uint64_t ns_per_ms = 1000000;

struct layout {
	size_t batches;
	size_t memory; /* of the requests */
	size_t memory_bytes;
	size_t small; /* of those for migrations */
	size_t small_bytes;
	size_t total;
};

static void default_to(uint64_t *value, uint64_t otherwise)
{
	if (*value == 0)
		*value = otherwise;
}

static struct balloon_driver_tuning tuning_of(const struct balloon_driver_config *config)
{
	return (struct balloon_driver_tuning){.request_pages = config->request_pages,
		.host_timeout_ns = config->host_timeout_ns,
		.allocation_backoff_ns = config->allocation_backoff_ns,
		.relief_holdoff_ns = config->relief_holdoff_ns,
		.retry_ns = config->retry_ns,
		.floor_pages = config->floor_pages};
}

static struct balloon_driver_tuning with_defaults(const struct balloon_driver_tuning *tuning)
{
	struct balloon_driver_tuning result = *tuning;
	result.request_pages = tuning->request_pages ? tuning->request_pages : REQUEST_PAGES;
	default_to(&result.host_timeout_ns, 1000 * ns_per_ms);
	default_to(&result.allocation_backoff_ns, 200 * ns_per_ms);
	default_to(&result.relief_holdoff_ns, 1000 * ns_per_ms);
	default_to(&result.retry_ns, 200 * ns_per_ms);
	return result;
}

static struct balloon_driver_config full(const struct balloon_driver_config *config)
{
	struct balloon_driver_config result = *config;
	struct balloon_driver_tuning tuning = tuning_of(config);
	tuning = with_defaults(&tuning);
	result.request_pages = tuning.request_pages;
	result.n_requests = config->n_requests ? config->n_requests : REQUESTS;
	return result;
}

static bool hold_is_sane(const struct balloon_driver_hold *hold)
{
	return hold->lock <= BALLOON_DRIVER_LOCK_2 && hold->from <= BALLOON_LOCK_FROM_TELL &&
	       hold->until <= BALLOON_LOCK_UNTIL_PLACED;
}

static bool design_is_complete(const struct balloon_driver_design *design)
{
	const unsigned all_locks = BALLOON_DRIVER_LOCK_1 | BALLOON_DRIVER_LOCK_2;
	return design->abi == BALLOON_DRIVER_DESIGN_ABI && balloon_name_is_sane(design->name) &&
	       design->era && design->relief <= BALLOON_RELIEF_PROGRESS &&
	       hold_is_sane(&design->fill) && hold_is_sane(&design->leak) &&
	       (design->migration_locks & ~all_locks) == 0;
}

/* Far enough from the end of time that the library can add. */
static bool tuning_is_sane(const struct balloon_driver_tuning *tuning)
{
	const uint64_t max = UINT64_MAX / 4;
	return tuning->host_timeout_ns < max && tuning->allocation_backoff_ns < max &&
	       tuning->relief_holdoff_ns < max && tuning->retry_ns < max &&
	       tuning->request_pages <= BALLOON_REQUEST_PAGES_MAX;
}

static int check_config(const struct balloon_driver_config *config)
{
	if (!config)
		return -EINVAL;
	if (!config->design)
		return -ENOENT;
	if (!design_is_complete(config->design) || !config->map || !config->frames ||
		!config->frames->ops || !config->channel || !config->channel->ops)
		return -EINVAL;
	struct balloon_driver_tuning tuning = tuning_of(config);
	struct balloon_driver_config whole = full(config);
	if (!config->frames->ops->allocate || !config->frames->ops->free ||
		!tuning_is_sane(&tuning) || whole.n_requests < REQUESTS_MIN ||
		whole.n_requests > REQUESTS_MAX)
		return -EINVAL;
	return balloon_channel_covers(config->channel, config->map);
}

/* Of all pools. */
static uint32_t n_batches_of(const struct balloon_driver_config *config)
{
	return config->n_requests + N_MIGRATION_BATCHES + 1;
}

static enum batch_pool pool_of(const struct balloon_driver_config *config, uint32_t number)
{
	if (number < config->n_requests)
		return POOL_ANY;
	return number < config->n_requests + N_MIGRATION_BATCHES ? POOL_MIGRATION : POOL_RELIEF;
}

static uint32_t pages_of(const struct balloon_driver_config *config, enum batch_pool pool)
{
	bool is_small = pool == POOL_MIGRATION && config->request_pages > BALLOON_MIGRATE_MAX;
	return is_small ? BALLOON_MIGRATE_MAX : config->request_pages;
}

static int lay_out(const struct balloon_driver_config *config, struct layout *layout)
{
	struct balloon_driver_config whole = full(config);
	layout->total = sizeof(struct balloon_driver);
	layout->memory_bytes = balloon_request_size(whole.request_pages);
	layout->small_bytes = balloon_request_size(pages_of(&whole, POOL_MIGRATION));
	if (!layout_append(&layout->total, &layout->batches, n_batches_of(&whole),
		    sizeof(struct balloon_batch)) ||
		!layout_append(&layout->total, &layout->memory, whole.n_requests + 1,
			layout->memory_bytes) ||
		!layout_append(
			&layout->total, &layout->small, N_MIGRATION_BATCHES, layout->small_bytes) ||
		!layout_round_up(&layout->total, BALLOON_MEMORY_ALIGN))
		return -EINVAL;
	return 0;
}

int balloon_driver_size(const struct balloon_driver_config *config, size_t *size_bytes)
{
	struct layout layout = {0};
	int result = check_config(config);
	if (result == 0)
		result = size_bytes ? lay_out(config, &layout) : -EINVAL;
	if (result == 0)
		*size_bytes = layout.total;
	return result;
}

static int create_devices(struct balloon_driver *driver)
{
	struct balloon_memmap *map = driver->config.map;
	int result = balloon_device_create(map, driver, &driver->device);
	if (result < 0)
		return result;
	result = balloon_device_create(map, driver, &driver->quarantine);
	if (result < 0)
		balloon_device_destroy(map, driver->device);
	return result;
}

/* The first one is the first to be taken. */
static void init_batches(
	struct balloon_driver *driver, const struct layout *layout, unsigned char *memory)
{
	struct driver_state *state = &driver->state;
	size_t at = layout->memory;
	size_t small_at = layout->small;
	driver->batches = (struct balloon_batch *)(void *)(memory + layout->batches);
	driver->n_batches = n_batches_of(&driver->config);
	for (uint32_t i = driver->n_batches; i-- > 0;) {
		struct balloon_batch *batch = &driver->batches[i];
		enum batch_pool pool = pool_of(&driver->config, i);
		size_t *next = pool == POOL_MIGRATION ? &small_at : &at;
		balloon_request_init(
			&batch->request, memory + *next, pages_of(&driver->config, pool));
		*next += pool == POOL_MIGRATION ? layout->small_bytes : layout->memory_bytes;
		balloon_event_init(&batch->event);
		batch->pool = pool;
		batch->next_free = state->free[pool];
		state->free[pool] = batch;
	}
}

static void init_state(struct balloon_driver *driver, const struct balloon_driver_config *config)
{
	struct balloon_driver_tuning tuning = tuning_of(config);
	driver->state.tuning = with_defaults(&tuning);
	driver->state.look_at_ns = BALLOON_NEVER;
	balloon_atomic_init(&driver->n_contended, 0, BALLOON_SHARED_COUNTER);
	balloon_atomic_init(
		&driver->channel, (uintptr_t)(void *)config->channel, BALLOON_SHARED_CHANNEL);
	balloon_atomic_init(&driver->target, 0, BALLOON_SHARED_TARGET);
	balloon_lock_init_lasting(&driver->lock, BALLOON_RANK_LEAF, &driver->n_contended);
	balloon_event_init(&driver->event);
	for (unsigned i = 0; i < N_LOCK_DIRECTIONS; i++)
		balloon_event_init(&driver->lock_events[i]);
}

int balloon_driver_init(void *memory, size_t size_bytes, const struct balloon_driver_config *config,
	struct balloon_driver **result)
{
	struct layout layout = {0};
	int error = check_config(config);
	if (error == 0)
		error = lay_out(config, &layout);
	if (error < 0)
		return error;
	if (!memory || !result || (uintptr_t)memory % BALLOON_MEMORY_ALIGN ||
		size_bytes < layout.total)
		return -EINVAL;
	struct balloon_driver *driver = memory;
	memset(memory, 0, layout.memory); /* requests make theirs by themselves */
	error = balloon_channel_claim(config->channel, driver, &driver->event);
	if (error < 0)
		return error;
	driver->config = full(config);
	error = create_devices(driver);
	if (error < 0) {
		balloon_channel_release(config->channel, driver);
		return error;
	}
	init_state(driver, config);
	init_batches(driver, &layout, memory);
	state_look(&driver->state, 0, balloon_platform_now_ns());
	*result = driver;
	return 0;
}

int balloon_driver_tune(struct balloon_driver *driver, const struct balloon_driver_tuning *tuning)
{
	if (!driver || !tuning || !tuning_is_sane(tuning) ||
		tuning->request_pages > driver->config.request_pages)
		return -EINVAL;
	struct balloon_driver_tuning whole = with_defaults(tuning);
	if (whole.request_pages > driver->config.request_pages)
		whole.request_pages = driver->config.request_pages;
	struct driver_state *state = driver_lock(driver);
	state_enter(state, CALL_ANY);
	BALLOON_WRITE(state->tuning, whole);
	driver_unlock(driver);
	driver_wake_all(driver);
	return driver_leave(driver, CALL_ANY, 0);
}

static bool holds_nothing(struct balloon_driver *driver)
{
	const struct driver_state *state = driver_lock(driver);
	bool result = BALLOON_READ(state->n_inside) == 0 &&
		      BALLOON_READ(state->counts.n_busy) == 0 &&
		      BALLOON_READ(state->counts.places[PLACE_ENQUEUED]) == 0 &&
		      BALLOON_READ(state->counts.places[PLACE_QUARANTINED]) == 0;
	driver_unlock(driver);
	return result;
}

int balloon_driver_fini(struct balloon_driver *driver)
{
	if (!driver)
		return -EINVAL;
	driver_look_after_if_due(driver);
	if (!holds_nothing(driver))
		return -EBUSY;
	refusals_release_frames(driver, UINT32_MAX, BALLOON_NEVER);
	balloon_device_destroy(driver->config.map, driver->device);
	balloon_device_destroy(driver->config.map, driver->quarantine);
	balloon_channel_release(driver_channel(driver), driver);
	balloon_lock_fini(&driver->lock);
	return 0;
}

struct balloon_device *balloon_driver_device(const struct balloon_driver *driver)
{
	return driver ? driver->device : NULL;
}

struct balloon_memmap *balloon_driver_memmap(const struct balloon_driver *driver)
{
	return driver ? driver->config.map : NULL;
}
