/* SPDX-License-Identifier: MIT */

#define balloon_strategy_movable defects_movable
#include "../../strategies/movable.c"

#include "defects-page.h"
#include "defects.h"

static void set_foreign_owner(void *d)
{
	((struct descriptor *)d)->private = N_DEVICES + 1;
}

static void set_isolated(void *d)
{
	((struct descriptor *)d)->flags.value |= ISOLATED;
}

static void clear_type(void *d)
{
	((struct descriptor *)d)->type.value = TYPE_NONE;
}

static const struct defect defects[] = {
	{BALLOON_PAGE_LISTED, set_foreign_owner, "I2: the owner is none of the map's devices"},
	{BALLOON_PAGE_OWNED, set_locked, "I8: a page is locked and nothing is under way"},
	{BALLOON_PAGE_OWNED, set_isolated, "I2: a page is isolated and has no device"},
	{BALLOON_PAGE_LISTED, clear_type, "I1: a ballooned page lacks its type"},
	{BALLOON_PAGE_OWNED, raise_references, "I8: the reference count does not fit the state"},
	{BALLOON_PAGE_LISTED, raise_references, "I8: the reference count does not fit the state"},
	{BALLOON_PAGE_ISOLATED, raise_references, "I8: the reference count does not fit the state"},
	{BALLOON_PAGE_LISTED, unlink_alone, "I1: linked and listed differ"},
	{BALLOON_PAGE_ISOLATED, link_to_itself, "I1: linked and listed differ"},
	{BALLOON_PAGE_LISTED, link_to_itself, "I1: a page's neighbours do not point back at it"},
};

Test(defects, of_movable_are_found)
{
	CHECK_DEFECTS(defects_movable, defects);
}
