/* SPDX-License-Identifier: MIT */
#include "problem.h"

#include <stdarg.h>
#include <stdio.h>

int problem_set(struct problem *problem, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	vsnprintf(problem->text, sizeof problem->text, format, args);
	va_end(args);
	return -1;
}

int problem_at(struct problem *problem, const char *path, size_t line, const char *format, ...)
{
	char what[512];
	va_list args;
	va_start(args, format);
	vsnprintf(what, sizeof what, format, args);
	va_end(args);
	return problem_set(problem, "%s:%zu: %s", path, line, what);
}

int problem_no_memory(struct problem *problem)
{
	return problem_set(problem, "out of memory");
}

void problem_print(const struct problem *problem)
{
	fprintf(stderr, "balloon-bench: %s\n", problem->text);
}
