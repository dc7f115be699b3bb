/* SPDX-License-Identifier: MIT */
/* A schedule as rows, one a step: what is written as text (table.h) and as a page (page.h). */
#ifndef EXPLORE_ROWS_H
#define EXPLORE_ROWS_H

#include "explore/play.h"
#include "explore/source.h"

enum { ROWS_LOCKS = 8 };

/** Where the pages stand: O, L, I as the calls that have returned left them, and whose hands they are in. */
struct rows_pages {
	char states[SCENARIO_PAGES];
	int8_t holders[SCENARIO_PAGES]; /* SCENARIO_NOBODY */
};

struct rows_lock {
	uint32_t thread; /* that holds it */
	char place[24];  /* "page 0", "map" */
};

struct row {
	uint32_t thread;
	const char *call; /* that it is in */
	const char *kind; /* of the access: "read", "modify" */
	char place[24];   /* that it touches: "page 0+8" */
	uintptr_t where;
	struct source_place source;
	uint32_t n_locks; /* under which it is made: of all threads */
	struct rows_lock locks[ROWS_LOCKS];
	struct rows_pages pages; /* after it */
};

struct rows {
	struct rows_pages start; /* before the first */
	uint32_t n;
	struct row all[SEARCH_STEPS_MAX + 1];
};

/**
 * Make the schedule again on the scenario of play_open(). *report says what is found, if anything is. The rows stay
 * until the next call.
 */
const struct rows *rows_make(const struct search_schedule *schedule, struct engine_report *report);

/** The calls of a thread, over its column: "isolate+putback". */
void rows_name_calls(uint32_t thread, char *text, size_t size);

#endif
