/* SPDX-License-Identifier: MIT */
#include "recording.h"

#include <stdbool.h>
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

static int read_file(struct recording *recording, struct problem *problem)
{
	struct parser parser;
	size_t capacity = 0;
	int result = parser_open(&parser, recording, problem);
	if (result < 0)
		return -1;
	while ((result = grow(recording, &capacity, problem)) == 0 &&
		(result = parser_row(&parser, &recording->rows[recording->n_rows])) > 0)
		recording->n_ops[recording->rows[recording->n_rows++].op]++;
	if (result == 0 && recording->n_pages == 0)
		result = parser_fail(&parser, "the recording ends without naming a page");
	parser_close(&parser);
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

/* ---- Could it have happened? ------------------------------------------------------------------ */

/*
 * Every page's state is followed through the rows in a plain array, so that a replay that goes wrong is the strategy's
 * doing, not the file's.
 */
enum state { ABSENT, LISTED, ISOLATED };

/* What a page is before an operation and after it, and what is wrong otherwise. */
static const struct {
	enum state from, to;
	const char *otherwise; /* NULL: it is about no page */
} moves[OP_COUNT] = {
	[OP_INFLATE] = {ABSENT, LISTED, "inflate of a page that is in the balloon"},
	[OP_DEFLATE] = {LISTED, ABSENT, "deflate of a page that is not listed"},
	[OP_ISOLATE] = {LISTED, ISOLATED, "isolate of a page that is not listed"},
	[OP_PUTBACK] = {ISOLATED, LISTED, "putback of a page that is not isolated"},
	[OP_FINALIZE] = {ISOLATED, ABSENT, "finalize of a page that is not isolated"},
	[OP_MIGRATE] = {ISOLATED, ABSENT, "migrate of a page that is not isolated"},
	[OP_MIGRATE_AGAIN] = {ISOLATED, ISOLATED, "migrate of a page that is not isolated"},
};

struct check {
	struct recording *recording;
	uint8_t *states; /* enum state, of each page */
	int32_t n_leaked
		[TASKS_MAX]; /* pages since the task's leak began; negative: none is running */
};

/* Each of these returns what is wrong with the row, NULL if nothing. */

static const char *move(
	struct check *check, uint32_t page, enum state from, enum state to, const char *otherwise)
{
	struct recording *recording = check->recording;
	if (check->states[page] != from)
		return otherwise;
	check->states[page] = (uint8_t)to;
	recording->final_listed += (to == LISTED) - (uint64_t)(from == LISTED);
	recording->final_isolated += (to == ISOLATED) - (uint64_t)(from == ISOLATED);
	return NULL;
}

static const char *check_page(struct check *check, const struct row *row)
{
	const bool migrates = row->op == OP_MIGRATE || row->op == OP_MIGRATE_AGAIN;
	if (migrates && check->states[row->page] == ISOLATED &&
		check->states[row->new_page] != ABSENT)
		return "migrate to a page that is in the balloon";
	if (row->op == OP_DEFLATE && check->n_leaked[row->task] >= 0)
		check->n_leaked[row->task]++;
	const char *wrong = move(
		check, row->page, moves[row->op].from, moves[row->op].to, moves[row->op].otherwise);
	if (!wrong && row->op == OP_MIGRATE)
		wrong = move(check, row->new_page, ABSENT, LISTED, NULL);
	return wrong;
}

static const char *check_row(struct check *check, const struct row *row)
{
	const struct recording *recording = check->recording;
	int32_t *n_leaked = &check->n_leaked[row->task], n = *n_leaked;
	if (moves[row->op].otherwise)
		return check_page(check, row);
	switch (row->op) {
	case OP_DEFLATE_NONE:
		if (recording->final_listed > 0)
			return "deflate_none while pages are listed";
		return recording->final_isolated > 0 ? NULL
						     : "deflate_none while no page is isolated";
	case OP_LEAK_BEGIN:
		*n_leaked = 0;
		return n < 0 ? NULL : "leak_begin within a leak";
	case OP_LEAK_END:
		*n_leaked = -1;
		if (n < 0)
			return "leak_end without leak_begin";
		return n == row->n_pages ? NULL : "leak_end tells of more or fewer pages";
	default:
		return NULL;
	}
}

/* Note the final counts as well. */
static int check(struct recording *recording, struct problem *problem)
{
	struct check check = {
		.recording = recording, .states = calloc(recording->n_pages, sizeof(uint8_t))};
	const char *wrong = NULL;
	size_t i;
	if (!check.states)
		return problem_no_memory(problem);
	for (i = 0; i < TASKS_MAX; i++)
		check.n_leaked[i] = -1;
	for (i = 0; i < recording->n_rows && !wrong; i++)
		wrong = check_row(&check, &recording->rows[i]);
	free(check.states);
	return wrong ? problem_at(problem, recording->path, recording_line(i - 1), "%s", wrong) : 0;
}

/* ---- Loading --------------------------------------------------------------------------------- */

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
		result = check(recording, problem);
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
