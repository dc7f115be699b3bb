/* SPDX-License-Identifier: MIT */
/* balloon-bench report */
#include "common/command.h"

#include <stdio.h>
#include <stdlib.h>

#include "report/page.h"

/* Everything is written before anything takes its place. */
static int write_files(const struct model *model, struct files *files, struct problem *problem)
{
	struct page page = {.model = model, .files = files, .problem = problem};
	page.html = files_open(files, "index.html", problem);
	if (!page.html)
		return -1;
	FILE *csv = files_open(files, "table.csv", problem);
	if (!csv)
		return -1;
	csv_write(model, csv);
	if (page_write(&page) < 0)
		return -1;
	return files_commit(files, problem);
}

static int report(const struct model *model, const char *directory, struct problem *problem)
{
	struct files files;
	int status = files_init(&files, directory, problem);
	if (status == 0)
		status = write_files(model, &files, problem);
	files_close(&files);
	return status;
}

static int load_and_report(char **paths, size_t n_paths, const char *directory)
{
	struct problem problem;
	struct model model;
	int status = model_load(&model, paths, n_paths, &problem);
	if (status == 0)
		status = report(&model, directory, &problem);
	model_fini(&model);
	return status < 0 ? failure(&problem) : 0;
}

struct wanted {
	char **paths; /* room for all arguments */
	size_t n_paths;
	const char *directory;
};

static int take(void *context, int key, char *value)
{
	struct wanted *wanted = context;
	if (key == 'o')
		wanted->directory = value;
	else
		wanted->paths[wanted->n_paths++] = value;
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
		 "gnuplot.",
	.options = options,
	.take = take,
};

static int report_as_said(const struct wanted *wanted)
{
	if (wanted->n_paths == 0)
		return usage_error("report: which results?");
	if (!wanted->directory || !wanted->directory[0])
		return usage_error("report: where to? Say --output DIR");
	return load_and_report(wanted->paths, wanted->n_paths, wanted->directory);
}

int command_report(int argc, char **argv)
{
	struct problem problem;
	struct wanted wanted = {.paths = calloc((size_t)argc, sizeof(*wanted.paths))};
	if (!wanted.paths) {
		problem_no_memory(&problem);
		return failure(&problem);
	}
	int status = command_line_read(&line, argc, argv, &wanted);
	if (status == COMMAND_LINE_GO_ON)
		status = report_as_said(&wanted);
	free(wanted.paths);
	return status;
}
