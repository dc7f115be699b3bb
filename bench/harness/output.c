/* SPDX-License-Identifier: MIT */
#include "harness/output.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* A device or a pipe is written to, a link is followed; a plain file is replaced as a whole. */
static bool is_replaced(const char *path)
{
	struct stat status;
	return lstat(path, &status) != 0 || S_ISREG(status.st_mode);
}

/* Returns the name of the file beside it that takes its place in the end, or NULL: no memory. */
static char *part_name(const char *path)
{
	static const char suffix[] = ".part";
	char *part = malloc(strlen(path) + sizeof suffix);
	return part ? strcat(strcpy(part, path), suffix) : NULL;
}

int output_open(struct output *output, const char *path, struct problem *problem)
{
	*output = (struct output){.path = path};
	if (!path)
		return 0;
	if (strcmp(path, "-") == 0) {
		*output = (struct output){.file = stdout, .path = "standard output"};
		return 0;
	}
	if (is_replaced(path) && !(output->part = part_name(path)))
		return problem_no_memory(problem);
	output->file = fopen(output->part ? output->part : path, "w");
	if (output->file)
		return 0;
	problem_set(problem, "%s: %s", path, strerror(errno));
	free(output->part);
	output->part = NULL;
	return -1;
}

bool output_is_stdout(const struct output *output)
{
	return output->file == stdout;
}

/* The standard output is main()'s to close. Returns 0, or the error number. */
static int finish(struct output *output)
{
	FILE *file = output->file;
	output->file = NULL;
	errno = 0;
	bool is_lost = ferror(file) != 0;
	if ((file == stdout ? fflush(file) : fclose(file)) != 0 || is_lost)
		return errno ? errno : EIO;
	return 0;
}

int output_commit(struct output *output, struct problem *problem)
{
	if (!output->file)
		return 0;
	int error = finish(output);
	if (output->part && error == 0 && rename(output->part, output->path) != 0)
		error = errno;
	if (error)
		return problem_set(problem, "%s: %s", output->path, strerror(error));
	free(output->part);
	output->part = NULL;
	return 0;
}

int output_no_json(struct problem *problem)
{
	return problem_set(problem,
		"no JSON can be made of the results: no memory, or a name that is not UTF-8");
}

int output_json(struct output *output, json_t *document, struct problem *problem)
{
	if (!document)
		return output_no_json(problem);
	errno = 0;
	bool is_written = json_dumpf(document, output->file, JSON_INDENT(2)) == 0 &&
			  fputc('\n', output->file) != EOF;
	int error = errno ? errno : EIO;
	json_decref(document);
	if (!is_written)
		return problem_set(problem, "%s: %s", output->path, strerror(error));
	return output_commit(output, problem);
}

void output_close(struct output *output)
{
	if (output->file)
		finish(output);
	if (output->part)
		remove(output->part); /* it did not come to the end: what was there before stays */
	free(output->part);
	output->part = NULL;
}
