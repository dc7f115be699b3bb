/* SPDX-License-Identifier: MIT */
/* Calls that no caller should make: refused, with the documented error, and nothing changes. */

#include "operations.h"

/* Does the map look as before? Then it is one picture for the next refusal, too. */
static void check_unchanged(struct fixture *f, const struct picture *before)
{
	struct picture after = take_picture(f);
	CHECK(same_picture(before, &after));
}

/* A page in each state: 0 OWNED, 1 LISTED, 2 ISOLATED; one of the second device, 3 ISOLATED. */
static struct picture open_mixed(struct fixture *f, const struct balloon_strategy *strategy)
{
	fixture_open(f, strategy);
	put_into(f, 1, BALLOON_PAGE_LISTED);
	put_into(f, 2, BALLOON_PAGE_ISOLATED);
	CHECK_EQ(balloon_page_insert(f->devices[1], balloon_page(3)), 0);
	CHECK_EQ(balloon_page_isolate(f->map, balloon_page(3)), 0);
	return take_picture(f);
}

CLAIM(contract, null_pointers_are_refused)
{
	struct balloon_page page = balloon_page(0);
	struct balloon_device_stats device_stats;
	struct balloon_memmap_stats map_stats;
	struct balloon_device *device;
	struct fixture f;
	struct picture before = open_mixed(&f, strategy);
	struct balloon_device *d = f.devices[0];
	CHECK_EQ(balloon_pages_insert(NULL, &page, 1), -EINVAL);
	CHECK_EQ(balloon_pages_insert(d, NULL, 1), -EINVAL);
	CHECK_EQ(balloon_pages_dequeue(NULL, &page, 1), -EINVAL);
	CHECK_EQ(balloon_pages_dequeue(d, NULL, 1), -EINVAL);
	CHECK_EQ(balloon_pages_isolate(NULL, &page, 1), -EINVAL);
	CHECK_EQ(balloon_pages_isolate(f.map, NULL, 1), -EINVAL);
	CHECK_EQ(balloon_pages_putback(NULL, &page, 1), -EINVAL);
	CHECK_EQ(balloon_pages_putback(f.map, NULL, 1), -EINVAL);
	CHECK_EQ(balloon_pages_migrate(NULL, &page, &page, 1), -EINVAL);
	CHECK_EQ(balloon_pages_migrate(d, NULL, &page, 1), -EINVAL);
	CHECK_EQ(balloon_pages_migrate(d, &page, NULL, 1), -EINVAL);
	CHECK_EQ(balloon_pages_finalize(NULL, &page, 1), -EINVAL);
	CHECK_EQ(balloon_pages_finalize(d, NULL, 1), -EINVAL);
	CHECK_EQ(balloon_device_create(NULL, NULL, &device), -EINVAL);
	CHECK_EQ(balloon_device_create(f.map, NULL, NULL), -EINVAL);
	CHECK_EQ(balloon_device_destroy(NULL, d), -EINVAL);
	CHECK_EQ(balloon_device_destroy(f.map, NULL), -EINVAL);
	CHECK_EQ(balloon_device_stats(NULL, &device_stats), -EINVAL);
	CHECK_EQ(balloon_device_stats(d, NULL), -EINVAL);
	CHECK_EQ(balloon_memmap_stats(NULL, &map_stats), -EINVAL);
	CHECK_EQ(balloon_memmap_stats(f.map, NULL), -EINVAL);
	CHECK_EQ(balloon_memmap_validate(NULL, NULL), -EINVAL);
	CHECK(balloon_device_context(NULL) == NULL);
	CHECK(balloon_device_memmap(NULL) == NULL);
	check_unchanged(&f, &before);
	fixture_close(&f);
}

static void check_count(struct fixture *f, size_t n_pages, int expected)
{
	struct balloon_page page = balloon_page(0);
	struct balloon_page other = balloon_page(1);
	struct balloon_device *d = f->devices[0];
	CHECK_EQ(balloon_pages_insert(d, &page, n_pages), expected);
	CHECK_EQ(balloon_pages_dequeue(d, &page, n_pages), expected);
	CHECK_EQ(balloon_pages_isolate(f->map, &page, n_pages), expected);
	CHECK_EQ(balloon_pages_putback(f->map, &page, n_pages), expected);
	CHECK_EQ(balloon_pages_migrate(d, &page, &other, n_pages), expected);
	CHECK_EQ(balloon_pages_finalize(d, &page, n_pages), expected);
}

CLAIM(contract, counts_of_zero_and_beyond_the_maximum_are_refused)
{
	struct fixture f;
	struct picture before = open_mixed(&f, strategy);
	check_count(&f, 0, -EINVAL);
	check_count(&f, (size_t)BALLOON_BATCH_MAX + 1, -E2BIG);
	check_count(&f, SIZE_MAX, -E2BIG);
	check_unchanged(&f, &before);
	fixture_close(&f);
}

/* Whoever wants all pages need not know how many there are. */
CLAIM(contract, the_maximum_is_no_count_beyond_it)
{
	struct balloon_page pages[N_PAGES] = {{0}, {1}, {2}};
	struct fixture f;
	fixture_open(&f, strategy);
	CHECK_EQ(balloon_pages_insert(f.devices[0], pages, 3), 3);
	CHECK_EQ(balloon_pages_dequeue(f.devices[0], pages, BALLOON_BATCH_MAX), 3);
	fixture_close(&f);
}

