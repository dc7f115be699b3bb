/* SPDX-License-Identifier: MIT */
/* A schedule as rows, one a step: what is written as text (table.h) and as a page (page.h). */
#ifndef EXPLORE_ROWS_H
#define EXPLORE_ROWS_H

#include "explore/source.h"
#include "explore/stage.h"

enum { ROWS_LOCKS = 8 };

struct rows_lock {
	uint32_t thread; /* that holds it */
	char place[24];  /* "page 0", "map" */
};

struct row {
	uint32_t thread;
	const char *call; /* that it is in; NULL: the stage does not say */
	const char *kind; /* of the access: "read", "modify" */
	char place[24];   /* that it touches: "page 0+8" */
	uintptr_t where;
	struct source_place source;
	uint32_t n_locks; /* under which it is made: of all threads */
	struct rows_lock locks[ROWS_LOCKS];
	struct stage_cell state[STAGE_CELLS]; /* after it */
};

struct rows {
	const struct stage *stage;
	uint32_t n_threads;
	uint32_t n_cells;
	struct stage_cell start[STAGE_CELLS]; /* before the first */
	uint32_t n;
	struct row all[SEARCH_STEPS_MAX + 1];
};

/**
 * Make the schedule again on what is open. *report says what is found, if anything is. The rows stay until the next
 * call.
 */
const struct rows *rows_make(const struct stage *stage, const struct search_schedule *schedule,
	struct engine_report *report);

#endif
