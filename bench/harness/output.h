/* SPDX-License-Identifier: MIT */
/*
 * A file for results. It is opened before the work, so that a wrong name is found out at once. What
 * the file held before is lost only when the new results are complete.
 */
#ifndef HARNESS_OUTPUT_H
#define HARNESS_OUTPUT_H

#include <jansson.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>

#include "common/problem.h"

struct output {
	FILE *file; /* NULL: nobody asked for one */
	const char *path;
	char part
		[PATH_MAX]; /* what is written, to be renamed to path; "": path itself is written */
};

/** path: "-" is the standard output; NULL: none. Returns 0 or -1. */
int output_open(struct output *output, const char *path, struct problem *problem);

/** Do the results take the standard output, in the table's place? */
bool output_is_stdout(const struct output *output);

/** Close the file after all was written to it, and put it in its place. Returns 0 or -1. */
int output_commit(struct output *output, struct problem *problem);

/**
 * Write a document, which this releases, and commit. document: NULL if it could not be made.
 * Returns 0 or -1.
 */
int output_json(struct output *output, json_t *document, struct problem *problem);

/** Say that the results cannot be made into a document. Returns -1. */
int output_no_json(struct problem *problem);

/** Close a file that is not to be written. May follow output_commit(). */
void output_close(struct output *output);

#endif
