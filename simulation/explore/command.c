/* SPDX-License-Identifier: MIT */

#include "explore/command.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <balloon/driver-design.h>

#include "../../strategies/historical/historical.h"
#include "common/command-line.h"
#include "explore/driver-history.h"
#include "explore/source.h"
#include "explore/surroundings.h"
#include "options.h"

const char options_program[] = "balloon-explore";

_Noreturn void command_die(const char *what)
{
	fprintf(stderr, "%s: %s: %s\n", options_program, what, strerror(errno));
	exit(EXIT_FAILURE);
}

enum {
	STRATEGY = COMMAND_LINE_KEY,
	DRIVER,
	SCENARIO,
	TRIPLES,
	PREEMPTIONS,
	DELAYS,
	VALUES,
	EVERY_ACCESS,
	RACES,
	REDUCE,
	CHECK_REDUCTION,
	RANDOM,
	SEED,
	PCT,
	LIST,
	REPLAY,
	KEEP_GOING,
	MATRIX,
	FUNCTIONS,
	JSON,
	HTML,
};

static const struct argp_option rows[] = {
	{"strategy", STRATEGY, "LIST", 0,
		"page strategies, as a,b,c (all that the library has; with --driver isolated-bit), "
		"or historical forms: 'mapcount@3.18'",
		0},
	{"driver", DRIVER, "LIST", 0,
		"drivers of these designs, as a,b,c, or all that the library has, in place of pages "
		"alone; or, in scenarios of history, historical forms: 'split@2017-10'",
		0},
	{"scenario", SCENARIO, "NAME", 0,
		"one of --list, or all of a name without what is isolated, pages and devices: "
		"'dequeue|isolate+putback' (all); or that of a hazard, 'historical:H-06', or "
		"all of those, 'historical'",
		0},
	{"triples", TRIPLES, NULL, 0, "three threads as well", 0},
	{"preemptions", PREEMPTIONS, "N", 0,
		"so many in a schedule, at most: 0 to 12 (2; of --matrix 3)", 0},
	{"delays", DELAYS, "N", 0,
		"bound delays of a scheduler that takes turns in place of preemptions: 0 to 12", 0},
	{"values", VALUES, "N", 0,
		"with --driver: so many answers of the host and allocations in a schedule that are "
		"not the usual ones, at most: 0 to 4 (0)",
		0},
	{"every-access", EVERY_ACCESS, NULL, 0,
		"with --driver: preemptions before plain accesses under a lock, too", 0},
	{"races", RACES, NULL, 0,
		"a race between plain accesses, which no lock orders, is a finding, too", 0},
	{"reduce", REDUCE, NULL, 0,
		"any number of preemptions; of schedules that differ in nothing but the order of steps "
		"that do not depend on each other, one",
		0},
	{"check-reduction", CHECK_REDUCTION, NULL, 0,
		"make both searches, and see whether --reduce misses an end or a finding of the other",
		0},
	{"random", RANDOM, "N", 0, "so many schedules of each scenario at random, instead of all",
		0},
	{"seed", SEED, "S", 0, "of --random: the same makes the same (1)", 0},
	{"pct", PCT, "D", 0,
		"of --random: threads have priorities, of which D - 1 change on the way: 1 to 16",
		0},
	{"list", LIST, NULL, 0, "print the names of the scenarios", 0},
	{"replay", REPLAY, "SCHEDULE", 0, "show this schedule of one scenario and strategy", 0},
	{"keep-going", KEEP_GOING, NULL, 0, "do not end at the first scenario with a finding", 0},
	{"matrix", MATRIX, NULL, 0,
		"which hazard befalls which historical form: what is predicted, and what is found",
		0},
	{"functions", FUNCTIONS, NULL, 0, "in tables, name functions instead of lines", 0},
	{"json", JSON, "FILE", 0, "write results to this file, too", 0},
	{"html", HTML, "FILE", 0, "write what is found to this file, as a page to step through", 0},
	{0}};

static void add_strategy(const char *option, const char *name, void *context)
{
	struct options *options = context;
	const struct historical_form *form = surroundings_form(name);
	const struct balloon_strategy *strategy =
		form ? form->strategy : balloon_strategy_find(name);
	if (!strategy || options->n_strategies == STRATEGIES_MAX)
		options_wrong("%s: no strategy '%s'", option, name);
	options->strategies[options->n_strategies++] = strategy;
}

static void add_design(const char *option, const char *name, void *context)
{
	struct options *options = context;
	const struct balloon_driver_design *design = driver_history_design(name);
	if (!design || options->n_designs == DESIGNS_MAX)
		options_wrong("%s: no driver design '%s'", option, name);
	options->designs[options->n_designs++] = design;
}

static void add_all_designs(struct options *options)
{
	options->n_designs = 0;
	for (size_t i = 0; i < DESIGNS_MAX && balloon_driver_design_at(i); i++)
		options->designs[options->n_designs++] = balloon_driver_design_at(i);
}

