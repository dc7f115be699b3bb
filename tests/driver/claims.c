/* SPDX-License-Identifier: MIT */
#define _POSIX_C_SOURCE 200809L /* nanosleep() */

#include "claims.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Under Valgrind one strategy for each design, another one each. */
static bool is_chosen(size_t strategy, size_t design)
{
	return scaled(100) >= 100 || strategy == design + 1 || !balloon_strategy_at(design + 1);
}

void for_each_combination(void (*claim)(
	const struct balloon_strategy *strategy, const struct balloon_driver_design *design))
{
	static char name[64];
	const char *only = getenv("BALLOON_DRIVER"); /* for mutants, and to look closer */
	for (size_t d = 0; design_at(d); d++) {
		const struct balloon_driver_design *design = design_at(d);
		for (size_t s = 0; balloon_strategy_at(s); s++) {
			if (!is_chosen(s, d) || (only && strcmp(only, design->name) != 0))
				continue;
			strcpy(name, design->name);
			strcat(strcat(name, ", "), balloon_strategy_at(s)->name);
			strategy_under_test = name;
			claim(balloon_strategy_at(s), design);
		}
	}
	strategy_under_test = "-";
}

void open_rig(struct rig *rig, const struct balloon_strategy *strategy,
	const struct balloon_driver_design *design,
	void (*change)(struct balloon_driver_config *config))
{
	CHECK_EQ(rig_open(rig, strategy, design, change), 0);
}

static void check(const char *what)
{
	cr_assert(!what, "%s: %s", strategy_under_test, what ? what : "");
}

void check_rig(struct rig *rig)
{
	check(rig_check(rig));
}

void close_rig(struct rig *rig)
{
	check(rig_close(rig));
}

uint64_t in_ms(uint64_t ms)
{
	return balloon_platform_now_ns() + ms * RIG_MS;
}

void sleep_ms(long ms)
{
	nanosleep(&(struct timespec){.tv_nsec = ms * 1000000}, NULL);
}

void reach(struct rig *rig, uint64_t target)
{
	CHECK_EQ(balloon_driver_set_target(rig->driver, target), 0);
	CHECK_EQ(balloon_driver_run(rig->driver, in_ms(10000), NULL, NULL), 0);
}
