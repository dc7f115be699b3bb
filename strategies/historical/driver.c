/* SPDX-License-Identifier: MIT */
/* What the historical forms of the driver had in common. */

#include "driver.h"

#include <balloon/strategy.h>

const struct historical_driver_field historical_driver_fields[] = {
	{offsetof(struct historical_driver, balloon_lock), "balloon_lock"},
	{offsetof(struct historical_driver, deflate_lock), "deflate_lock"},
	{offsetof(struct historical_driver, pfns), "pfns"},
	{offsetof(struct historical_driver, n_pfns), "n_pfns"},
	{offsetof(struct historical_driver, n_pages), "n_pages"},
	{offsetof(struct historical_driver, actual), "actual"},
	{offsetof(struct historical_driver, is_deflating), "is_deflating"},
	{offsetof(struct historical_driver, inflate_vq), "inflate_vq"},
	{offsetof(struct historical_driver, deflate_vq), "deflate_vq"}, {0, NULL}};

static void queue_init(struct historical_queue *queue)
{
	queue->request.pages = queue->pages;
	queue->request.ranges = queue->ranges;
	queue->request.capacity_pages = HISTORICAL_PFNS;
	balloon_atomic_init(
		&queue->request.state, BALLOON_REQUEST_FREE, BALLOON_SHARED_REQUEST_STATE);
	balloon_event_init(&queue->acked);
	queue->request.event = &queue->acked;
}

void historical_driver_init(struct historical_driver *driver, struct balloon_device *device,
	struct balloon_channel *channel, struct balloon_frames *frames)
{
	driver->device = device;
	driver->channel = channel;
	driver->frames = frames;
	balloon_atomic_init(&driver->n_contended, 0, BALLOON_SHARED_COUNTER);
	balloon_atomic_init(&driver->n_pages, 0, BALLOON_SHARED_COUNTER);
	balloon_lock_init(&driver->balloon_lock, BALLOON_RANK_DRIVER, &driver->n_contended);
	balloon_lock_init(&driver->deflate_lock, BALLOON_RANK_DRIVER, &driver->n_contended);
	queue_init(&driver->inflate_vq);
	queue_init(&driver->deflate_vq);
}

/* ---- Pages ----------------------------------------------------------------------------------- */

bool historical_allocate(struct historical_driver *driver, struct balloon_page *page)
{
	return driver->frames->ops->allocate(driver->frames, page, 1, 0) == 1;
}

void historical_free(struct historical_driver *driver, const struct balloon_page *pages, uint32_t n)
{
	if (n > 0)
		driver->frames->ops->free(driver->frames, pages, n);
}

void historical_enqueue(struct historical_driver *driver, struct balloon_page page)
{
	int result = balloon_pages_insert(driver->device, &page, 1);
	BALLOON_ASSERT(result == 1);
	(void)result;
}

/* Whoever finds nothing asks in a hold of its own whether pages were lost: a fatal error (H-21). */
bool historical_dequeue(struct historical_driver *driver, struct balloon_page *page)
{
	struct balloon_device_stats stats;
	if (balloon_pages_dequeue(driver->device, page, 1) == 1)
		return true;
	balloon_device_stats(driver->device, &stats);
	bool are_pages_lost = stats.n_listed == 0 && stats.n_isolated == 0;
	BALLOON_ASSERT(!are_pages_lost);
	(void)are_pages_lost;
	return false;
}

/* ---- The host -------------------------------------------------------------------------------- */

/* What is the queue's is nobody else's until the host has it. */
static void put_in(struct balloon_request *request, enum balloon_request_kind kind,
	const struct balloon_page *pages, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		request->pages[i] = BALLOON_READ(pages[i]);
		request->ranges[i] = (struct balloon_range){request->pages[i].index, 1};
	}
	request->kind = kind;
	request->n_pages = n;
	request->n_ranges = n;
	balloon_atomic_store(&request->state, BALLOON_REQUEST_OUTSTANDING, BALLOON_RELAXED);
}

void historical_tell(struct historical_driver *driver, enum balloon_request_kind kind,
	const struct balloon_page *pages, uint32_t n)
{
	struct historical_queue *queue =
		kind == BALLOON_REQUEST_INFLATE ? &driver->inflate_vq : &driver->deflate_vq;
	if (n == 0)
		return;
	put_in(&queue->request, kind, pages, n);
	int result = driver->channel->ops->submit(driver->channel, &queue->request);
	for (;;) {
		uint32_t seen = balloon_event_seen(&queue->acked);
		if (result < 0 ||
			balloon_request_state(&queue->request) == BALLOON_REQUEST_COMPLETE)
			return;
		balloon_event_wait(&queue->acked, seen, BALLOON_NEVER);
	}
}

void historical_answer(struct balloon_request *request)
{
	balloon_atomic_store(&request->state, BALLOON_REQUEST_COMPLETE, BALLOON_RELEASE);
	balloon_event_signal(request->event);
}

/* Under no lock, as whoever comes last has the newest number (H-25). */
static void update_size(struct historical_driver *driver)
{
	uint32_t n_pages = balloon_atomic_load(&driver->n_pages, BALLOON_RELAXED);
	BALLOON_WRITE(driver->actual, n_pages);
}

/* ---- What is called -------------------------------------------------------------------------- */

void historical_fill(struct historical_driver *driver, uint32_t n)
{
	driver->form->fill(driver, n);
	update_size(driver);
}

uint32_t historical_leak(struct historical_driver *driver, uint32_t n)
{
	uint32_t n_freed = driver->form->leak(driver, n);
	update_size(driver);
	return n_freed;
}

uint32_t historical_relieve(struct historical_driver *driver, uint32_t n)
{
	if (!driver->form->relieve)
		return historical_leak(driver, n);
	uint32_t n_freed = driver->form->relieve(driver, n);
	update_size(driver);
	return n_freed;
}
