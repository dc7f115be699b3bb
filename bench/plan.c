/* SPDX-License-Identifier: MIT */
#include "plan.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"

/* Each parser returns 0 or the exit status. */

static int add_strategy(struct plan *plan, const char *name)
{
	const struct balloon_strategy *strategy = balloon_strategy_find(name);
	if (!strategy)
		return usage_error("unknown strategy '%s': see balloon-bench list", name);
	for (size_t i = 0; i < plan->n_strategies; i++) {
		if (plan->strategies[i] == strategy)
			return usage_error("strategy '%s' is named twice", name);
	}
	if (plan->n_strategies == STRATEGIES_MAX)
		return usage_error("more than %d strategies", STRATEGIES_MAX);
	plan->strategies[plan->n_strategies++] = strategy;
	return 0;
}

static void add_all_strategies(struct plan *plan)
{
	size_t n = 0;
	while (n < STRATEGIES_MAX && (plan->strategies[n] = balloon_strategy_at(n)) != NULL)
		n++;
	plan->n_strategies = n;
}

/* list: names with commas between them; it is cut into pieces. */
static int parse_strategies(struct plan *plan, char *list)
{
	int status = 0;
	plan->n_strategies = 0;
	if (strcmp(list, "all") == 0)
		return 0;
	while (list && status == 0) {
		char *comma = strchr(list, ',');
		if (comma)
			*comma++ = '\0';
		status = add_strategy(plan, list);
		list = comma;
	}
	return status;
}

static int parse_threads(struct plan *plan, const char *text)
{
	bool is_recorded = strcmp(text, "recorded") == 0;
	if (!is_recorded && strcmp(text, "1") != 0)
		return usage_error("--threads '%s': neither '1' nor 'recorded'", text);
	plan->mode = is_recorded ? MODE_RECORDED : MODE_ORDER;
	return 0;
}

static int parse_repeat(struct plan *plan, const char *text)
{
	char *end;
	errno = 0;
	unsigned long n = strtoul(text, &end, 10);
	if (!isdigit((unsigned char)text[0]) || *end || errno || n < 1 || n > REPEATS_MAX)
		return usage_error("--repeat '%s': not a number from 1 to %d", text, REPEATS_MAX);
	plan->n_repeats = n;
	return 0;
}

enum { STRATEGY = 256, THREADS, REPEAT, JSON, HELP };

static int parse_option(struct plan *plan, int option, char **argv)
{
	switch (option) {
	case STRATEGY:
		return parse_strategies(plan, optarg);
	case THREADS:
		return parse_threads(plan, optarg);
	case REPEAT:
		return parse_repeat(plan, optarg);
	case JSON:
		plan->json_path = optarg;
		return 0;
	case HELP:
		plan->is_help = true;
		return 0;
	default:
		return usage_bad_option(option, argv);
	}
}

/* Returns 0, or the exit status; stops at --help. */
static int parse_options(struct plan *plan, int argc, char **argv)
{
	static const struct option options[] = {{"strategy", required_argument, NULL, STRATEGY},
		{"threads", required_argument, NULL, THREADS},
		{"repeat", required_argument, NULL, REPEAT},
		{"json", required_argument, NULL, JSON}, {"help", no_argument, NULL, HELP}, {0}};
	int option, status = 0;
	while (status == 0 && !plan->is_help &&
		(option = getopt_long(argc, argv, ":", options, NULL)) >= 0)
		status = parse_option(plan, option, argv);
	return status;
}

int plan_parse(struct plan *plan, int argc, char **argv)
{
	*plan = (struct plan){.n_repeats = 5};
	int status = parse_options(plan, argc, argv);
	if (status || plan->is_help)
		return status;
	if (optind == argc)
		return usage_error("replay: which recording?");
	if (plan->n_strategies == 0)
		add_all_strategies(plan);
	if (plan->n_strategies == 0)
		return usage_error("replay: no strategy is built in");
	plan->paths = argv + optind;
	plan->n_paths = (size_t)(argc - optind);
	return 0;
}
