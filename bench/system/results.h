/* SPDX-License-Identifier: MIT */
/* What a round came to, for people and for programs. */
#ifndef SYSTEM_RESULTS_H
#define SYSTEM_RESULTS_H

#include <jansson.h>
#include <stdio.h>

#include "system/trial.h"

/** One table: all trials. */
void round_print(const struct round *round);

/** The same as an array's entries. Returns 0, or -1: no memory. */
int round_append(json_t *array, const struct round *round);

/** The same as lines of CSV. */
void round_csv_header(FILE *file);
void round_csv(FILE *file, const struct round *round);

/** The trial of this name, if it has a repeat; NULL. */
const struct trial *round_find(const struct round *round, const char *subject);

/** What ratios are to; NULL after the last: of a release; of any work. */
extern const char *const raw_names[], *const reference_names[];

#endif
