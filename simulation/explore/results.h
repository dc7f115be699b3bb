/* SPDX-License-Identifier: MIT */
/* What was explored and found: for people, as JSON, as a page (page.h). */
#ifndef EXPLORE_RESULTS_H
#define EXPLORE_RESULTS_H

#include <stdio.h>
#include <time.h>

#include "explore/exhibit.h"

/** Of one exhibit. */
struct sum {
	uint64_t n_scenarios;
	uint64_t n_schedules[SEARCH_PREEMPTIONS_MAX + 1]; /* with exactly so many preemptions */
	uint64_t n_classes;
	uint64_t n_cut;
	uint64_t n_walks;
	uint64_t n_steps;
	uint64_t n_found;
	uint64_t n_asserted; /* scenarios in which assertions about locks alone failed */
	clock_t begin;
};

/* The files that were asked for. They end the program if they cannot be written. */
void results_open(const struct options *options);
void results_close(const struct options *options);
/** NULL: none was asked for. */
FILE *results_json(void);

void results_begin_scenario(const struct exhibit *exhibit, const struct menu *menu, size_t i);
/** On a terminal. */
void results_show_progress(uint64_t n_schedules);
void results_end_scenario(const struct options *options, const struct exhibit *exhibit,
	const char *scenario, const struct search_result *result);
/** Makes the schedule again: its scenario has to be open. */
void results_add_finding(
	const struct exhibit *exhibit, const char *scenario, const struct search_finding *finding);
void results_add_sum(
	const struct options *options, const struct exhibit *exhibit, const struct sum *sum);

#endif
