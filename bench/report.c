/* SPDX-License-Identifier: MIT */
/* balloon-bench report: reads the command line; a program in Python, report/, makes the page. */
#include "common/command.h"
#include "common/folder.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct wanted {
	char **arguments; /* of the program: itself, -I, its folder, the directory, the results */
	size_t n;
	char *directory;
};

enum { DIRECTORY = 3, RESULTS = 4 };

static int take(void *context, int key, char *value)
{
	struct wanted *wanted = context;
	if (key == 'o')
		wanted->directory = value;
	else
		wanted->arguments[wanted->n++] = value;
	return 0;
}

static const struct argp_option options[] = {
	{"output", 'o', "DIR", 0,
		"write DIR/index.html, which needs no other file; beside it the plots, "
		"DIR/plots/*.svg, and all rows, DIR/table.csv",
		0},
	{0}};

static const struct command_line line = {
	.name = "balloon-bench report",
	.arguments = "RESULT.json...",
	.about = "Make a page of results: tables, plots, and what they show in sentences. Results "
		 "are files that balloon-bench run, system and count wrote with --json.\n",
	.after = "Where two files have results of the same setup, the later file's count. Needs "
		 "Python 3.11 with jinja2, and gnuplot.",
	.options = options,
	.take = take,
};

/* Where the program is, in the build tree or installed; NULL: nowhere. */
static char *find_program(struct folder *folder)
{
	static const char *const places[] = {"report", BENCH_REPORT};
	for (size_t i = 0; i < 2; i++)
		if (folder_find(folder, places[i]) && access(folder->path, R_OK) == 0)
			return folder->path;
	return NULL;
}

/* -I: neither the user's settings of Python nor the folder one is in have a say. */
static int run(struct wanted *wanted)
{
	static char isolated[] = "-I", named[] = "python3", built_with[] = BENCH_PYTHON;
	struct problem problem;
	struct folder folder;
	wanted->arguments[1] = isolated;
	wanted->arguments[2] = find_program(&folder);
	wanted->arguments[DIRECTORY] = wanted->directory;
	if (!wanted->arguments[2])
		problem_set(&problem,
			"report: its program is neither beside balloon-bench nor in %s",
			BENCH_REPORT);
	else {
		wanted->arguments[0] = built_with;
		execv(built_with, wanted->arguments);
		wanted->arguments[0] = named;
		execvp(named, wanted->arguments);
		problem_set(&problem, "report: Python cannot be run, neither %s nor python3: %s",
			built_with, strerror(errno));
	}
	return failure(&problem);
}

int command_report(int argc, char **argv)
{
	struct problem problem;
	struct wanted wanted = {
		.arguments = calloc((size_t)argc + RESULTS + 1, sizeof(char *)), .n = RESULTS};
	if (!wanted.arguments) {
		problem_no_memory(&problem);
		return failure(&problem);
	}
	int status = command_line_read(&line, argc, argv, &wanted);
	if (status == COMMAND_LINE_GO_ON) {
		if (wanted.n == RESULTS)
			status = usage_error("report: which results?");
		else if (!wanted.directory || !wanted.directory[0])
			status = usage_error("report: where to? Say --output DIR");
		else
			status = run(&wanted);
	}
	free(wanted.arguments);
	return status;
}
