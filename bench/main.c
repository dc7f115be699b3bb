/* SPDX-License-Identifier: MIT */
/* balloon-bench: strategies side by side. */
#include "common/command.h"

#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static const char help[] =
	"Usage: balloon-bench COMMAND [OPTION...] [ARGUMENT...]\n"
	"\n"
	"Commands:\n"
	"  list    list the built-in strategies\n"
	"  replay  run recordings of real systems through strategies, check and time them\n"
	"  report  make a page with plots and tables of results\n"
	"  count   count atomic operations, instructions and cache misses of strategies\n"
	"  run     run workloads through strategies, floors and peers, and time them\n"
	"  system  measure what the system around the pages costs: channels, drivers, compaction\n"
	"\n"
	"  --help     print this text; COMMAND --help: the command's\n"
	"  --version  print the version\n"
	"\n"
	"Exit status: 0 all well; 1 something failed, or a strategy did wrong; 2 wrong usage.\n";

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
} commands[] = {{"list", command_list}, {"replay", command_replay}, {"report", command_report},
	{"run", command_run}, {"count", command_count}, {"system", command_system}};

static int run_command(int argc, char **argv)
{
	for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
		if (strcmp(argv[0], commands[i].name) != 0)
			continue;
		optind = 0; /* start anew with the command's own options */
		return commands[i].run(argc, argv);
	}
	return usage_error("unknown command '%s': see balloon-bench --help", argv[0]);
}

static int run(int argc, char **argv)
{
	enum { VERSION = 256, HELP };
	static const struct option options[] = {
		{"version", no_argument, NULL, VERSION}, {"help", no_argument, NULL, HELP}, {0}};
	opterr = 0; /* messages are ours, and one line each */
	switch (getopt_long(argc, argv, "+:", options, NULL)) {
	case VERSION:
		return printf("balloon-bench %s\n", BENCH_VERSION) < 0;
	case HELP:
		return fputs(help, stdout) < 0;
	case -1:
		break;
	default:
		return usage_bad_option('?', argv);
	}
	if (optind == argc)
		return usage_error("which command? See balloon-bench --help");
	return run_command(argc - optind, argv + optind);
}

/* A table that did not reach its file is a failure as well. */
int main(int argc, char **argv)
{
	struct problem problem;
	int status = run(argc, argv);
	bool is_lost = ferror(stdout) != 0;
	if (fclose(stdout) != 0)
		problem_set(&problem, "standard output: %s", strerror(errno));
	else if (is_lost)
		problem_set(&problem, "standard output: not everything could be written");
	else
		return status;
	return status ? status : failure(&problem);
}
