/* SPDX-License-Identifier: MIT */
#include "common/command.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

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

int failure(const struct problem *problem)
{
	problem_print(problem);
	return EXIT_FAILED;
}

bool folder_find(struct folder *folder, const char *place)
{
	char program[PATH_MAX];
	if (place[0] == '/') {
		snprintf(folder->path, sizeof folder->path, "%s", place);
		return true;
	}
	ssize_t n = readlink("/proc/self/exe", program, sizeof program - 1);
	if (n <= 0)
		return false;
	program[n] = '\0';
	*strrchr(program, '/') = '\0';
	snprintf(folder->path, sizeof folder->path, "%s/%s", program, place);
	return true;
}
