/* SPDX-License-Identifier: MIT */
/* Programs of scenarios: a few threads each, run under the engine by seeds until one is found to be wrong. */
#ifndef SCENARIOS_H
#define SCENARIOS_H

#include "engine.h"

#include <stddef.h>

struct scenario {
	const char *name;
	void (*play)(void *);
};

/**
 * Play each scenario with so many seeds, both choosers and both times, up to the first finding, which is printed.
 *
 * Returns the exit status: 0 if nothing was found, or with "--mutant" if something was; else 1.
 */
int scenarios_play(int argc, char **argv, const struct scenario *scenarios, size_t n_scenarios,
	uint64_t n_seeds);

#endif
