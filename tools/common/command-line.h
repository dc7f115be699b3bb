/* SPDX-License-Identifier: MIT */
/*
 * The command line of a program, or of one of its commands, as data: one table says which options there are, is
 * what they are parsed by, and is printed by --help (glibc's argp).
 */
#ifndef COMMON_COMMAND_LINE_H
#define COMMON_COMMAND_LINE_H

#include <argp.h>

enum {
	COMMAND_LINE_GO_ON = -1,
	COMMAND_LINE_WRONG = 2, /* the exit status for wrong usage */
	COMMAND_LINE_KEY = 256, /* the first key of options without a letter */
};

struct command_line {
	const char *name;      /* "balloon-bench run"; messages begin with its first word */
	const char *arguments; /* what follows the options: "RECORDING..."; NULL: nothing */
	const char *about;     /* what the program does */
	const char *after;     /* what there is to say after the options; NULL */
	const char *version;   /* with an option --version; NULL: without */
	/* Ends with an empty row. Each has a key of its own; help is added. In the order in which they are shown. */
	const struct argp_option *options;
	/* Take an option's value (NULL: it has none), or with key ARGP_KEY_ARG an argument. Returns 0; or, after saying
	 * why, an exit status. */
	int (*take)(void *context, int key, char *value);
};

/**
 * Read a command line. What is wrong with it is said on stderr, in one line.
 *
 * Returns COMMAND_LINE_GO_ON; or the exit status: wrong usage, what take() returned, or all was done (--help).
 */
int command_line_read(const struct command_line *line, int argc, char **argv, void *context);

#endif
