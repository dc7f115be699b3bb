/* SPDX-License-Identifier: MIT */
#include "scenarios.h"

#include <stdio.h>
#include <string.h>

static bool finds_something(const struct scenario *scenario, uint64_t n_seeds,
	const struct engine_chooser *chooser, enum engine_time time)
{
	struct engine_options options = {
		.chooser = chooser, .time = time, .max_points = 50000, .spin_points = 2000};
	for (options.seed = 1; options.seed <= n_seeds; options.seed++) {
		struct engine_report report = engine_run_with(&options, scenario->play, NULL);
		if (report.finding == ENGINE_NONE)
			continue;
		printf("%s: ", scenario->name);
		engine_print(&report, stdout);
		return true;
	}
	return false;
}

int scenarios_play(int argc, char **argv, const struct scenario *scenarios, size_t n_scenarios,
	uint64_t n_seeds)
{
	bool is_mutant = argc > 1 && !strcmp(argv[1], "--mutant");
	bool is_found = false;
	for (size_t i = 0; i < n_scenarios && !is_found; i++)
		for (enum engine_time time = ENGINE_PATIENT; time <= ENGINE_HASTY && !is_found;
			time++)
			is_found = finds_something(&scenarios[i], n_seeds, &engine_random, time) ||
				   finds_something(&scenarios[i], n_seeds, &engine_pct, time);
	return is_found == is_mutant ? 0 : 1;
}
