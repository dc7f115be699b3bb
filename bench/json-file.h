/* SPDX-License-Identifier: MIT */
/*
 * A file for results. It is opened before the work, so that a wrong name is found out at once. What
 * the file held before is lost only when the new results are complete.
 */
#ifndef BENCH_JSON_FILE_H
#define BENCH_JSON_FILE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "problem.h"

struct json_file {
	FILE *file; /* NULL: nobody asked for one */
	const char *path;
	char *part; /* what is written, to be renamed to path; NULL: path itself is written */
};

/** path: "-" is the standard output; NULL: none. Returns 0 or -1. */
int json_file_open(struct json_file *json, const char *path, struct problem *problem);

/** Do the results take the standard output, in the table's place? */
bool json_file_is_stdout(const struct json_file *json);

/**
 * Write a document, which this releases, and close the file. document: NULL if it could not be made.
 * Returns 0 or -1.
 */
int json_file_write(struct json_file *json, json_t *document, struct problem *problem);

/** Say that the results cannot be made into a document. Returns -1. */
int json_file_fail(struct problem *problem);

/** Close a file that is not to be written. May follow json_file_write(). */
void json_file_close(struct json_file *json);

#endif
