/* SPDX-License-Identifier: MIT */
/* Folders that come with the program: in the build tree beside it, installed where the installation put them. */
#ifndef COMMON_FOLDER_H
#define COMMON_FOLDER_H

#include <limits.h>
#include <stdbool.h>

struct folder {
	char path[2 * PATH_MAX];
};

/** A place beside the program, wherever that was moved to, or an absolute one. Is the program's own place known? */
bool folder_find(struct folder *folder, const char *place);

#endif
