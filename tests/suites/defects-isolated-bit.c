/* SPDX-License-Identifier: MIT */

#define balloon_strategy_isolated_bit defects_isolated_bit
#include "../../strategies/isolated-bit.c"

#include "defects.h"

static void set_foreign_owner(void *d)
{
	((struct descriptor *)d)->membership.value = N_DEVICES + 1;
}

static void set_isolated_alone(void *d)
{
	((struct descriptor *)d)->membership.value = ISOLATED;
}

static void set_isolated(void *d)
{
	((struct descriptor *)d)->membership.value |= ISOLATED;
}

static const struct defect defects[] = {
	{BALLOON_PAGE_LISTED, set_foreign_owner, "I2: the owner is none of the map's devices"},
	{BALLOON_PAGE_OWNED, set_isolated_alone, "I2: a page is isolated and has no device"},
	{BALLOON_PAGE_LISTED, set_isolated, "I1: linked and listed differ"},
	{BALLOON_PAGE_LISTED, unlink_alone, "I1: linked and listed differ"},
	{BALLOON_PAGE_ISOLATED, link_to_itself, "I1: linked and listed differ"},
	{BALLOON_PAGE_LISTED, link_to_itself, "I1: a page's neighbours do not point back at it"},
};

Test(defects, of_isolated_bit_are_found)
{
	CHECK_DEFECTS(defects_isolated_bit, defects);
}
