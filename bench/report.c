/* SPDX-License-Identifier: MIT */
/* balloon-bench report: reads the command line; a program in Python, report/, makes the page. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/command.h"
#include "common/options.h"

struct report_plan {
	const char *
		*arguments; /* of the program: itself, -I, its folder, the directory, the results */
	size_t n;
	const char *directory;
};

enum { PROGRAM = 2, DIRECTORY = 3, RESULTS = 4 };

static int take(void *context, char *argument)
{
	struct report_plan *plan = context;
	plan->arguments[plan->n++] = argument;
	return 0;
}

/* Where the program is, in the build tree or installed; NULL: nowhere. */
static const char *find_program(struct folder *folder)
{
	static const char *const places[] = {"report", BENCH_REPORT};
	for (size_t i = 0; i < 2; i++)
		if (folder_find(folder, places[i]) && access(folder->path, R_OK) == 0)
			return folder->path;
	return NULL;
}

/* -I: neither the user's settings of Python nor the folder one is in have a say. */
static int run(const struct report_plan *plan)
{
	struct problem problem;
	struct folder folder;
	plan->arguments[0] = BENCH_PYTHON;
	plan->arguments[1] = "-I";
	plan->arguments[PROGRAM] = find_program(&folder);
	plan->arguments[DIRECTORY] = plan->directory;
	if (!plan->arguments[PROGRAM]) {
		problem_set(&problem,
			"report: its program is neither beside balloon-bench nor in %s",
			BENCH_REPORT);
		return failure(&problem);
	}
	char *const *arguments = (char *const *)(uintptr_t)plan->arguments;
	execv(BENCH_PYTHON, arguments);
	plan->arguments[0] = "python3";
	execvp("python3", arguments);
	problem_set(&problem, "report: Python cannot be run, neither %s nor python3: %s",
		BENCH_PYTHON, strerror(errno));
	return failure(&problem);
}

int command_report(int argc, char **argv)
{
	const struct option_row rows[] = {{"output", "DIR",
		"write DIR/index.html, which needs no other file; beside it the plots, "
		"DIR/plots/*.svg, and all rows, DIR/table.csv",
		OPTION_TEXT, offsetof(struct report_plan, directory), .letter = 'o'}};
	const struct options options = {.command = "balloon-bench report",
		.arguments = "RESULT.json...",
		.about =
			"Make a page of results: what to choose, tables, plots, and what they show in "
			"sentences. Results are files that balloon-bench run, system, replay and "
			"count wrote with --json.\n",
		.after = "Where two files have results of the same setup, the later file's count. "
			 "Needs Python 3.11 with jinja2, and gnuplot.",
		.rows = rows,
		.n_rows = 1,
		.take = take};
	struct report_plan plan = {
		calloc((size_t)argc + RESULTS + 1, sizeof(char *)), RESULTS, NULL};
	struct problem problem;
	if (!plan.arguments) {
		problem_no_memory(&problem);
		return failure(&problem);
	}
	int status = options_read(&options, argc, argv, &plan);
	if (status == COMMAND_LINE_GO_ON && plan.n == RESULTS)
		status = usage_error("report: which results?");
	else if (status == COMMAND_LINE_GO_ON && (!plan.directory || !plan.directory[0]))
		status = usage_error("report: where to? Say --output DIR");
	else if (status == COMMAND_LINE_GO_ON)
		status = run(&plan);
	free(plan.arguments);
	return status;
}
