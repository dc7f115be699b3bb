/* SPDX-License-Identifier: MIT */
/*
 * Could it have happened? Every page's state is followed through the rows in a plain array, so that
 * a replay that goes wrong is the strategy's doing, not the file's.
 */
#include "recording.h"

#include <stdbool.h>
#include <stdlib.h>

enum state { ABSENT, LISTED, ISOLATED };

struct leak {
	bool is_running;
	int32_t n_pages; /* dequeued by the task since the leak began */
};

struct check {
	struct recording *recording;
	uint8_t *states; /* enum state, of each page */
	struct leak leaks[TASKS_MAX];
};

/* Each of these returns what is wrong with the row, NULL if nothing. */

static const char *move(
	struct check *check, uint32_t page, enum state from, enum state to, const char *otherwise)
{
	struct recording *recording = check->recording;
	if (check->states[page] != from)
		return otherwise;
	check->states[page] = (uint8_t)to;
	recording->final_listed += to == LISTED;
	recording->final_listed -= from == LISTED;
	recording->final_isolated += to == ISOLATED;
	recording->final_isolated -= from == ISOLATED;
	return NULL;
}

static const char *check_deflate(struct check *check, const struct row *row)
{
	check->leaks[row->task].n_pages++;
	return move(check, row->page, LISTED, ABSENT, "deflate of a page that is not listed");
}

static const char *check_deflate_none(const struct check *check)
{
	const struct recording *recording = check->recording;
	if (recording->final_listed > 0)
		return "deflate_none while pages are listed";
	return recording->final_isolated > 0 ? NULL : "deflate_none while no page is isolated";
}

static const char *check_migrate(struct check *check, const struct row *row)
{
	if (check->states[row->page] != ISOLATED)
		return "migrate of a page that is not isolated";
	if (check->states[row->new_page] != ABSENT)
		return "migrate to a page that is in the balloon";
	if (row->op == OP_MIGRATE_AGAIN)
		return NULL;
	move(check, row->page, ISOLATED, ABSENT, NULL);
	return move(check, row->new_page, ABSENT, LISTED, NULL);
}

static const char *check_leak_begin(struct leak *leak)
{
	if (leak->is_running)
		return "leak_begin within a leak";
	*leak = (struct leak){.is_running = true};
	return NULL;
}

static const char *check_leak_end(struct leak *leak, const struct row *row)
{
	if (!leak->is_running)
		return "leak_end without leak_begin";
	leak->is_running = false;
	return leak->n_pages == row->n_pages ? NULL : "leak_end tells of more or fewer pages";
}

static const char *check_row(struct check *check, const struct row *row)
{
	switch (row->op) {
	case OP_INFLATE:
		return move(check, row->page, ABSENT, LISTED,
			"inflate of a page that is in the balloon");
	case OP_DEFLATE:
		return check_deflate(check, row);
	case OP_DEFLATE_NONE:
		return check_deflate_none(check);
	case OP_ISOLATE:
		return move(
			check, row->page, LISTED, ISOLATED, "isolate of a page that is not listed");
	case OP_PUTBACK:
		return move(check, row->page, ISOLATED, LISTED,
			"putback of a page that is not isolated");
	case OP_FINALIZE:
		return move(check, row->page, ISOLATED, ABSENT,
			"finalize of a page that is not isolated");
	case OP_MIGRATE:
	case OP_MIGRATE_AGAIN:
		return check_migrate(check, row);
	case OP_LEAK_BEGIN:
		return check_leak_begin(&check->leaks[row->task]);
	case OP_LEAK_END:
		return check_leak_end(&check->leaks[row->task], row);
	default:
		return NULL;
	}
}

int recording_check(struct recording *recording, struct problem *problem)
{
	struct check check = {
		.recording = recording, .states = calloc(recording->n_pages, sizeof(uint8_t))};
	if (!check.states)
		return problem_no_memory(problem);
	const char *wrong = NULL;
	size_t i;
	for (i = 0; i < recording->n_rows && !wrong; i++)
		wrong = check_row(&check, &recording->rows[i]);
	free(check.states);
	return wrong ? problem_at(problem, recording->path, recording_line(i - 1), "%s", wrong) : 0;
}
