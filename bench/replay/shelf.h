/* SPDX-License-Identifier: MIT */
/* The recordings that come with the program: beside it in the build tree, below its prefix when it is installed. */
#ifndef REPLAY_SHELF_H
#define REPLAY_SHELF_H

#include <glob.h>
#include <stddef.h>

struct shelf {
	char **paths; /* in their order; NULL: there are none */
	size_t n_paths;
	glob_t found; /* they lie there */
};

/** Returns 0; -1: no memory. What cannot be read has no recordings. */
int shelf_open(struct shelf *shelf);
void shelf_close(struct shelf *shelf);

/** The path of a recording by its name, or by the end of it ("c-oom"). NULL: none, or more than one. */
char *shelf_find(const struct shelf *shelf, const char *name);

#endif
