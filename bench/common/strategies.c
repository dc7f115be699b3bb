/* SPDX-License-Identifier: MIT */
#include "common/strategies.h"

#include <string.h>

#include "common/command.h"
#include "common/values.h"

const char *strategy_name(const struct balloon_strategy *strategy)
{
	struct balloon_strategy_info info = {.name = "?"};
	balloon_strategy_describe(strategy, &info);
	return info.name;
}

void strategies_all(struct strategies *strategies)
{
	size_t n = 0;
	while (n < STRATEGIES_MAX && (strategies->at[n] = balloon_strategy_at(n)) != NULL)
		n++;
	strategies->n = n;
}

static int add(struct strategies *strategies, const char *name)
{
	const struct balloon_strategy *strategy = balloon_strategy_find(name);
	if (!strategy)
		return usage_error("unknown strategy '%s': see balloon-bench list", name);
	for (size_t i = 0; i < strategies->n; i++) {
		if (strategies->at[i] == strategy)
			return usage_error("strategy '%s' is named twice", name);
	}
	if (strategies->n == STRATEGIES_MAX)
		return usage_error("more than %d strategies", STRATEGIES_MAX);
	strategies->at[strategies->n++] = strategy;
	return 0;
}

int strategies_parse(struct strategies *strategies, char *list)
{
	int status = 0;
	strategies->n = 0;
	if (strcmp(list, "all") == 0) {
		strategies_all(strategies);
		return 0;
	}
	while (list && status == 0)
		status = add(strategies, list_cut(&list));
	return status;
}
