/* SPDX-License-Identifier: MIT */

#define balloon_strategy_page_lock defects_page_lock
#include "../../strategies/page-lock.c"

#include "defects-page.h"
#include "defects.h"

static void set_no_state(void *d)
{
	((struct descriptor *)d)->state = BALLOON_PAGE_ISOLATED + 1;
}

static void set_foreign_mapping(void *d)
{
	((struct descriptor *)d)->mapping.value++;
}

static void clear_mapping(void *d)
{
	((struct descriptor *)d)->mapping.value = 0;
}

static const struct defect defects[] = {
	{BALLOON_PAGE_OWNED, set_no_state, "I1: the state field holds no state"},
	{BALLOON_PAGE_OWNED, set_locked, "I8: a page is locked and nothing is under way"},
	{BALLOON_PAGE_OWNED, set_foreign_mapping,
		"I2: mapping is none of the map's mapping objects"},
	{BALLOON_PAGE_LISTED, set_foreign_mapping,
		"I2: mapping is none of the map's mapping objects"},
	{BALLOON_PAGE_LISTED, clear_mapping,
		"I2: a page has a device exactly while it is listed or isolated"},
	{BALLOON_PAGE_OWNED, raise_references, "I8: the reference count does not fit the state"},
	{BALLOON_PAGE_LISTED, raise_references, "I8: the reference count does not fit the state"},
	{BALLOON_PAGE_ISOLATED, raise_references, "I8: the reference count does not fit the state"},
	{BALLOON_PAGE_LISTED, unlink_alone, "I1: linked and listed differ"},
	{BALLOON_PAGE_ISOLATED, link_to_itself, "I1: linked and listed differ"},
	{BALLOON_PAGE_LISTED, link_to_itself, "I1: a page's neighbours do not point back at it"},
};

Test(defects, of_page_lock_are_found)
{
	CHECK_DEFECTS(defects_page_lock, defects);
}
