/* SPDX-License-Identifier: MIT */
/* Mistakes are refused, and change nothing. */

#include "model.h"

#include <stdlib.h>

static void hold_free(struct model *m, uint32_t used)
{
	const struct balloon_page page = page_of(used);
	struct balloon_zone *zone = m->zone;
	CHECK_EQ(balloon_zone_free(NULL, page, 0), -EINVAL);
	CHECK_EQ(balloon_zone_free(zone, page, BALLOON_ZONE_ORDER_MAX + 1), -EINVAL);
	CHECK_EQ(balloon_zone_free(zone, page_of(used + 1), 1), -EINVAL);
	CHECK_EQ(balloon_zone_free(zone, page_of(0), 0), -ESTALE);
	CHECK_EQ(balloon_zone_free(zone, page, 8), -ESTALE);
	CHECK_EQ(balloon_zone_free(zone, page_of(m->n), 0), -ERANGE);
	CHECK_EQ(balloon_zone_free(zone, balloon_page(FIRST - 1), 0), -ERANGE);
	CHECK_EQ(balloon_zone_free(zone, page_of(4096), 3), -ERANGE);
	CHECK_EQ(balloon_zone_free_range(NULL, page, 1), -EINVAL);
	CHECK_EQ(balloon_zone_free_range(zone, page, 0), -EINVAL);
	CHECK_EQ(balloon_zone_free_range(zone, page, 129), -ESTALE);
	CHECK_EQ(balloon_zone_free_range(zone, page_of(used - 1), 129), -ESTALE);
	CHECK_EQ(balloon_zone_free_range(zone, page, m->n - used + 1), -ERANGE);
	CHECK_EQ(balloon_zone_free_range(zone, page, UINT32_MAX), -ERANGE);
	CHECK_EQ(balloon_zone_free_range(zone, balloon_page(UINT32_MAX), 2), -ERANGE);
}

static void hold_allocate(struct model *m)
{
	struct balloon_page page = {77};
	struct balloon_zone *zone = m->zone;
	CHECK_EQ(balloon_zone_allocate(NULL, 0, &page), -EINVAL);
	CHECK_EQ(balloon_zone_allocate(zone, 0, NULL), -EINVAL);
	CHECK_EQ(balloon_zone_allocate(zone, BALLOON_ZONE_ORDER_MAX + 1, &page), -EINVAL);
	CHECK_EQ(balloon_zone_allocate_range(NULL, 1, 1, &page), -EINVAL);
	CHECK_EQ(balloon_zone_allocate_range(zone, 1, 1, NULL), -EINVAL);
	CHECK_EQ(balloon_zone_allocate_range(zone, 0, 1, &page), -EINVAL);
	CHECK_EQ(balloon_zone_allocate_range(zone, 1, 0, &page), -EINVAL);
	CHECK_EQ(balloon_zone_allocate_range(zone, 1, 3, &page), -EINVAL);
	CHECK_EQ(page.index, 77);
	CHECK_EQ(balloon_zone_take_frames(NULL, page_of(0), 1), -EINVAL);
	CHECK_EQ(balloon_zone_take_frames(zone, page_of(0), 0), -EINVAL);
	CHECK_EQ(balloon_zone_take_frames(zone, page_of(0), m->n + 1), -ERANGE);
	CHECK_EQ(balloon_zone_take_frames(zone, balloon_page(FIRST - 1), 1), -ERANGE);
}

static void hold_several(struct model *m)
{
	struct balloon_page pages[2] = {{77}, {77}};
	const size_t too_many = (size_t)BALLOON_BATCH_MAX + 1;
	struct balloon_zone *zone = m->zone;
	CHECK_EQ(balloon_zone_allocate_blocks(NULL, 0, pages, 2), -EINVAL);
	CHECK_EQ(balloon_zone_allocate_blocks(zone, 0, NULL, 2), -EINVAL);
	CHECK_EQ(balloon_zone_allocate_blocks(zone, 0, pages, 0), -EINVAL);
	CHECK_EQ(balloon_zone_allocate_blocks(zone, 0, pages, too_many), -E2BIG);
	CHECK_EQ(balloon_zone_allocate_blocks(zone, BALLOON_ZONE_ORDER_MAX + 1, pages, 2), -EINVAL);
	CHECK_EQ(pages[0].index, 77);
	pages[0] = page_of(256);
	CHECK_EQ(balloon_zone_free_blocks(NULL, 0, pages, 1), -EINVAL);
	CHECK_EQ(balloon_zone_free_blocks(zone, 0, NULL, 1), -EINVAL);
	CHECK_EQ(balloon_zone_free_blocks(zone, 0, pages, 0), -EINVAL);
	CHECK_EQ(balloon_zone_free_blocks(zone, 0, pages, too_many), -E2BIG);
	CHECK_EQ(balloon_zone_free_blocks(zone, BALLOON_ZONE_ORDER_MAX + 1, pages, 1), -EINVAL);
}

static void hold_calls(void)
{
	struct model m;
	model_open(&m, 4096 + 5);
	CHECK_EQ(balloon_zone_take_frames(m.zone, page_of(256), 128), 0);
	model_take(&m, 256, 128);
	m.n_allocations++;
	hold_free(&m, 256);
	hold_allocate(&m);
	hold_several(&m);
	CHECK_EQ(balloon_zone_destroy(m.zone), -EBUSY);
	CHECK_EQ(balloon_zone_fini(NULL), -EINVAL);
	CHECK_EQ(balloon_zone_stats(m.zone, NULL), -EINVAL);
	CHECK_EQ(balloon_zone_stats(NULL, &(struct balloon_zone_stats){0}), -EINVAL);
	CHECK_EQ(balloon_zone_validate(NULL), -EINVAL);
	CHECK(balloon_zone_frames(NULL) == NULL);
	model_close(&m);
}

