/* SPDX-License-Identifier: MIT */
/*
 * The hazards of drivers that are on record, as history.h has those of page strategies: each with the scenario that
 * it shows in, and with what is predicted of each historical form (strategies/historical/driver.h) and of the
 * library's designs.
 *
 * As in other scenarios of drivers there are four pages, and a host as a thread; a fill or a leak is of two pages, a
 * relief of one. What else is held against forms and designs there: a relief that says that there is nothing to free
 * is right; where memory has run out, a fill waits until a relief has been tried.
 */
#ifndef EXPLORE_DRIVER_HISTORY_H
#define EXPLORE_DRIVER_HISTORY_H

#include "explore/prediction.h"
#include "explore/search.h"

struct balloon_driver_design;
struct historical_driver_form;

enum { DRIVER_COLUMNS = 9 };

struct driver_hazard {
	const char *name;      /* "H-18" */
	const char *title;     /* a few words */
	const char *threads;   /* "fill|leak" */
	uint32_t n_at_start;   /* pages in the balloon */
	uint32_t n_free;       /* frames; all others are somebody else's */
	bool waits_for_memory; /* a fill, once there is no frame, until a relief was tried */
	struct search_sign sign;
	enum prediction predicted[DRIVER_COLUMNS];
};

/** Of the columns of predictions; NULL after the last. */
const char *driver_history_column(size_t i);
/** NULL after the last. */
const struct driver_hazard *driver_history_hazard(size_t i);

/** Of the library, or of a form; NULL: there is none of this name. */
const struct balloon_driver_design *driver_history_design(const char *name);
/** NULL: it is one of the library's. */
const struct historical_driver_form *driver_history_form(
	const struct balloon_driver_design *design);

#endif