static int take(void *context, int key, char *value)
{
	struct options *options = context;
	switch (key) {
	case STRATEGY:
		if (strcmp(value, "all") != 0)
			options_each("--strategy", value, add_strategy, options);
		return 0;
	case SCENARIO:
		options->scenario = value;
		return 0;
	case TRIPLES:
		options->has_triples = true;
		return 0;
	case PREEMPTIONS:
		options->n_preemptions =
			(uint32_t)options_number("--preemptions", value, 0, SEARCH_PREEMPTIONS_MAX);
		return 0;
	case DRIVER:
		if (!strcmp(value, "all"))
			add_all_designs(options);
		else
			options_each("--driver", value, add_design, options);
		return 0;
	case DELAYS:
		options->counts_delays = true;
		options->n_preemptions =
			(uint32_t)options_number("--delays", value, 0, SEARCH_PREEMPTIONS_MAX);
		return 0;
	case VALUES:
		options->n_values =
			(uint32_t)options_number("--values", value, 0, SEARCH_VALUES_MAX);
		return 0;
	case EVERY_ACCESS:
		options->at_every_access = true;
		return 0;
	case RACES:
		options->looks_for_races = true;
		return 0;
	case REDUCE:
		options->is_reduced = true;
		return 0;
	case CHECK_REDUCTION:
		options->checks_reduction = true;
		return 0;
	case RANDOM:
		options->walk.n_walks = options_number("--random", value, 1, UINT32_MAX);
		return 0;
	case SEED:
		options->walk.seed = options_number("--seed", value, 0, UINT64_MAX);
		return 0;
	case PCT:
		options->walk.depth = (uint32_t)options_number("--pct", value, 1, WALK_DEPTH_MAX);
		return 0;
	case LIST:
		options->is_list = true;
		return 0;
	case REPLAY:
		options->schedule = value;
		return 0;
	case MATRIX:
		options->is_matrix = true;
		return 0;
	case FUNCTIONS:
		source_name_functions(true);
		return 0;
	case KEEP_GOING:
		options->goes_on = true;
		return 0;
	case JSON:
		options->json = value;
		return 0;
	case HTML:
		options->html = value;
		return 0;
	default:
		options_wrong("%s: no such argument", value);
	}
}

static const struct command_line line = {
	.name = "balloon-explore",
	.about = "Run every schedule of a few threads on page strategies, or on drivers, up to a "
		 "bound on preemptions.\n",
	.after = "Exit status: 0 nothing found, 1 a finding, or something failed, 2 wrong usage.",
	.options = rows,
	.take = take,
};

const char command_historical[] = "historical";

bool command_is_historical(const struct options *options)
{
	return options->scenario &&
	       !strncmp(options->scenario, command_historical, sizeof(command_historical) - 1);
}

/* What does not go together. */
static void check_together(const struct options *options)
{
	bool is_reduced = options->is_reduced || options->checks_reduction;
	if (options->is_matrix && (options->n_strategies > 0 || options->n_designs > 0 ||
					  options->scenario || options->schedule || options->html))
		options_wrong("--matrix: of all strategies and scenarios of history, and no page");
	for (uint32_t i = 0; i < options->n_designs; i++)
		if (driver_history_form(options->designs[i]) && !command_is_historical(options))
			options_wrong("--driver: '%s' is for scenarios of history",
				options->designs[i]->name);
	if (options->schedule && options->json)
		options_wrong("--replay: without --json");
	if (options->walk.n_walks && is_reduced)
		options_wrong("--random and --reduce: one of them");
	if (options->walk.depth && !options->walk.n_walks)
		options_wrong("--pct: of --random");
	if ((options->walk.n_walks || is_reduced) && (options->counts_delays || options->html))
		options_wrong("--random, --reduce: without --delays and --html");
	if ((is_reduced || options->looks_for_races) &&
		(options->n_designs > 0 || command_is_historical(options)))
		options_wrong("--reduce, --races: of page strategies, in no scenario of history");
}

void command_parse(struct options *options, int argc, char **argv)
{
	enum { USUAL = 2, OF_MATRIX = 3, OPEN = UINT8_MAX };
	*options = (struct options){.n_preemptions = OPEN, .walk = {.seed = 1}};
	int status = command_line_read(&line, argc, argv, options);
	if (status != COMMAND_LINE_GO_ON)
		exit(status);
	check_together(options);
	if (options->n_preemptions == OPEN)
		options->n_preemptions = options->is_matrix ? OF_MATRIX : USUAL;
	if (options->n_designs > 0 && options->n_strategies == 0)
		add_strategy("--driver", "isolated-bit", options);
	for (size_t i = 0; options->n_strategies == i && i < STRATEGIES_MAX; i++)
		if (balloon_strategy_at(i))
			options->strategies[options->n_strategies++] = balloon_strategy_at(i);
}