CLAIM(contract, a_page_in_a_balloon_is_not_inserted_anywhere)
{
	struct fixture f;
	struct picture before = open_mixed(&f, strategy);
	for (uint32_t index = 1; index <= 3; index++)
		for (int i = 0; i < N_OPEN; i++)
			CHECK_EQ(balloon_page_insert(f.devices[i], balloon_page(index)), -EEXIST);
	check_unchanged(&f, &before);
	fixture_close(&f);
}

CLAIM(contract, an_isolated_page_leaves_only_through_its_device)
{
	struct fixture f;
	struct picture before = open_mixed(&f, strategy);
	CHECK_EQ(balloon_page_finalize(f.devices[1], balloon_page(2)), -EXDEV);
	CHECK_EQ(balloon_page_finalize(f.devices[0], balloon_page(3)), -EXDEV);
	CHECK_EQ(balloon_page_migrate(f.devices[1], balloon_page(0), balloon_page(2)), -EXDEV);
	CHECK_EQ(balloon_page_migrate(f.devices[0], balloon_page(0), balloon_page(3)), -EXDEV);
	check_unchanged(&f, &before);
	fixture_close(&f);
}

CLAIM(contract, pairs_that_cannot_be_are_refused)
{
	const struct balloon_page new_pages[] = {{4}, {2}};
	const struct balloon_page old_pages[] = {{2}, {2}};
	struct fixture f;
	struct picture before = open_mixed(&f, strategy);
	struct balloon_device *d = f.devices[0];
	for (uint32_t index = 0; index <= 3; index++)
		CHECK_EQ(
			balloon_page_migrate(d, balloon_page(index), balloon_page(index)), -EINVAL);
	CHECK_EQ(balloon_page_migrate(d, balloon_page(N_PAGES), balloon_page(2)), -ERANGE);
	CHECK_EQ(balloon_page_migrate(d, balloon_page(0), balloon_page(N_PAGES)), -ERANGE);
	CHECK_EQ(balloon_page_migrate(d, balloon_page(N_PAGES), balloon_page(N_PAGES)), -ERANGE);
	check_unchanged(&f, &before);
	CHECK_EQ(balloon_pages_migrate(d, new_pages, old_pages, 2), 1);
	fixture_close(&f);
}

static void refuse_destroyed(struct fixture *f, struct balloon_device *destroyed)
{
	struct balloon_page page = balloon_page(0);
	struct balloon_device_stats stats;
	CHECK_EQ(balloon_pages_insert(destroyed, &page, 1), -ENODEV);
	CHECK_EQ(balloon_pages_dequeue(destroyed, &page, 1), -ENODEV);
	CHECK_EQ(balloon_page_migrate(destroyed, page, balloon_page(2)), -ENODEV);
	CHECK_EQ(balloon_page_finalize(destroyed, balloon_page(2)), -ENODEV);
	CHECK_EQ(balloon_device_stats(destroyed, &stats), -ENODEV);
	CHECK_EQ(balloon_device_destroy(f->map, destroyed), -ENODEV);
}

CLAIM(contract, a_destroyed_device_is_refused)
{
	struct balloon_device *device;
	struct fixture f;
	struct picture before = open_mixed(&f, strategy);
	CHECK_EQ(balloon_device_create(f.map, NULL, &device), 0);
	CHECK_EQ(balloon_device_destroy(f.map, device), 0);
	refuse_destroyed(&f, device);
	check_unchanged(&f, &before);
	fixture_close(&f);
}

/* Pages are numbers: on another map they are other pages. */
CLAIM(contract, two_maps_have_nothing_to_do_with_each_other)
{
	struct fixture a;
	struct fixture b;
	struct picture before_a = open_mixed(&a, strategy);
	fixture_open(&b, strategy);
	struct picture before_b = take_picture(&b);
	CHECK_EQ(balloon_device_destroy(a.map, b.devices[0]), -EXDEV);
	CHECK_EQ(balloon_page_finalize(b.devices[0], balloon_page(2)), -ESTALE);
	CHECK_EQ(balloon_page_migrate(b.devices[0], balloon_page(0), balloon_page(2)), -ESTALE);
	CHECK_EQ(balloon_page_putback(b.map, balloon_page(2)), -ESTALE);
	CHECK_EQ(balloon_page_isolate(b.map, balloon_page(1)), -ESTALE);
	CHECK(!balloon_page_is_candidate(b.map, balloon_page(1)));
	check_unchanged(&b, &before_b);
	put_into(&b, 2, BALLOON_PAGE_LISTED);
	check_unchanged(&a, &before_a);
	fixture_close(&b);
	fixture_close(&a);
}

CLAIM(contract, errno_is_left_alone)
{
	struct fixture f;
	errno = ENOTTY;
	open_mixed(&f, strategy);
	CHECK_EQ(balloon_page_putback(f.map, balloon_page(0)), -ESTALE);
	CHECK_EQ(balloon_device_destroy(f.map, f.devices[0]), -EBUSY);
	CHECK_EQ(errno, ENOTTY);
	fixture_close(&f);
}
