/* SPDX-License-Identifier: MIT */
/*
 * The hazards of page strategies that are on record (docs/hazards.md), each with the scenario that it shows in,
 * `historical:H-06`, and with what is predicted of each historical form and of the strategies that the library
 * has. Scenarios of history are played within surroundings.h; there, anybody may look at a page's atomic
 * words and try its lock, as anybody in a kernel may, unless the hazard is about just that.
 */
#ifndef EXPLORE_HISTORY_H
#define EXPLORE_HISTORY_H

#include "explore/prediction.h"
#include "explore/scenario.h"
#include "explore/search.h"

enum {
	HISTORY_COLUMNS = 13,
	HISTORY_THREADS = 2,
	HISTORY_PAGES = 2,
};

struct hazard {
	const char *name;  /* "H-06" */
	const char *title; /* a few words */
	/* The scenario: all calls are on page 0, and on what was dequeued of it; migration is to page 1. */
	uint32_t n_threads;
	uint32_t n_pages;
	struct {
		enum operation operations[SCENARIO_CALLS];
		uint32_t n_operations;
	} threads[HISTORY_THREADS];
	struct scenario_page pages[HISTORY_PAGES];
	bool changes_device; /* each thread's second call is on a second device */
	bool is_zoned;
	bool has_lru;
	bool is_strict;
	struct search_sign sign; /* by which it is this hazard that is found, and no other one */
	enum prediction predicted[HISTORY_COLUMNS];
};

/** Of the columns of predictions; NULL after the last. */
const char *history_column(size_t i);
/** NULL after the last. */
const struct hazard *history_hazard(size_t i);

/** One scenario for each of the hazards, in their order. scenarios_free() frees them. Returns false: no memory. */
bool history_scenarios(struct scenarios *scenarios);

#endif
