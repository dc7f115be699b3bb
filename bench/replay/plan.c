/* SPDX-License-Identifier: MIT */
#include "plan.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/command.h"

/* Each parser returns 0 or the exit status. */

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
		return strategies_parse(&plan->strategies, optarg);
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

/* Files; what is none may be the name of a recording that is here. Without any: all that are here. */
static int choose_recordings(struct plan *plan, size_t n, char **names)
{
	if (shelf_open(&plan->shelf) < 0) {
		struct problem problem;
		problem_no_memory(&problem);
		return failure(&problem);
	}
	plan->paths = n > 0 ? names : plan->shelf.paths;
	plan->n_paths = n > 0 ? n : plan->shelf.n_paths;
	if (plan->n_paths == 0)
		return usage_error("replay: which recording? None is installed with this program");
	for (size_t i = 0; i < n; i++) {
		char *found = NULL;
		if (access(names[i], F_OK) < 0)
			found = shelf_find(&plan->shelf, names[i]);
		if (found)
			names[i] = found;
	}
	return 0;
}

int plan_parse(struct plan *plan, int argc, char **argv)
{
	*plan = (struct plan){.n_repeats = 5};
	strategies_all(&plan->strategies);
	int status = parse_options(plan, argc, argv);
	if (status || plan->is_help)
		return status;
	return choose_recordings(plan, (size_t)(argc - optind), argv + optind);
}

void plan_fini(struct plan *plan)
{
	shelf_close(&plan->shelf);
}
