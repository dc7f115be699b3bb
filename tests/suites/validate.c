/* SPDX-License-Identifier: MIT */
/* The validity check's own findings: in counts, in lists, and between pages and devices. */

#include <balloon/list.h>

#include "suite.h"

#include <string.h>

static void check_finding(struct balloon_memmap *map, const char *what)
{
	struct balloon_finding finding = {"nothing", {0}, NULL};
	int result = balloon_memmap_validate(map, &finding);
	cr_assert(result == -EUCLEAN && strcmp(finding.what, what) == 0,
		"%s: found \"%s\" instead of \"%s\"", strategy_under_test, finding.what, what);
	CHECK_EQ(balloon_memmap_validate(map, NULL), -EUCLEAN);
}

/* Pages 0 to 2 listed, 3 isolated. */
static void open_mixed(struct fixture *f, const struct balloon_strategy *strategy)
{
	fixture_open(f, strategy);
	for (uint32_t i = 0; i < 4; i++)
		put_into(f, i, i < 3 ? BALLOON_PAGE_LISTED : BALLOON_PAGE_ISOLATED);
}

/* A design may keep counts in parts of its own. */
static bool has_counts(struct balloon_device *device)
{
	struct balloon_device_stats stats;
	CHECK_EQ(balloon_device_stats(device, &stats), 0);
	return device->stats.n_inserted == stats.n_inserted;
}

CLAIM(validate, books_that_do_not_fit_are_found)
{
	struct fixture f;
	open_mixed(&f, strategy);
	struct balloon_device_stats *stats = &f.devices[0]->stats;
	const struct {
		uint64_t *count;
		const char *what;
	} counts[] = {
		{&stats->n_listed, "I7: the listed count is not the number of listed pages"},
		{&stats->n_isolated, "I3: the isolated count is not the number of isolated pages"},
		{&stats->n_inserted, "I7: what came in less what went out is not what is there"},
		{&stats->n_dequeued, "I7: what came in less what went out is not what is there"},
		{&stats->n_finalized, "I7: what came in less what went out is not what is there"},
		{&stats->n_isolates, "I7: isolations less their ends are not what is isolated"},
		{&stats->n_putbacks, "I7: isolations less their ends are not what is isolated"},
		{&stats->n_migrated, "I7: isolations less their ends are not what is isolated"},
	};
	for (size_t i = 0; has_counts(f.devices[0]) && i < sizeof(counts) / sizeof(counts[0]);
		i++) {
		++*counts[i].count;
		check_finding(f.map, counts[i].what);
		--*counts[i].count;
	}
	f.map->n_open++;
	check_finding(f.map, "the map's count of devices is wrong");
	f.map->n_open--;
	fixture_close(&f);
}

/* A closed device with pages: they belong to nobody. */
CLAIM(validate, pages_of_a_destroyed_device_are_found)
{
	struct fixture f;
	open_mixed(&f, strategy);
	balloon_atomic_store(&f.devices[0]->open, 0, BALLOON_RELAXED);
	check_finding(f.map, "I2: a page belongs to a device that was destroyed");
	balloon_atomic_store(&f.devices[0]->open, 1, BALLOON_RELAXED);
	fixture_close(&f);
}

CLAIM(validate, links_that_do_not_fit_are_found)
{
	static const struct balloon_link unlinked = {BALLOON_LINK_UNLINKED, BALLOON_LINK_UNLINKED};
	struct fixture f;
	if (!strategy->list_next)
		return;
	open_mixed(&f, strategy);
	struct balloon_link *last =
		balloon_page_link(&f.map->descriptors, 0); /* the list is 2, 1, 0 */
	struct balloon_link *owned = balloon_page_link(&f.map->descriptors, 9);
	struct balloon_link saved = *last;
	*last = unlinked;
	check_finding(f.map, "I1: linked and listed differ");
	*last = (struct balloon_link){BALLOON_LINK_END, 2}; /* passes over page 1 */
	check_finding(f.map, "I1: a page's neighbours do not point back at it");
	*last = saved;
	*owned = (struct balloon_link){BALLOON_LINK_END, BALLOON_LINK_END};
	check_finding(f.map, "I1: linked and listed differ");
	*owned = unlinked;
	fixture_close(&f);
}

/* ---- A strategy that tells lies ------------------------------------------------------------- */

/* What list_next() and inspect() of the table below answer of page 1, or at the end of the list. */
static enum lie { NONE, ENDS, LEADS_OUT, LEADS_ASTRAY, GOES_ON, NO_DEVICE, DEFECT } lie;

static uint32_t lying_list_next(struct balloon_device *device, uint32_t page)
{
	uint32_t next = balloon_strategy_at(0)->list_next(device, page);
	if (page == 1 && lie == ENDS)
		return BALLOON_LINK_END;
	if (page == 1 && lie == LEADS_OUT)
		return device->map->descriptors.n_pages;
	if (page == 1 && lie == LEADS_ASTRAY)
		return 3; /* isolated */
	if (next == BALLOON_LINK_END && lie == GOES_ON)
		return 0;
	return next;
}

static struct balloon_page_info lying_inspect(struct balloon_memmap *map, struct balloon_page page)
{
	struct balloon_page_info info = balloon_strategy_at(0)->inspect(map, page);
	if (page.index == 1 && lie == NO_DEVICE)
		info.device = NULL;
	if (page.index == 1 && lie == DEFECT)
		info.defect = "a defect";
	return info;
}

Test(validate, what_a_strategy_says_is_held_against_the_rest)
{
	static const struct {
		enum lie lie;
		const char *what;
	} lies[] = {
		{ENDS, "I1: a listed page is not on the list"},
		{LEADS_OUT, "I1: a list leads out of the map"},
		{LEADS_ASTRAY, "I1: a page on a list is not a listed page of its device"},
		{GOES_ON, "I1: a list holds more pages than are listed"},
		{NO_DEVICE, "I2: a page has a device exactly while it is listed or isolated"},
		{DEFECT, "a defect"},
	};
	struct balloon_strategy liar = *balloon_strategy_at(0);
	struct fixture f;
	liar.list_next = lying_list_next;
	liar.inspect = lying_inspect;
	open_mixed(&f, &liar);
	check_valid(f.map);
	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		lie = lies[i].lie;
		check_finding(f.map, lies[i].what);
	}
	lie = NONE;
	fixture_close(&f);
}

Test(validate, a_finding_names_page_and_device)
{
	struct balloon_finding finding;
	struct balloon_strategy liar = *balloon_strategy_at(0);
	struct fixture f;
	liar.inspect = lying_inspect;
	open_mixed(&f, &liar);
	lie = DEFECT;
	CHECK_EQ(balloon_memmap_validate(f.map, &finding), -EUCLEAN);
	CHECK_EQ(finding.page.index, 1);
	CHECK(finding.device == f.devices[0]);
	lie = NONE;
	f.devices[1]->stats.n_listed++;
	CHECK_EQ(balloon_memmap_validate(f.map, &finding), -EUCLEAN);
	CHECK_EQ(finding.page.index, UINT32_MAX);
	CHECK(finding.device == f.devices[1]);
	f.devices[1]->stats.n_listed--;
	fixture_close(&f);
}
