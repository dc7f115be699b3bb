/* SPDX-License-Identifier: MIT */
#include "common/folder.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

bool folder_find(struct folder *folder, const char *place)
{
	char program[PATH_MAX];
	if (place[0] == '/') {
		snprintf(folder->path, sizeof folder->path, "%s", place);
		return true;
	}
	ssize_t n = readlink("/proc/self/exe", program, sizeof program - 1);
	if (n <= 0)
		return false;
	program[n] = '\0';
	*strrchr(program, '/') = '\0';
	snprintf(folder->path, sizeof folder->path, "%s/%s", program, place);
	return true;
}
