/* SPDX-License-Identifier: MIT */
/* Drivers: what a configuration needs, how a driver lies in its memory, its end. */

#include "driver/parts.h"
#include "layout.h"

enum { REQUEST_PAGES = 256, REQUESTS = 8, REQUESTS_MIN = 2, REQUESTS_MAX = 1024 };

static const uint64_t ns_per_ms = 1000000;

struct layout {
	size_t area;
	size_t batches;
	size_t memory; /* of the requests */
	size_t memory_bytes;
	size_t total;
};

static void default_to(uint64_t *value, uint64_t otherwise)
{
	if (*value == 0)
		*value = otherwise;
}

static struct balloon_driver_config with_defaults(const struct balloon_driver_config *config)
{
	struct balloon_driver_config result = *config;
	result.request_pages = config->request_pages ? config->request_pages : REQUEST_PAGES;
	result.n_requests = config->n_requests ? config->n_requests : REQUESTS;
	default_to(&result.host_timeout_ns, 1000 * ns_per_ms);
	default_to(&result.allocation_backoff_ns, 200 * ns_per_ms);
	default_to(&result.relief_holdoff_ns, 1000 * ns_per_ms);
	default_to(&result.retry_ns, 200 * ns_per_ms);
	return result;
}

static bool design_is_complete(const struct balloon_driver_design *design)
{
	return design->abi == BALLOON_DRIVER_DESIGN_ABI && balloon_name_is_sane(design->name) &&
	       design->era && design->init && design->fill && design->leak && design->relieve &&
	       design->migrate_begin && design->migrate_end;
}

/* Far enough from the end of time that the library can add. */
static bool times_are_sane(const struct balloon_driver_config *config)
{
	const uint64_t max = UINT64_MAX / 4;
	return config->host_timeout_ns < max && config->allocation_backoff_ns < max &&
	       config->relief_holdoff_ns < max && config->retry_ns < max;
}

static int check_config(const struct balloon_driver_config *config)
{
	if (!config || !config->design || !design_is_complete(config->design) || !config->map ||
		!config->frames || !config->frames->ops || !config->channel ||
		!config->channel->ops)
		return -EINVAL;
	if (!config->frames->ops->allocate || !config->frames->ops->free ||
		!config->channel->ops->submit || !times_are_sane(config))
		return -EINVAL;
	struct balloon_driver_config full = with_defaults(config);
	return full.request_pages <= BALLOON_REQUEST_PAGES_MAX && full.n_requests >= REQUESTS_MIN &&
			       full.n_requests <= REQUESTS_MAX
		       ? 0
		       : -EINVAL;
}

static int lay_out(const struct balloon_driver_config *config, struct layout *layout)
{
	struct balloon_driver_config full = with_defaults(config);
	size_t n_batches = full.n_requests + 1;
	layout->total = sizeof(struct balloon_driver);
	layout->memory_bytes = balloon_request_size(full.request_pages);
	if (!layout_append(&layout->total, &layout->area, 1, full.design->area_bytes) ||
		!layout_append(&layout->total, &layout->batches, n_batches,
			sizeof(struct balloon_batch)) ||
		!layout_append(&layout->total, &layout->memory, n_batches, layout->memory_bytes) ||
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

static void init_batches(
	struct balloon_driver *driver, const struct layout *layout, unsigned char *memory)
{
	driver->batches = (struct balloon_batch *)(void *)(memory + layout->batches);
	driver->n_batches = driver->config.n_requests + 1;
	for (uint32_t i = 0; i < driver->n_batches; i++)
		balloon_request_init(&driver->batches[i].request,
			memory + layout->memory + i * layout->memory_bytes,
			driver->config.request_pages);
	driver->batches[driver->n_batches - 1].is_relief = true;
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
	memset(memory, 0, layout.total);
	driver->config = with_defaults(config);
	driver->area = (unsigned char *)memory + layout.area;
	balloon_atomic_init(&driver->n_contended, 0, BALLOON_SHARED_COUNTER);
	balloon_lock_init(&driver->books_lock, BALLOON_RANK_BOOKS, &driver->n_contended);
	balloon_event_init(&driver->event);
	init_batches(driver, &layout, memory);
	error = create_devices(driver);
	if (error < 0) {
		balloon_lock_fini(&driver->books_lock);
		return error;
	}
	config->design->init(driver);
	books_note_state(&driver->books);
	*result = driver;
	return 0;
}

static bool is_empty(const struct balloon_driver_books *books)
{
	return !books_are_in_motion(books) && books->places[BALLOON_PLACE_ENQUEUED] == 0 &&
	       books->places[BALLOON_PLACE_QUARANTINED] == 0 && books->n_active == 0;
}

int balloon_driver_fini(struct balloon_driver *driver)
{
	if (!driver)
		return -EINVAL;
	if (driver->books.n_late > 0)
		driver_reap(driver);
	if (!is_empty(&driver->books))
		return -EBUSY;
	balloon_device_destroy(driver->config.map, driver->device);
	balloon_device_destroy(driver->config.map, driver->quarantine);
	if (driver->config.design->fini)
		driver->config.design->fini(driver);
	balloon_lock_fini(&driver->books_lock);
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
