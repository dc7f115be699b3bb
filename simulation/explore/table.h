/* SPDX-License-Identifier: MIT */
/* A schedule as a table for people. */
#ifndef EXPLORE_TABLE_H
#define EXPLORE_TABLE_H

#include "explore/play.h"

/**
 * Make the schedule again on the scenario of play_open(), and print it: one column a thread, one row a step, with
 * what the step touches, the locks under which it is made, and where the pages stand after it: O, L, I as the calls
 * that have returned left them, and whose hands they are in. Returns whether there is a finding; *report says which.
 */
bool table_print(const struct search_schedule *schedule, struct engine_report *report, FILE *file);

#endif
