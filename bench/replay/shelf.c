/* SPDX-License-Identifier: MIT */
#include "shelf.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "common/command.h"

static const char suffix[] = ".csv.gz";

/* Returns 0 also if there are none; -1: no memory. */
static int take_folder(struct shelf *shelf, const char *folder)
{
	char pattern[3 * PATH_MAX];
	snprintf(pattern, sizeof pattern, "%s/*%s", folder, suffix);
	int result = glob(pattern, 0, NULL, &shelf->found);
	if (result == 0) {
		shelf->paths = shelf->found.gl_pathv;
		shelf->n_paths = shelf->found.gl_pathc;
	}
	return result == GLOB_NOSPACE ? -1 : 0;
}

int shelf_open(struct shelf *shelf)
{
	static const char *const places[] = {"recordings", BENCH_RECORDINGS};
	struct folder folder;
	*shelf = (struct shelf){0};
	for (size_t i = 0; i < 2 && shelf->n_paths == 0; i++)
		if (folder_find(&folder, places[i]) && take_folder(shelf, folder.path) < 0)
			return -1;
	return 0;
}

void shelf_close(struct shelf *shelf)
{
	if (shelf->paths)
		globfree(&shelf->found);
	*shelf = (struct shelf){0};
}

/* linux6.1-c-oom is linux6.1-c-oom.csv.gz, linux6.1-c-oom and c-oom. */
static bool is_called(const char *path, const char *name)
{
	const char *file = strrchr(path, '/') + 1;
	size_t n_file = strlen(file) - strlen(suffix);
	size_t n_name = strlen(name);
	if (strcmp(file, name) == 0)
		return true;
	if (n_name == 0 || n_name > n_file || strncmp(file + n_file - n_name, name, n_name) != 0)
		return false;
	return n_name == n_file || file[n_file - n_name - 1] == '-';
}

char *shelf_find(const struct shelf *shelf, const char *name)
{
	char *found = NULL;
	for (size_t i = 0; i < shelf->n_paths; i++) {
		if (!is_called(shelf->paths[i], name))
			continue;
		if (found)
			return NULL;
		found = shelf->paths[i];
	}
	return found;
}
