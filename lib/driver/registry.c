/* SPDX-License-Identifier: MIT */
/* The built-in driver designs, by name and by number. */

#include "driver/driver.h"

const struct balloon_driver_design *balloon_driver_design_at(size_t index)
{
	for (size_t i = 0; balloon_builtin_driver_designs[i]; i++)
		if (i == index)
			return balloon_builtin_driver_designs[i];
	return NULL;
}

const struct balloon_driver_design *balloon_driver_design_find(const char *name)
{
	for (size_t i = 0; name && balloon_builtin_driver_designs[i]; i++)
		if (balloon_name_is_same(balloon_builtin_driver_designs[i]->name, name))
			return balloon_builtin_driver_designs[i];
	return NULL;
}

int balloon_driver_design_describe(
	const struct balloon_driver_design *design, struct balloon_driver_design_info *info)
{
	if (!design || !info)
		return -EINVAL;
	info->name = design->name;
	info->era = design->era;
	info->relief = design->relief;
	return 0;
}
