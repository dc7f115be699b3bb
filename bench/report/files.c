/* SPDX-License-Identifier: MIT */
#include "report/files.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Returns 0 or -1. */
static int make_directory(const char *path, bool *has_made, struct problem *problem)
{
	struct stat status;
	*has_made = mkdir(path, 0777) == 0;
	if (*has_made)
		return 0;
	int error = errno;
	if (error == EEXIST && stat(path, &status) == 0)
		error = S_ISDIR(status.st_mode) ? 0 : ENOTDIR;
	return error ? problem_set(problem, "%s: %s", path, strerror(error)) : 0;
}

/* Returns "directory/name", for free(), or NULL: no memory. */
static char *join(const char *directory, const char *name, struct problem *problem)
{
	size_t size = strlen(directory) + strlen(name) + 2;
	char *path = malloc(size);
	if (path)
		snprintf(path, size, "%s/%s", directory, name);
	else
		problem_no_memory(problem);
	return path;
}

int files_init(struct files *files, const char *directory, struct problem *problem)
{
	*files = (struct files){.directory = directory};
	if (make_directory(directory, &files->has_made_directory, problem) < 0)
		return -1;
	files->plots = join(directory, "plots", problem);
	if (!files->plots)
		return -1;
	return make_directory(files->plots, &files->has_made_plots, problem);
}

FILE *files_open(struct files *files, const char *name, struct problem *problem)
{
	struct output *output = &files->outputs[files->n_files];
	char *path = files->n_files < FILES_MAX ? join(files->directory, name, problem) : NULL;
	if (!path) {
		problem_set(problem, "%s: no room for another file", name);
		return NULL;
	}
	if (output_open(output, path, problem) < 0) {
		free(path);
		return NULL;
	}
	files->paths[files->n_files++] = path;
	return output->file;
}

/* A full disk is found out before any of the files takes its place. */
static int flush(const struct files *files, struct problem *problem)
{
	for (size_t i = 0; i < files->n_files; i++) {
		errno = 0;
		if (fflush(files->outputs[i].file) != 0 || ferror(files->outputs[i].file))
			return problem_set(
				problem, "%s: %s", files->paths[i], strerror(errno ? errno : EIO));
	}
	return 0;
}

int files_commit(struct files *files, struct problem *problem)
{
	if (flush(files, problem) < 0)
		return -1;
	for (size_t i = files->n_files; i > 0; i--) {
		if (output_commit(&files->outputs[i - 1], problem) < 0)
			return -1;
	}
	files->has_made_directory = files->has_made_plots = false; /* they stay */
	return 0;
}

void files_close(struct files *files)
{
	while (files->n_files > 0) {
		output_close(&files->outputs[--files->n_files]);
		free(files->paths[files->n_files]);
	}
	if (files->has_made_plots)
		rmdir(files->plots);
	if (files->has_made_directory)
		rmdir(files->directory);
	free(files->plots);
}
