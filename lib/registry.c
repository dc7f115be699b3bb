/* SPDX-License-Identifier: MIT */
/* The built-in strategies, by name and by number. */

#include <balloon/strategy.h>

#include "internal.h"

bool balloon_name_is_sane(const char *name)
{
	if (!name || !*name)
		return false;
	for (; *name; name++)
		if (!(*name >= 'a' && *name <= 'z') && !(*name >= '0' && *name <= '9') &&
			*name != '-' && *name != '@' && *name != '.')
			return false;
	return true;
}

bool balloon_name_is_same(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	return *a == *b;
}

const struct balloon_strategy *balloon_strategy_at(size_t index)
{
	for (size_t i = 0; balloon_builtin_strategies[i]; i++)
		if (i == index)
			return balloon_builtin_strategies[i];
	return NULL;
}

const struct balloon_strategy *balloon_strategy_find(const char *name)
{
	for (size_t i = 0; name && balloon_builtin_strategies[i]; i++)
		if (balloon_name_is_same(balloon_builtin_strategies[i]->name, name))
			return balloon_builtin_strategies[i];
	return NULL;
}

int balloon_strategy_describe(
	const struct balloon_strategy *strategy, struct balloon_strategy_info *info)
{
	if (!strategy || !info)
		return -EINVAL;
	info->name = strategy->name;
	info->era = strategy->era;
	info->descriptor_bytes = strategy->descriptor_bytes;
	info->descriptor_align = strategy->descriptor_align;
	return 0;
}
