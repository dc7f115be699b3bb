/* SPDX-License-Identifier: MIT */
#include "plan.h"

#include <ctype.h>
#include <errno.h>
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

enum { STRATEGY = COMMAND_LINE_KEY, THREADS, REPEAT, JSON };

static int take(void *context, int key, char *value)
{
	struct plan *plan = context;
	switch (key) {
	case STRATEGY:
		return strategies_parse(&plan->strategies, value);
	case THREADS:
		return parse_threads(plan, value);
	case REPEAT:
		return parse_repeat(plan, value);
	case JSON:
		plan->json_path = value;
		return 0;
	default:
		plan->names[plan->n_names++] = value;
		return 0;
	}
}

static const struct argp_option options[] = {
	{"strategy", STRATEGY, "A,B,...", 0, "these strategies; all (default): every built-in one",
		0},
	{"threads", THREADS, "1|recorded", 0,
		"1: one thread, all rows in the recorded order, on the recorded pages (default); "
		"recorded: a thread for each recorded task, on pages chosen by role",
		0},
	{"repeat", REPEAT, "N", 0, "repeats of each run, 1 to 10000 (default 5)", 0},
	{"json", JSON, "FILE", 0,
		"write the results to FILE, too; -: to standard output, in the tables' place", 0},
	{0}};

static const struct command_line line = {
	.name = "balloon-bench replay",
	.arguments = "[RECORDING...]",
	.about = "Run recordings (CSV, plain or gzip) through strategies: files, or names of those "
		 "that come with the program (balloon-bench list shows them); without any, all of "
		 "these. Each row is checked on the way, counts and memory map at the end; only "
		 "page operations are timed.\n",
	.after =
		"pages/s is the median of all repeats; counts are those of the repeat that had it.",
	.options = options,
	.take = take,
};

/* Files; what is none may be the name of a recording that is here. Without any: all that are here. */
static int choose_recordings(struct plan *plan)
{
	if (shelf_open(&plan->shelf) < 0) {
		struct problem problem;
		problem_no_memory(&problem);
		return failure(&problem);
	}
	plan->paths = plan->n_names > 0 ? plan->names : plan->shelf.paths;
	plan->n_paths = plan->n_names > 0 ? plan->n_names : plan->shelf.n_paths;
	if (plan->n_paths == 0)
		return usage_error("replay: which recording? None is installed with this program");
	for (size_t i = 0; i < plan->n_names; i++) {
		char *found = NULL;
		if (access(plan->names[i], F_OK) < 0)
			found = shelf_find(&plan->shelf, plan->names[i]);
		if (found)
			plan->names[i] = found;
	}
	return 0;
}

int plan_parse(struct plan *plan, int argc, char **argv)
{
	*plan = (struct plan){.n_repeats = 5};
	plan->names = calloc((size_t)argc, sizeof(*plan->names));
	if (!plan->names) {
		struct problem problem;
		problem_no_memory(&problem);
		return failure(&problem);
	}
	strategies_all(&plan->strategies);
	int status = command_line_read(&line, argc, argv, plan);
	if (status != COMMAND_LINE_GO_ON)
		return status;
	status = choose_recordings(plan);
	return status == 0 ? COMMAND_LINE_GO_ON : status;
}

void plan_fini(struct plan *plan)
{
	shelf_close(&plan->shelf);
	free(plan->names);
}
