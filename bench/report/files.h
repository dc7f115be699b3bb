/* SPDX-License-Identifier: MIT */
/*
 * The files of a report in one directory. They take their places together, when all are written; if
 * it does not come to that, what was there before stays, and a directory that was made goes.
 */
#ifndef REPORT_FILES_H
#define REPORT_FILES_H

#include <stdbool.h>

#include "common/output.h"

enum { FILES_MAX = 80 };

struct files {
	const char *directory;
	char *paths[FILES_MAX];
	struct output outputs[FILES_MAX];
	size_t n_files;
	char *plots; /* a directory in it */
	bool has_made_directory, has_made_plots;
};

/** Make the directories unless they are there. Returns 0 or -1; files_close() is to follow. */
int files_init(struct files *files, const char *directory, struct problem *problem);

/** Begin a file; name: as in the directory. Returns its stream, or NULL. */
FILE *files_open(struct files *files, const char *name, struct problem *problem);

/** Put all files in their places, the first one last. Returns 0 or -1. */
int files_commit(struct files *files, struct problem *problem);

/** What is not in its place is forgotten. */
void files_close(struct files *files);

#endif
