/* SPDX-License-Identifier: MIT */
#include "recording.h"

#include <stdlib.h>
#include <string.h>

#include "parser.h"

/* Make room for one more row. */
static int grow(struct recording *recording, size_t *capacity, struct problem *problem)
{
	if (recording->n_rows < *capacity)
		return 0;
	size_t n = *capacity ? 2 * *capacity : 4096;
	struct row *rows = realloc(recording->rows, n * sizeof *rows);
	if (!rows)
		return problem_no_memory(problem);
	recording->rows = rows;
	*capacity = n;
	return 0;
}

static int read_rows(struct parser *parser)
{
	struct recording *recording = parser->recording;
	size_t capacity = 0;
	int result;
	while ((result = lines_next(&parser->lines)) > 0) {
		if (grow(recording, &capacity, parser->lines.problem) < 0 ||
			parser_row(parser, &recording->rows[recording->n_rows]) < 0)
			return -1;
		recording->n_ops[recording->rows[recording->n_rows++].op]++;
	}
	if (result == 0 && recording->n_pages == 0)
		return lines_fail(&parser->lines, "the recording ends without naming a page");
	return result;
}

static int read_file(struct recording *recording, struct problem *problem)
{
	struct parser parser = {.recording = recording};
	if (lines_open(&parser.lines, recording->path, problem) < 0)
		return -1;
	int result = parser_header(&parser) < 0 ? -1 : read_rows(&parser);
	lines_close(&parser.lines);
	return result;
}

/* From frame numbers to indexes. Rows without a page keep a meaningless one. */
static void rebase(struct recording *recording)
{
	for (size_t i = 0; i < recording->n_rows; i++) {
		recording->rows[i].page -= recording->first_pfn;
		recording->rows[i].new_page -= recording->first_pfn;
	}
}

static void cut_suffix(char *name, const char *suffix)
{
	size_t n = strlen(name);
	size_t n_suffix = strlen(suffix);
	if (n > n_suffix && strcmp(name + n - n_suffix, suffix) == 0)
		name[n - n_suffix] = '\0';
}

static char *name_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *name = strdup(slash ? slash + 1 : path);
	if (name) {
		cut_suffix(name, ".gz");
		cut_suffix(name, ".csv");
	}
	return name;
}

int recording_load(struct recording *recording, const char *path, struct problem *problem)
{
	*recording = (struct recording){.path = path, .name = name_of(path)};
	int result = recording->name ? read_file(recording, problem) : problem_no_memory(problem);
	if (result == 0) {
		rebase(recording);
		result = recording_check(recording, problem);
	}
	if (result < 0)
		recording_fini(recording);
	return result;
}

void recording_fini(struct recording *recording)
{
	free(recording->rows);
	free(recording->name);
	*recording = (struct recording){0};
}
