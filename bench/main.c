/* SPDX-License-Identifier: MIT */
/* balloon-bench: strategies side by side. */
#include "common/command.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
} commands[] = {{"list", command_list}, {"replay", command_replay}, {"report", command_report},
	{"run", command_run}, {"count", command_count}, {"system", command_system}};

static int run_command(int argc, char **argv)
{
	for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
		if (strcmp(argv[0], commands[i].name) == 0)
			return commands[i].run(argc, argv);
	return usage_error("unknown command '%s': see balloon-bench --help", argv[0]);
}

static const struct argp_option no_options[] = {{0}};

/* Options come before a command, or are its own. */
static int take(void *context, int key, char *value)
{
	(void)context;
	(void)key;
	return usage_error("unexpected argument '%s'", value);
}

static const struct command_line line = {
	.name = "balloon-bench",
	.arguments = "COMMAND [OPTION...] [ARGUMENT...]",
	.about = "Strategies side by side. Commands:\n"
		 "  list    list the built-in strategies\n"
		 "  replay  run recordings through strategies, check and time them\n"
		 "  report  make a page with plots and tables of results\n"
		 "  count   count atomic operations, instructions and cache misses of strategies\n"
		 "  run     run workloads through strategies, floors and peers, and time them\n"
		 "  system  measure what the system around the pages costs",
	.after = "COMMAND --help says what a command takes. Exit status: 0 all well; 1 something "
		 "failed, or a strategy did wrong; 2 wrong usage.",
	.version = BENCH_VERSION,
	.options = no_options,
	.take = take,
};

static int run(int argc, char **argv)
{
	if (argc > 1 && argv[1][0] != '-')
		return run_command(argc - 1, argv + 1);
	int status = command_line_read(&line, argc, argv, NULL);
	return status == COMMAND_LINE_GO_ON ? usage_error("which command? See balloon-bench --help")
					    : status;
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
