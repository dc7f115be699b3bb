/* SPDX-License-Identifier: MIT */
/* A recording's file, plain or gzip, line by line: columns by the names in its header, one row a line. */
#ifndef REPLAY_PARSER_H
#define REPLAY_PARSER_H

#include <zlib.h>

#include "recording.h"

enum { LINE_BYTES_MAX = 256 };

enum column {
	COLUMN_TIME,
	COLUMN_OP,
	COLUMN_PFN,
	COLUMN_NEW_PFN,
	COLUMN_RET,
	COLUMN_CPU,
	COLUMN_TASK,
	COLUMN_COUNT,
};

struct parser {
	struct recording *recording; /* span of pages, and tasks, are kept up to date in it */
	struct problem *problem;
	gzFile file;
	size_t line; /* its number, counted from 1 */
	char text[LINE_BYTES_MAX];
	enum column columns[COLUMN_COUNT]; /* of the file, from left to right */
	const char *values[COLUMN_COUNT];  /* of the present line */
	uint32_t last_pfn;
};

/** Open the recording's file and read its header. Returns 0, and the caller closes it; or -1. */
int parser_open(struct parser *parser, struct recording *recording, struct problem *problem);
void parser_close(struct parser *parser);

/** Take the next line apart. The row holds frame numbers for pages. Returns 1; 0: the file is at its end; -1. */
int parser_row(struct parser *parser, struct row *row);

/** Say what is wrong with the present line. Returns -1. */
int parser_fail(const struct parser *parser, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif
