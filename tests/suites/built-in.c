/* SPDX-License-Identifier: MIT */
/* The strategies of the suites: all that are built in, and one that is not. */

#include "suite.h"

const struct balloon_strategy *outside_strategy(void)
{
	static struct balloon_strategy outside;
	outside = *balloon_strategy_at(0);
	outside.name = "outside";
	return &outside;
}

void for_each_strategy(void (*claim)(const struct balloon_strategy *))
{
	for (size_t i = 0; balloon_strategy_at(i); i++)
		hold(balloon_strategy_at(i), claim);
	hold(outside_strategy(), claim);
}
