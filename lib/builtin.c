/* SPDX-License-Identifier: MIT */
/* What is built in: the version, strategies and driver designs, by name and by number. The tables are made by the build. */

#include <balloon/driver-design.h>
#include <balloon/strategy.h>

#include "builtin.h"
#include "core/names.h"

const char *balloon_version(void)
{
	return BALLOON_VERSION;
}

/* By number and by name, in a table that ends in NULL. */
#define DEFINE_REGISTRY(type, plural)                                                              \
	const struct balloon_##type *balloon_##type##_at(size_t index)                             \
	{                                                                                          \
		for (size_t i = 0; balloon_builtin_##plural[i]; i++)                               \
			if (i == index)                                                            \
				return balloon_builtin_##plural[i];                                \
		return NULL;                                                                       \
	}                                                                                          \
                                                                                                   \
	const struct balloon_##type *balloon_##type##_find(const char *name)                       \
	{                                                                                          \
		for (size_t i = 0; name && balloon_builtin_##plural[i]; i++)                       \
			if (balloon_name_is_same(balloon_builtin_##plural[i]->name, name))         \
				return balloon_builtin_##plural[i];                                \
		return NULL;                                                                       \
	}

DEFINE_REGISTRY(strategy, strategies)
DEFINE_REGISTRY(driver_design, driver_designs)

int balloon_strategy_describe(
	const struct balloon_strategy *strategy, struct balloon_strategy_info *info)
{
	if (!strategy || !info)
		return -EINVAL;
	info->name = strategy->name;
	info->era = strategy->era;
	info->descriptor_bytes = strategy->descriptor_bytes;
	info->descriptor_align = strategy->descriptor_align;
	info->order = strategy->order;
	return 0;
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
