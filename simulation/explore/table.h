/* SPDX-License-Identifier: MIT */
/* A schedule as a table of text. */
#ifndef EXPLORE_TABLE_H
#define EXPLORE_TABLE_H

#include <stdio.h>

#include "explore/rows.h"

/** Print it: one column a thread, one row a step, then the locks, then how things stand after the step. */
void table_print(const struct rows *rows, FILE *file);

#endif
