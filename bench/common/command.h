/* SPDX-License-Identifier: MIT */
/* The commands of the program, and what they share. */
#ifndef COMMON_COMMAND_H
#define COMMON_COMMAND_H

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

/** The same about an argument, where a command takes none. */
int usage_unexpected(const char *command, const char *argument);

/** Print a problem. Returns EXIT_FAILED. */
int failure(const struct problem *problem);

#endif
