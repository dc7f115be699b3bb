/* SPDX-License-Identifier: MIT */
#include "lines.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { BUFFER_BYTES = 1 << 17 };

int lines_open(struct lines *lines, const char *path, struct problem *problem)
{
	*lines = (struct lines){.path = path, .problem = problem};
	errno = 0;
	lines->file = gzopen(path, "rb");
	if (!lines->file)
		return problem_set(
			problem, "%s: %s", path, errno ? strerror(errno) : "out of memory");
	gzbuffer(lines->file, BUFFER_BYTES);
	return 0;
}

void lines_close(struct lines *lines)
{
	gzclose_r(lines->file);
}

int lines_fail(const struct lines *lines, const char *format, ...)
{
	char what[512];
	va_list args;
	va_start(args, format);
	vsnprintf(what, sizeof what, format, args);
	va_end(args);
	return problem_at(lines->problem, lines->path, lines->number, "%s", what);
}

/* No character came: is that the end of the file, or an error? zlib reports a cut file last. */
static int end_of_file(struct lines *lines, size_t n_bytes)
{
	int error;
	gzerror(lines->file, &error);
	if (error == Z_ERRNO)
		return lines_fail(lines, "%s", strerror(errno));
	if (error == Z_BUF_ERROR)
		return lines_fail(lines, "the compressed data are cut off");
	if (error != Z_OK)
		return lines_fail(lines, "the compressed data are damaged");
	return n_bytes ? lines_fail(lines, "the last line is cut off: it has no newline") : 0;
}

int lines_next(struct lines *lines)
{
	size_t n_bytes = 0;
	int c;
	lines->number++;
	while ((c = gzgetc(lines->file)) != '\n') {
		if (c < 0)
			return end_of_file(lines, n_bytes);
		if (c < ' ' || c > '~')
			return lines_fail(
				lines, "byte 0x%02x is no printable character", (unsigned)c);
		if (n_bytes + 1 == sizeof lines->text)
			return lines_fail(lines, "the line is too long");
		lines->text[n_bytes++] = (char)c;
	}
	lines->text[n_bytes] = '\0';
	return 1;
}
