/* SPDX-License-Identifier: MIT */
/* Rows that belong together. */
#ifndef REPORT_SELECT_H
#define REPORT_SELECT_H

#include <limits.h>

#include "report/model.h"

/* In a pattern: whatever it is. Texts are NULL then. */
#define ANY ULONG_MAX

enum varied { VARIED_THREADS = 1, VARIED_BATCH = 2, VARIED_PAGES = 4, VARIED_ORDER = 8 };

/** What is asked of a row; NAN: it does not know. */
typedef double row_value(const struct row *row);

double row_ns(const struct row *row);
double row_fairness(const struct row *row);
double row_success(const struct row *row);
double row_bytes(const struct row *row);

bool setup_matches(const struct setup *pattern, const struct setup *setup);

/**
 * Of all setups that match the pattern the one that most rows know the value in; of equals, that of
 * more threads. Setups that differ only in what may vary (of enum varied) count as one, with ANY
 * there. Returns whether there is one.
 */
bool select_slice(const struct model *model, const struct setup *pattern, unsigned varied,
	row_value *value, struct setup *slice);

/** The next row from number *i on that matches and knows the value; NULL: no more. */
const struct row *select_next(
	const struct model *model, const struct setup *pattern, row_value *value, size_t *i);

/**
 * The values that matching rows have of what varies, ascending, each once; not 0, which is not
 * known. Returns how many, up to max.
 */
size_t select_values(const struct model *model, const struct setup *pattern, enum varied varied,
	unsigned long *values, size_t max);

/** The value of a row's setup that varies; not VARIED_ORDER. */
unsigned long setup_value(const struct setup *setup, enum varied varied);

/** The matching strategy's row of the lowest (or highest) value; NULL: none. */
const struct row *select_lowest(
	const struct model *model, const struct setup *pattern, row_value *value);
const struct row *select_highest(
	const struct model *model, const struct setup *pattern, row_value *value);

/** How many strategies have a matching row that knows the value. */
size_t select_n_strategies(
	const struct model *model, const struct setup *pattern, row_value *value);

/**
 * How many times the reference's time a row took: measured pair by pair, if the row says so, else
 * by the medians of the same setup in the same file. The median is NAN if neither is known.
 */
struct spread row_times(const struct model *model, const struct row *row, const char *to);

#endif
