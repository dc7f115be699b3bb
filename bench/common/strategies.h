/* SPDX-License-Identifier: MIT */
/* The value of an option --strategy: built-in strategies by name. */
#ifndef COMMON_STRATEGIES_H
#define COMMON_STRATEGIES_H

#include <stddef.h>

#include <balloon/balloon.h>

enum { STRATEGIES_MAX = 64 };

struct strategies {
	const struct balloon_strategy *at[STRATEGIES_MAX];
	size_t n;
};

/** All that are built in. */
void strategies_all(struct strategies *strategies);

/**
 * list: names joined by commas, or "all"; it is cut into pieces. Returns 0, or the exit status after
 * a wrong usage.
 */
int strategies_parse(struct strategies *strategies, char *list);

/** As long as the strategy lives. */
const char *strategy_name(const struct balloon_strategy *strategy);

#endif
