/* SPDX-License-Identifier: MIT */

#include "claims.h"

#include <string.h>

const struct balloon_strategy *some_strategy(void)
{
	return balloon_strategy_at(0);
}

struct balloon_heap *make_heap(struct balloon_heap_config config, uint32_t n_pages)
{
	struct balloon_heap *heap = NULL;
	config.strategy = some_strategy();
	config.size_bytes = (uint64_t)n_pages * BALLOON_HEAP_PAGE_SIZE;
	CHECK_EQ(balloon_heap_create(&config, &heap), 0);
	CHECK_EQ((uintptr_t)balloon_heap_base(heap) % (4 << 20), 0);
	CHECK_EQ(balloon_memmap_n_pages(balloon_heap_memmap(heap)), n_pages);
	return heap;
}

struct balloon_heap_stats stats_of(struct balloon_heap *heap)
{
	struct balloon_heap_stats stats;
	CHECK_EQ(balloon_heap_stats(heap, &stats), 0);
	return stats;
}

struct balloon_heap_usage usage_of(struct balloon_heap *heap)
{
	struct balloon_heap_usage usage;
	CHECK_EQ(balloon_heap_usage(heap, &usage), 0);
	return usage;
}

void end_heap(struct balloon_heap *heap)
{
	CHECK_EQ(balloon_heap_purge(heap), 0);
	struct balloon_heap_stats stats = stats_of(heap);
	CHECK_EQ(stats.n_free, stats.n_frames);
	CHECK_EQ(stats.n_held, 0);
	CHECK_EQ(usage_of(heap).allocated_bytes, 0);
	CHECK_EQ(balloon_zone_validate(balloon_heap_zone(heap)), 0);
	CHECK_EQ(balloon_memmap_validate(balloon_heap_memmap(heap), NULL), 0);
	CHECK_EQ(balloon_heap_destroy(heap), 0);
}

struct balloon make_balloon(struct balloon_heap *heap)
{
	return make_balloon_of(heap, balloon_driver_design_at(0));
}

struct balloon make_balloon_of(
	struct balloon_heap *heap, const struct balloon_driver_design *design)
{
	struct balloon balloon;
	struct balloon_memmap *map = balloon_heap_memmap(heap);
	const struct balloon_madvise_config host = {
		.base = balloon_heap_base(heap), .n_pages = balloon_memmap_n_pages(map)};
	CHECK_EQ(balloon_madvise_create(&host, &balloon.channel), 0);
	const struct balloon_driver_config config = {.design = design,
		.map = map,
		.frames = balloon_zone_frames(balloon_heap_zone(heap)),
		.channel = balloon.channel,
		.allocation_backoff_ns = MS,
		.relief_holdoff_ns = MS};
	CHECK_EQ(balloon_driver_create(&config, &balloon.driver), 0);
	CHECK_EQ(balloon_heap_set_driver(heap, balloon.driver), 0);
	return balloon;
}

void bring_to(struct balloon *balloon, uint64_t n_pages)
{
	CHECK_EQ(balloon_driver_set_target(balloon->driver, n_pages), 0);
	CHECK_EQ(balloon_driver_run(balloon->driver, in_an_hour(), NULL, NULL), 0);
}

void inflate_all(struct balloon *balloon)
{
	int result;
	CHECK_EQ(balloon_driver_set_target(balloon->driver, UINT32_MAX), 0);
	while ((result = balloon_driver_step(balloon->driver)) > 0)
		;
	CHECK_EQ(result, -ENOMEM);
}

uint64_t n_inflated(struct balloon *balloon)
{
	struct balloon_driver_progress progress;
	CHECK_EQ(balloon_driver_progress(balloon->driver, &progress), 0);
	return progress.n_enqueued;
}

void end_balloon(struct balloon_heap *heap, struct balloon *balloon)
{
	bring_to(balloon, 0);
	CHECK_EQ(balloon_driver_validate(balloon->driver, NULL), 0);
	CHECK_EQ(balloon_heap_set_driver(heap, NULL), 0);
	CHECK_EQ(balloon_driver_destroy(balloon->driver), 0);
	CHECK_EQ(balloon_madvise_destroy(balloon->channel), 0);
}

enum { STRIDE = 64 }; /* words: several marks a page */

static uint32_t word_for(const uint32_t *place, uint32_t number)
{
	return (uint32_t)((uintptr_t)place >> 2) * UINT32_C(2654435761) ^ number;
}

void mark(void *memory, size_t size, uint32_t number)
{
	uint32_t *words = memory;
	for (size_t i = 0; i < size / sizeof(*words); i += STRIDE)
		words[i] = word_for(&words[i], number);
}

bool is_marked(const void *memory, size_t size, uint32_t number)
{
	const uint32_t *words = memory;
	for (size_t i = 0; i < size / sizeof(*words); i += STRIDE)
		if (words[i] != word_for(&words[i], number))
			return false;
	return true;
}
