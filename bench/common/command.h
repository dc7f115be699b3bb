/* SPDX-License-Identifier: MIT */
/* The commands of the program, and what they share. */
#ifndef COMMON_COMMAND_H
#define COMMON_COMMAND_H

#include <limits.h>
#include <stdbool.h>

#include "common/command-line.h"
#include "common/problem.h"

enum { EXIT_FAILED = 1, EXIT_USAGE = 2 };

/** argv[0] is the command's name. They return the program's exit status. */
int command_count(int argc, char **argv);
int command_list(int argc, char **argv);
int command_replay(int argc, char **argv);
int command_report(int argc, char **argv);
int command_run(int argc, char **argv);
int command_system(int argc, char **argv);

/** Say on stderr that the program was called wrongly. Returns EXIT_USAGE. */
int usage_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

/** Where something is that comes with the program: in the build tree beside it, or where the installation put it. */
struct folder {
	char path[2 * PATH_MAX];
};

/** A place beside the program, wherever that was moved to, or an absolute one. Is the program's own place known? */
bool folder_find(struct folder *folder, const char *place);

/** Print a problem. Returns EXIT_FAILED. */
int failure(const struct problem *problem);

#endif
