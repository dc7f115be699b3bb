/* SPDX-License-Identifier: MIT */
/*
 * Findings as a page, to step through: page.html, with page.css and page.js in it. It needs no other file. The
 * table of each finding is what there is; the script shows one step of it at a time.
 */
#ifndef EXPLORE_PAGE_H
#define EXPLORE_PAGE_H

#include "explore/rows.h"

struct page_finding {
	const char *title; /* the strategy, the driver */
	const char *scenario;
	const char *command; /* that makes the schedule again */
	const struct engine_report *report;
	const struct rows *rows; /* NULL: found before there are threads */
};

/* Of a strategy, or of a driver on one. */
struct page_counts {
	const char *title;
	uint64_t n_scenarios;
	const uint64_t *n_schedules; /* with exactly 0, 1, ... preemptions */
	uint32_t n_preemptions;      /* at most */
	uint64_t n_found;            /* scenarios */
	uint64_t n_asserted;
};

/** Begin it. Returns false: errno says why. Without a page that was begun, the others do nothing. */
bool page_open(const char *path);
void page_add_finding(const struct page_finding *finding);
void page_add_counts(const struct page_counts *counts);
/** Write it. Returns false: errno says why, and what is in the file is no page. */
bool page_close(void);

#endif
