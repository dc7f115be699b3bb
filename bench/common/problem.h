/* SPDX-License-Identifier: MIT */
/*
 * What went wrong, as one line of text.
 *
 * Whoever finds a problem writes it down and returns -1; the command prints it, once. So threads
 * need no order among their messages, and a progress line is out of the way by then.
 */
#ifndef COMMON_PROBLEM_H
#define COMMON_PROBLEM_H

#include <stddef.h>

struct problem {
	char text[1024];
};

/** Returns -1. */
int problem_set(struct problem *problem, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/** The same about a place in a file. Returns -1. */
int problem_at(struct problem *problem, const char *path, size_t line, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/** Returns -1. */
int problem_no_memory(struct problem *problem);

/** Print it on stderr, after the program's name. */
void problem_print(const struct problem *problem);

#endif
