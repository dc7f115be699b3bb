/* SPDX-License-Identifier: MIT */

#define _POSIX_C_SOURCE 200809L /* pthread_barrier_t */

#include "suite.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <balloon/list.h>

const char *strategy_under_test = "-";

void hold(const struct balloon_strategy *strategy, void (*claim)(const struct balloon_strategy *))
{
	strategy_under_test = strategy->name;
	claim(strategy);
	strategy_under_test = "-";
}

void fixture_open(struct fixture *f, const struct balloon_strategy *strategy)
{
	struct balloon_memmap_config config = {
		.strategy = strategy, .n_pages = N_PAGES, .n_devices = N_DEVICES};
	f->strategy = strategy;
	CHECK_EQ(balloon_memmap_create(&config, &f->map), 0);
	for (int i = 0; i < N_OPEN; i++)
		CHECK_EQ(balloon_device_create(f->map, NULL, &f->devices[i]), 0);
}

void check_valid(struct balloon_memmap *map)
{
	struct balloon_finding finding = {"", {0}, NULL};
	int result = balloon_memmap_validate(map, &finding);
	cr_assert(result == 0, "%s: invalid at page %u: %s", strategy_under_test,
		finding.page.index, finding.what);
}

/* By what the validity check sees, so that a page still leaves when is_candidate() is broken. */
static void end_membership(struct balloon_memmap *map, uint32_t index)
{
	struct balloon_page page = balloon_page(index);
	struct balloon_page_info info = balloon_memmap_strategy(map)->inspect(map, page);
	if (info.state == BALLOON_PAGE_LISTED)
		CHECK_EQ(balloon_page_isolate(map, page), 0);
	if (info.state != BALLOON_PAGE_OWNED)
		CHECK_EQ(balloon_page_finalize(info.device, page), 0);
}

void check_and_destroy(struct balloon_memmap *map)
{
	check_valid(map);
	for (uint32_t i = 0; i < map->descriptors.n_pages; i++)
		end_membership(map, i);
	for (uint32_t slot = 0; slot < map->n_devices; slot++) {
		struct balloon_device *device = balloon_memmap_slot(map, slot);
		if (balloon_device_is_open(device))
			CHECK_EQ(balloon_device_destroy(map, device), 0);
	}
	check_valid(map);
	CHECK_EQ(balloon_memmap_destroy(map), 0);
}

void fixture_close(struct fixture *f)
{
	check_and_destroy(f->map);
}

enum balloon_page_state state_of(const struct fixture *f, uint32_t index)
{
	return f->strategy->inspect(f->map, balloon_page(index)).state;
}

void put_into(struct fixture *f, uint32_t index, enum balloon_page_state state)
{
	struct balloon_page page = balloon_page(index);
	if (state != BALLOON_PAGE_OWNED)
		CHECK_EQ(balloon_page_insert(f->devices[0], page), 0);
	if (state == BALLOON_PAGE_ISOLATED)
		CHECK_EQ(balloon_page_isolate(f->map, page), 0);
	CHECK_EQ(state_of(f, index), state);
}

struct balloon_device_stats stats_of(struct balloon_device *device)
{
	struct balloon_device_stats stats;
	CHECK_EQ(balloon_device_stats(device, &stats), 0);
	return stats;
}

struct balloon_memmap_stats map_stats_of(struct balloon_memmap *map)
{
	struct balloon_memmap_stats stats;
	CHECK_EQ(balloon_memmap_stats(map, &stats), 0);
	return stats;
}

static uint32_t next_of(struct balloon_device *device, uint32_t index)
{
	const struct balloon_strategy *strategy = device->map->strategy;
	return strategy->list_next ? strategy->list_next(device, index) : BALLOON_LINK_END;
}

static int n_among(const struct balloon_page *pages, int n, uint32_t index)
{
	int n_found = 0;
	for (int i = 0; i < n; i++)
		n_found += pages[i].index == index;
	return n_found;
}

void check_pages(const struct balloon_strategy *strategy, const struct balloon_page *got,
	const uint32_t *expected, int n)
{
	for (int i = 0; i < n; i++)
		if (strategy->order == BALLOON_ORDER_LIFO)
			CHECK_EQ(got[i].index, expected[i]);
		else
			CHECK_EQ(n_among(got, n, expected[i]), 1);
}

struct picture take_picture(struct fixture *f)
{
	struct picture picture;
	for (uint32_t i = 0; i < N_PAGES; i++) {
		struct balloon_page_info info = f->strategy->inspect(f->map, balloon_page(i));
		CHECK(info.defect == NULL);
		picture.pages[i].state = info.state;
		picture.pages[i].device = info.device;
		picture.pages[i].next = info.state == BALLOON_PAGE_LISTED ? next_of(info.device, i)
									  : BALLOON_LINK_UNLINKED;
	}
	for (int i = 0; i < N_OPEN; i++) {
		picture.first[i] = next_of(f->devices[i], BALLOON_LINK_END);
		picture.devices[i] = stats_of(f->devices[i]);
	}
	picture.map = map_stats_of(f->map).devices;
	return picture;
}

bool same_picture(const struct picture *a, const struct picture *b)
{
	for (uint32_t i = 0; i < N_PAGES; i++)
		if (a->pages[i].state != b->pages[i].state ||
			a->pages[i].device != b->pages[i].device ||
			a->pages[i].next != b->pages[i].next)
			return false;
	/* Arrays, and structures of nothing but counts: no padding. */
	return memcmp(a->first, b->first, sizeof(a->first)) == 0 &&
	       memcmp(a->devices, b->devices, sizeof(a->devices)) == 0 &&
	       memcmp(&a->map, &b->map, sizeof(a->map)) == 0;
}
