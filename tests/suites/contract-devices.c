/* SPDX-License-Identifier: MIT */
/* The life of devices, and devices beside each other. */

#include "suite.h"

CLAIM(contract, a_device_knows_its_map_and_its_context)
{
	int context;
	struct balloon_device *device;
	struct fixture f;
	fixture_open(&f, strategy);
	CHECK_EQ(balloon_device_create(f.map, &context, &device), 0);
	CHECK(balloon_device_context(device) == &context);
	CHECK(balloon_device_memmap(device) == f.map);
	CHECK_EQ(balloon_device_destroy(f.map, device), 0);
	fixture_close(&f);
}

CLAIM(contract, a_map_has_as_many_devices_as_slots)
{
	struct balloon_device *last;
	struct balloon_device *none = NULL;
	struct fixture f;
	fixture_open(&f, strategy);
	CHECK_EQ(balloon_device_create(f.map, NULL, &last), 0);
	CHECK_EQ(balloon_device_create(f.map, NULL, &none), -ENOSPC);
	CHECK(none == NULL);
	CHECK_EQ(balloon_device_destroy(f.map, last), 0);
	CHECK_EQ(balloon_device_create(f.map, NULL, &last), 0);
	CHECK_EQ(balloon_device_destroy(f.map, last), 0);
	fixture_close(&f);
}

CLAIM(contract, what_is_in_use_is_not_destroyed)
{
	struct fixture f;
	fixture_open(&f, strategy);
	put_into(&f, 1, BALLOON_PAGE_LISTED);
	CHECK_EQ(balloon_device_destroy(f.map, f.devices[0]), -EBUSY);
	CHECK_EQ(balloon_page_isolate(f.map, balloon_page(1)), 0);
	CHECK_EQ(balloon_device_destroy(f.map, f.devices[0]), -EBUSY);
	CHECK_EQ(balloon_memmap_destroy(f.map), -EBUSY);
	CHECK_EQ(
		balloon_page_putback(f.map, balloon_page(1)), 0); /* as if nothing had been tried */
	fixture_close(&f);
}

static void use_once(struct fixture *f, struct balloon_device *device)
{
	struct balloon_page got;
	CHECK_EQ(balloon_page_insert(device, balloon_page(7)), 0);
	CHECK_EQ(balloon_page_isolate(f->map, balloon_page(7)), 0);
	CHECK_EQ(balloon_page_putback(f->map, balloon_page(7)), 0);
	CHECK_EQ(balloon_page_dequeue(device, &got), 1);
	CHECK_EQ(got.index, 7);
	CHECK_EQ(stats_of(device).n_inserted, 1);
	CHECK_EQ(stats_of(device).n_isolates, 1);
}

CLAIM(contract, a_slot_used_again_starts_with_clean_books)
{
	struct balloon_device *device;
	struct balloon_device *same;
	struct fixture f;
	fixture_open(&f, strategy);
	CHECK_EQ(balloon_device_create(f.map, NULL, &device), 0);
	use_once(&f, device);
	CHECK_EQ(balloon_device_destroy(f.map, device), 0);
	CHECK_EQ(balloon_device_create(f.map, NULL, &same), 0);
	CHECK(same == device);
	CHECK_EQ(stats_of(same).n_inserted, 0);
	use_once(&f, same);
	CHECK_EQ(balloon_device_destroy(f.map, same), 0);
	CHECK_EQ(map_stats_of(f.map).devices.n_inserted, 2); /* the map remembers both */
	CHECK_EQ(map_stats_of(f.map).devices.n_putbacks, 2);
	fixture_close(&f);
}

/* An insert that saw the device open and was overtaken by its end: the core lets it through. */
CLAIM(contract, a_closed_device_takes_no_page_in)
{
	const struct balloon_page page = balloon_page(0);
	struct balloon_device *device;
	struct fixture f;
	fixture_open(&f, strategy);
	CHECK_EQ(balloon_device_create(f.map, NULL, &device), 0);
	CHECK_EQ(balloon_device_destroy(f.map, device), 0);
	CHECK_EQ(strategy->insert(device, &page, 1), -ENODEV);
	CHECK_EQ(state_of(&f, 0), BALLOON_PAGE_OWNED);
	fixture_close(&f);
}

CLAIM(contract, devices_of_a_map_keep_apart)
{
	const struct balloon_page isolated[] = {{0}, {1}};
	struct balloon_page got[N_PAGES];
	struct fixture f;
	fixture_open(&f, strategy);
	for (uint32_t i = 0; i < 8; i++)
		CHECK_EQ(balloon_page_insert(f.devices[i % 2], balloon_page(i)), 0);
	CHECK_EQ(balloon_pages_isolate(f.map, isolated, 2), 2);
	CHECK(balloon_page_device(f.map, isolated[0]) == f.devices[0]);
	CHECK(balloon_page_device(f.map, isolated[1]) == f.devices[1]);
	CHECK_EQ(balloon_pages_dequeue(f.devices[1], got, N_PAGES), 3);
	check_pages(strategy, got, (const uint32_t[]){7, 5, 3}, 3);
	CHECK_EQ(balloon_pages_dequeue(f.devices[1], got, N_PAGES), -EAGAIN);
	CHECK_EQ(balloon_pages_putback(f.map, isolated, 2), 2);
	CHECK_EQ(stats_of(f.devices[0]).n_listed, 4);
	CHECK_EQ(stats_of(f.devices[1]).n_listed, 1);
	CHECK_EQ(balloon_page_dequeue(f.devices[1], got), 1);
	CHECK_EQ(got[0].index, 1);
	fixture_close(&f);
}
