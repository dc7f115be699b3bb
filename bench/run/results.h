/* SPDX-License-Identifier: MIT */
/* What a series came to, for people and for programs. */
#ifndef RUN_RESULTS_H
#define RUN_RESULTS_H

#include <jansson.h>
#include <stdio.h>

#include "run/series.h"

/** One table: all subjects. */
void series_print(const struct series *series);

/** The same as an array's entries. Returns 0, or -1: no memory. */
int series_append(json_t *array, const struct series *series);

/** What the subjects are; NULL: no memory. */
json_t *subjects_json(const struct plan *plan);

/** The same as lines of CSV, with a ratio to each reference of the plan. */
void series_csv_header(FILE *file, const struct plan *plan);
void series_csv(FILE *file, const struct plan *plan, const struct series *series);

#endif
