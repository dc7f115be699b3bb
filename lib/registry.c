/* SPDX-License-Identifier: MIT */
/* The built-in strategies, by name and by number. */

#include <balloon/strategy.h>

#include "internal.h"

static bool same_string(const char *a, const char *b)
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
		if (same_string(balloon_builtin_strategies[i]->name, name))
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
