/* SPDX-License-Identifier: MIT */

#define balloon_strategy_mapcount defects_mapcount
#include "../../strategies/mapcount.c"

#include "defects-page.h"
#include "defects.h"

static void set_free_mark(void *d)
{
	((struct descriptor *)d)->mapcount.value = (uint32_t)-128;
}

static void set_private(void *d)
{
	((struct descriptor *)d)->flags.value |= PRIVATE;
}

static void set_foreign_device(void *d)
{
	((struct descriptor *)d)->device = N_DEVICES + 1;
}

static void clear_device(void *d)
{
	((struct descriptor *)d)->device = BALLOON_OWNER_NONE;
}

static const struct defect defects[] = {
	{BALLOON_PAGE_OWNED, set_free_mark,
		"I1: the map count is neither a page's without users nor a ballooned page's"},
	{BALLOON_PAGE_OWNED, set_locked, "I8: a page is locked and nothing is under way"},
	{BALLOON_PAGE_OWNED, set_private, "I1: a page is on a list without the mark"},
	{BALLOON_PAGE_LISTED, set_foreign_device, "I2: the owner is none of the map's devices"},
	{BALLOON_PAGE_ISOLATED, clear_device,
		"I2: a page has a device exactly while it is listed or isolated"},
	{BALLOON_PAGE_OWNED, raise_references, "I8: the reference count does not fit the state"},
	{BALLOON_PAGE_LISTED, raise_references, "I8: the reference count does not fit the state"},
	{BALLOON_PAGE_ISOLATED, raise_references, "I8: the reference count does not fit the state"},
	{BALLOON_PAGE_LISTED, unlink_alone, "I1: linked and listed differ"},
	{BALLOON_PAGE_ISOLATED, link_to_itself, "I1: linked and listed differ"},
	{BALLOON_PAGE_LISTED, link_to_itself, "I1: a page's neighbours do not point back at it"},
};

Test(defects, of_mapcount_are_found)
{
	CHECK_DEFECTS(defects_mapcount, defects);
}
