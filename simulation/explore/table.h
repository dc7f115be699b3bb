/* SPDX-License-Identifier: MIT */
/* A schedule as a table for people. */
#ifndef EXPLORE_TABLE_H
#define EXPLORE_TABLE_H

#include "explore/stage.h"

/**
 * Make the schedule again on what is open, and print it: one column a thread, one row a step, with what the step
 * touches, the locks under which it is made, and how things stand after it. Returns whether there is a finding;
 * *report says which.
 */
bool table_print(const struct stage *stage, const struct search_schedule *schedule,
	struct engine_report *report, FILE *file);

#endif
