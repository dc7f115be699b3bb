/* SPDX-License-Identifier: MIT */
#include "harness/output.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

/* A device or a pipe is written to, a link is followed; a plain file is replaced as a whole. */
static bool is_replaced(const char *path)
{
	struct stat status;
	return lstat(path, &status) != 0 || S_ISREG(status.st_mode);
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
	if (is_replaced(path) && strlen(path) < sizeof output->part - sizeof ".part")
		strcat(strcpy(output->part, path), ".part");
	output->file = fopen(output->part[0] ? output->part : path, "w");
	if (output->file)
		return 0;
	output->part[0] = '\0';
	return problem_set(problem, "%s: %s", path, strerror(errno));
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
	if (output->part[0] && error == 0 && rename(output->part, output->path) != 0)
		error = errno;
	if (error)
		return problem_set(problem, "%s: %s", output->path, strerror(error));
	output->part[0] = '\0';
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
	if (output->part[0])
		remove(output->part); /* it did not come to the end: what was there before stays */
	output->part[0] = '\0';
}
