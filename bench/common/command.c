/* SPDX-License-Identifier: MIT */
#include "common/command.h"

#include <stdarg.h>
#include <stdio.h>

int usage_error(const char *format, ...)
{
	struct problem problem;
	va_list args;
	va_start(args, format);
	vsnprintf(problem.text, sizeof problem.text, format, args);
	va_end(args);
	problem_print(&problem);
	return EXIT_USAGE;
}

int usage_unexpected(const char *command, const char *argument)
{
	return usage_error("%s: unexpected argument '%s'", command, argument);
}

int failure(const struct problem *problem)
{
	problem_print(problem);
	return EXIT_FAILED;
}
