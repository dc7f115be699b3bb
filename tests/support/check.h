/* SPDX-License-Identifier: MIT */
/* Claims of a plain program, for tools that cannot see through a test framework: the first that is wrong ends it. */
#ifndef SUPPORT_CHECK_H
#define SUPPORT_CHECK_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#define CHECK(condition) check((condition), #condition, __FILE__, __LINE__)

#define CHECK_EQ(actual, expected)                                                                 \
	check_equal((long long)(actual), (long long)(expected), #actual, __FILE__, __LINE__)

static inline void check(bool is_true, const char *what, const char *file, int line)
{
	if (is_true)
		return;
	fprintf(stderr, "%s:%d: not true: %s\n", file, line, what);
	exit(1);
}

static inline void check_equal(
	long long actual, long long expected, const char *what, const char *file, int line)
{
	if (actual == expected)
		return;
	fprintf(stderr, "%s:%d: %s is %lld, not %lld\n", file, line, what, actual, expected);
	exit(1);
}

#endif
