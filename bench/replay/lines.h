/* SPDX-License-Identifier: MIT */
/* The lines of a text file, plain or gzip. */
#ifndef REPLAY_LINES_H
#define REPLAY_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <zlib.h>

#include "common/problem.h"

enum { LINE_BYTES_MAX = 256 };

struct lines {
	gzFile file;
	const char *path;
	size_t number; /* of the line in text, counted from 1 */
	char text[LINE_BYTES_MAX];
	struct problem *problem;
};

/** path and problem: stay the caller's, and are used until lines_close(). Returns 0 or -1. */
int lines_open(struct lines *lines, const char *path, struct problem *problem);

/**
 * Read the next line into text, without its end.
 *
 * Returns 1; 0: the file is at its end; -1: it cannot be read, is cut off in the middle of a line or
 * of its compressed data, or the line is no line of printable ASCII characters that fits.
 */
int lines_next(struct lines *lines);

void lines_close(struct lines *lines);

/** Say what is wrong with the present line. Returns -1. */
int lines_fail(const struct lines *lines, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif
