/* SPDX-License-Identifier: MIT */
/* What the command line of balloon-explore says. */
#ifndef EXPLORE_COMMAND_H
#define EXPLORE_COMMAND_H

#include <balloon/driver.h>
#include <balloon/strategy.h>

#include "explore/walk.h"

enum { STRATEGIES_MAX = 16, DESIGNS_MAX = 16 };

struct options {
	const struct balloon_strategy *strategies[STRATEGIES_MAX];
	uint32_t n_strategies;
	const struct balloon_driver_design *designs[DESIGNS_MAX]; /* none: pages alone */
	uint32_t n_designs;
	const char *scenario; /* NULL: all */
	const char *schedule; /* to replay; NULL */
	const char *json;
	const char *html;
	uint32_t n_preemptions; /* or delays */
	bool counts_delays;
	uint32_t n_values;
	bool at_every_access;
	struct walk_options walk; /* n_walks 0: none */
	bool looks_for_races;
	bool is_reduced;
	bool checks_reduction;
	bool has_triples;
	bool is_list;
	bool is_matrix;
	bool goes_on;
};

/** "balloon-explore: what: why", by errno; the program ends. */
_Noreturn void command_die(const char *what);

/** Ends the program at wrong usage, and where only help was asked for. */
void command_parse(struct options *options, int argc, char **argv);

/** The name of all scenarios of history; that of one begins with it. */
extern const char command_historical[];

bool command_is_historical(const struct options *options);

#endif
