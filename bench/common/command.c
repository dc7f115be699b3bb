/* SPDX-License-Identifier: MIT */
#include "common/command.h"

#include <getopt.h>
#include <limits.h>
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

int usage_bad_option(int returned, char **argv)
{
	if (returned == ':')
		return usage_error("option '%s' wants a value", argv[optind - 1]);
	if (optopt > 0 && optopt <= UCHAR_MAX)
		return usage_error("unknown option '-%c'", optopt);
	return usage_error("unknown option '%s'", argv[optind - 1]);
}

int failure(const struct problem *problem)
{
	problem_print(problem);
	return EXIT_FAILED;
}
