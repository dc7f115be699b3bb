/* SPDX-License-Identifier: MIT */
#include "options.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/command-line.h"

void options_wrong(const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	fprintf(stderr, "%s: ", options_program);
	vfprintf(stderr, format, arguments);
	fputs("; see --help\n", stderr);
	va_end(arguments);
	exit(COMMAND_LINE_WRONG);
}

uint64_t options_number(const char *option, const char *text, uint64_t min, uint64_t max)
{
	char *end;
	errno = 0;
	uint64_t value = strtoull(text, &end, 10);
	if (*text < '0' || *text > '9' || *end || errno || value < min || value > max)
		options_wrong("%s: '%s' is no number from %" PRIu64 " to %" PRIu64, option, text,
			min, max);
	return value;
}

void options_each(const char *option, char *list,
	void (*one)(const char *option, const char *name, void *context), void *context)
{
	char *rest = NULL;
	char *name = strtok_r(list, ",", &rest);
	if (!name)
		options_wrong("%s: an empty list", option);
	for (; name; name = strtok_r(NULL, ",", &rest))
		one(option, name, context);
}
