/* SPDX-License-Identifier: MIT */
/* The goals of the system around the pages, and what is reached. */
#include <math.h>
#include <stddef.h>

#include "report/goals.h"
#include "report/trial.h"

static const struct system_goal goals[] = {
	{"W8", "release pages in random order, requests of 256, through the host channel",
		TRIAL_CHANNEL, "random", false,
		{{"a vector of pages a call \xc3\x97 1.1", "raw-vector", 1.1, 0}}},
	{"W8", "the same; clusters of 16 pages", TRIAL_CHANNEL, "clusters", false,
		{{"goal", NULL, 250, 0}}},
	{"W9", "pages in random order, another thread of the process running", TRIAL_CHANNEL,
		"random", true,
		{{"goal", NULL, 660, 0}, {"a twentieth of a call a page", "raw-per-page", 0.05, 0},
			{"a vector of pages a call \xc3\x97 1.1", "raw-vector", 1.1, 0}}},
	{"W10", "release contiguous pages", TRIAL_CHANNEL, "contiguous", false,
		{{"one call over everything \xc3\x97 1.1", "raw-one-call", 1.1, 0}}},
	{"W10", "the same; whole blocks of 2 MiB", TRIAL_CHANNEL, "blocks", false,
		{{"one call over everything + 1 ns a page of 4 KiB", "raw-one-call", 1, 1}}},
};

const struct system_goal *system_goal_at(size_t index)
{
	return index < sizeof goals / sizeof goals[0] ? &goals[index] : NULL;
}

const struct trial *system_goal_best(const struct model *model, const struct system_goal *goal)
{
	return trial_fastest(model, goal->kind, goal->order, goal->other_thread);
}

struct attainment system_target_attain(const struct system_target *target, const struct trial *best)
{
	double reached = best ? best->ns.median : NAN, figure = target->figure;
	if (target->to)
		figure *= best ? reached / trial_times(best, target->to).median : NAN;
	figure += target->more_ns;
	return (struct attainment){figure, reached, figure / reached};
}