/* The op has nobody to tell, so it counts. */
static void hold_source(void)
{
	struct model m;
	struct balloon_zone_stats stats;
	const struct balloon_page pages[] = {page_of(3), page_of(3), balloon_page(FIRST - 1),
		page_of(200), page_of(4), page_of(100)};
	model_open(&m, 200);
	CHECK_EQ(balloon_zone_take_frames(m.zone, page_of(0), 5), 0);
	m.frames->ops->free(m.frames, pages, 6);
	CHECK_EQ(balloon_zone_stats(m.zone, &stats), 0);
	CHECK_EQ(stats.n_strays, 4);
	CHECK_EQ(stats.n_free, 197);
	/* In any order, too. */
	const struct balloon_page shuffled[] = {
		page_of(12), page_of(10), page_of(12), page_of(11), page_of(10)};
	CHECK_EQ(balloon_zone_take_frames(m.zone, page_of(10), 3), 0);
	m.frames->ops->free(m.frames, shuffled, 5);
	CHECK_EQ(balloon_zone_stats(m.zone, &stats), 0);
	CHECK_EQ(stats.n_strays, 6);
	CHECK_EQ(stats.n_free, 197);
	CHECK_EQ(balloon_zone_validate(m.zone), 0);
	CHECK_EQ(balloon_zone_free_range(m.zone, page_of(0), 3), 0);
	CHECK_EQ(balloon_zone_destroy(m.zone), 0);
	free(m.is_free);
}

static void hold_config(uint32_t first, uint32_t n_frames, uint64_t first_pfn, int expected)
{
	const struct balloon_zone_config config = {
		.first = first, .n_frames = n_frames, .first_pfn = first_pfn};
	size_t size_bytes;
	CHECK_EQ(balloon_zone_size(&config, &size_bytes), expected);
}

static void hold_memory(void)
{
	static _Alignas(BALLOON_MEMORY_ALIGN) unsigned char memory[1 << 14];
	const struct balloon_zone_config config = {.first = BALLOON_PAGES_MAX - 65, .n_frames = 65};
	struct balloon_zone *zone = NULL;
	struct balloon_page page;
	size_t size_bytes;
	hold_config(0, 0, 0, -EINVAL);
	hold_config(BALLOON_PAGES_MAX, 1, 0, -EINVAL);
	hold_config(BALLOON_PAGES_MAX - 1, 2, 0, -EINVAL);
	hold_config(0, BALLOON_PAGES_MAX, 0, 0);
	hold_config(0, BALLOON_PAGES_MAX, 5, -EINVAL);
	hold_config(0, BALLOON_PAGES_MAX - 5, 5, 0);
	hold_config(5, BALLOON_PAGES_MAX - 5, 0, 0);
	hold_config(BALLOON_PAGES_MAX - 1, 1, 0, 0);
	hold_config(UINT32_MAX, 1, 0, -EINVAL);
	hold_config(0, 1, UINT64_MAX, -EINVAL);
	hold_config(0, 1, UINT64_MAX - BALLOON_PAGES_MAX, 0); /* so that no page's number wraps */
	hold_config(0, 1, UINT64_MAX - BALLOON_PAGES_MAX + 1, -EINVAL);
	CHECK_EQ(balloon_zone_size(NULL, &size_bytes), -EINVAL);
	CHECK_EQ(balloon_zone_size(&config, NULL), -EINVAL);
	CHECK_EQ(balloon_zone_create(&config, NULL), -EINVAL);
	CHECK_EQ(balloon_zone_create(NULL, &zone), -EINVAL);
	CHECK_EQ(balloon_zone_size(&config, &size_bytes), 0);
	CHECK(size_bytes <= sizeof(memory));
	CHECK_EQ(balloon_zone_init(NULL, size_bytes, &config, &zone), -EINVAL);
	CHECK_EQ(balloon_zone_init(memory, size_bytes, &config, NULL), -EINVAL);
	CHECK_EQ(balloon_zone_init(memory, size_bytes, NULL, &zone), -EINVAL);
	CHECK_EQ(balloon_zone_init(memory, size_bytes - 1, &config, &zone), -EINVAL);
	CHECK_EQ(balloon_zone_init(memory + 8, size_bytes, &config, &zone), -EINVAL);
	memory[size_bytes] = 0xaa;
	CHECK_EQ(balloon_zone_init(memory, size_bytes, &config, &zone), 0);
	CHECK_EQ(balloon_zone_allocate_range(zone, 65, 1, &page), 0);
	CHECK_EQ(page.index, config.first);
	CHECK_EQ(balloon_zone_fini(zone), -EBUSY);
	CHECK_EQ(balloon_zone_free_range(zone, page, 65), 0);
	CHECK_EQ(balloon_zone_validate(zone), 0);
	CHECK_EQ(balloon_zone_fini(zone), 0);
	CHECK_EQ(memory[size_bytes], 0xaa);
}

Test(zone, mistakes_change_nothing)
{
	hold_calls();
	hold_source();
	hold_memory();
}
