/* SPDX-License-Identifier: MIT */
/* A recording's file, line by line: columns by the names in its header, one row a line. */
#ifndef REPLAY_PARSER_H
#define REPLAY_PARSER_H

#include "lines.h"
#include "recording.h"

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
	struct lines lines;
	struct recording *recording;       /* span of pages, and tasks, are kept up to date in it */
	enum column columns[COLUMN_COUNT]; /* of the file, from left to right */
	const char *values[COLUMN_COUNT];  /* of the present line */
	uint32_t last_pfn;
};

/** Read the header. Returns 0 or -1. */
int parser_header(struct parser *parser);

/** Take the present line apart. The row holds frame numbers for pages. Returns 0 or -1. */
int parser_row(struct parser *parser, struct row *row);

#endif
