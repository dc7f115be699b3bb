/* SPDX-License-Identifier: MIT */
/*
 * Results as JSON: flat rows, from which the tables for people and the CSV are made.
 *
 * A row has all by its name: subject, kind, workload, each label that applies, repeats; each figure as its median,
 * least and most over the repeats; durations of single calls as quantiles and a histogram; and as ratio, by the
 * reference's name, what the row's time is over the reference's in the same repeat.
 */
#ifndef HARNESS_ROWS_H
#define HARNESS_ROWS_H

#include <jansson.h>
#include <stdio.h>

#include "harness/trial.h"

/** Append the rows of a round's trials that have a repeat. Returns 0, or -1: they cannot be. */
int rows_append(json_t *rows, const struct round *round);

/** A column of a table. */
struct column {
	const char *title;
	const char *path;   /* of the value in a row: names, joined by '/' */
	const char *format; /* of a number; NULL: "%.4g" */
	double factor;      /* 0: 1 */
};

/** The subject, and the figure that is compared, with its range. */
#define COLUMNS_OF(title, figure)                                                                  \
	{"", "subject", NULL, 0}, {title, figure, NULL, 0},                                        \
	{                                                                                          \
		"[min max]", figure "/range", NULL, 0                                              \
	}

/** The end of columns. */
#define NO_COLUMN                                                                                  \
	{                                                                                          \
		NULL, NULL, NULL, 0                                                                \
	}

/**
 * Print rows from number first on as a table, in columns as wide as they need to be. A column that no row has is left
 * out. A figure is its median; its path may go on to "/range", the least and the most.
 */
void rows_print(const json_t *rows, size_t first, const struct column *columns);

/** Write rows as CSV, figures as their medians. What a row lacks is an empty field. Returns 0, or -1: no memory. */
int rows_csv(const json_t *rows, FILE *file);

/** Append an entry to an array, either of which may be NULL; takes both over. Returns the array, or NULL. */
json_t *array_with(json_t *array, json_t *entry);

#endif
