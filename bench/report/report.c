/* SPDX-License-Identifier: MIT */
/* balloon-bench report */
#include "common/command.h"

#include <getopt.h>
#include <stdio.h>

#include "report/page.h"

static const char help[] =
	"Usage: balloon-bench report RESULT.json... --output DIR\n"
	"\n"
	"Make a page of results: tables, plots, and what they show in sentences. Results are\n"
	"files that balloon-bench run, system and count wrote with --json.\n"
	"\n"
	"  -o, --output DIR  write DIR/index.html, which needs no other file; beside it the\n"
	"                    plots, DIR/plots/*.svg, and all rows, DIR/table.csv\n"
	"  --help            print this text\n"
	"\n"
	"Where two files have results of the same setup, the later file's count. Needs gnuplot.\n";

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

int command_report(int argc, char **argv)
{
	enum { HELP = 256 };
	static const struct option options[] = {
		{"output", required_argument, NULL, 'o'}, {"help", no_argument, NULL, HELP}, {0}};
	const char *directory = NULL;
	int option;
	while ((option = getopt_long(argc, argv, ":o:", options, NULL)) >= 0) {
		if (option == HELP)
			return fputs(help, stdout) < 0;
		if (option != 'o')
			return usage_bad_option(option, argv);
		directory = optarg;
	}
	if (optind == argc)
		return usage_error("report: which results?");
	if (!directory || !directory[0])
		return usage_error("report: where to? Say --output DIR");
	return load_and_report(argv + optind, (size_t)(argc - optind), directory);
}
