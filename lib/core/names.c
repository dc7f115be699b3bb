/* SPDX-License-Identifier: MIT */

#include "core/names.h"

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
