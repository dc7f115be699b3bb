/* SPDX-License-Identifier: MIT */
#include "json-file.h"

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

int json_file_open(struct json_file *json, const char *path, struct problem *problem)
{
	*json = (struct json_file){.path = path};
	if (!path)
		return 0;
	if (strcmp(path, "-") == 0) {
		*json = (struct json_file){.file = stdout, .path = "standard output"};
		return 0;
	}
	if (is_replaced(path) && !(json->part = part_name(path)))
		return problem_no_memory(problem);
	json->file = fopen(json->part ? json->part : path, "w");
	if (json->file)
		return 0;
	problem_set(problem, "%s: %s", path, strerror(errno));
	free(json->part);
	json->part = NULL;
	return -1;
}

bool json_file_is_stdout(const struct json_file *json)
{
	return json->file == stdout;
}

/* The standard output is main()'s to close. */
static int finish(struct json_file *json)
{
	FILE *file = json->file;
	json->file = NULL;
	return file == stdout ? fflush(file) : fclose(file);
}

/* Returns 0, or the error number. */
static int dump(struct json_file *json, const json_t *document)
{
	errno = 0;
	bool is_written = json_dumpf(document, json->file, JSON_INDENT(2)) == 0 &&
			  fputc('\n', json->file) != EOF;
	int error = is_written ? 0 : errno ? errno : EIO;
	if (finish(json) != 0 && error == 0)
		error = errno;
	if (json->part && error == 0 && rename(json->part, json->path) != 0)
		error = errno;
	if (error == 0) {
		free(json->part);
		json->part = NULL;
	}
	return error;
}

int json_file_fail(struct problem *problem)
{
	return problem_set(problem,
		"no JSON can be made of the results: no memory, or a name that is not UTF-8");
}

int json_file_write(struct json_file *json, json_t *document, struct problem *problem)
{
	if (!document)
		return json_file_fail(problem);
	int error = dump(json, document);
	json_decref(document);
	return error ? problem_set(problem, "%s: %s", json->path, strerror(error)) : 0;
}

void json_file_close(struct json_file *json)
{
	if (json->file)
		finish(json);
	if (json->part)
		remove(json->part); /* it did not come to the end: what was there before stays */
	free(json->part);
	json->part = NULL;
}
