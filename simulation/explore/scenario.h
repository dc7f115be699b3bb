/* SPDX-License-Identifier: MIT */
/*
 * Scenarios: what threads call at once on a small map, generated from what a thread may do by itself.
 *
 * A name lists the threads, and the calls of each: `dequeue|isolate.1+putback/2x1` is of two threads on two pages
 * and one device; the second isolates page 1. Pages that a thread ends the isolation of, or inserts, are its
 * own from the start; what is isolated may be any page, `isolate.*` all of them in one call; dequeue asks for
 * as many pages as there are. A second call that needs what the first one got (the page to put back, to insert)
 * is left out if there is nothing.
 */
#ifndef EXPLORE_SCENARIO_H
#define EXPLORE_SCENARIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <balloon/balloon.h>

enum {
	SCENARIO_THREADS = 3,
	SCENARIO_CALLS = 2, /* of a thread */
	SCENARIO_PAGES = 6,
	SCENARIO_DEVICES = 2,
	SCENARIO_NAME = 96,
	SCENARIO_NOBODY = -1,
};

enum operation {
	ISOLATE,
	PUTBACK,
	MIGRATE,
	FINALIZE,
	INSERT,
	DEQUEUE,
	DEVICE_CLOSE,
	STATISTICS,
	MAP_STATISTICS,
	PAGE_DEVICE, /* whose is a page that is isolated? */
	SCAN,        /* the pre-check of a page */
	/* Of the kernel around a strategy: not generated (history.h). */
	USE,     /* of pages that have left the balloon */
	RECLAIM, /* somebody works on the lists of ordinary pages */
};

struct call {
	enum operation operation;
	uint32_t device;
	uint32_t n_pages;
	struct balloon_page pages[SCENARIO_PAGES]; /* of MIGRATE: the old page, then the new one */
	bool wants_first; /* made only if the thread's first call was done */
	bool takes_got;   /* its pages are those that the first call dequeued */
};

struct actor {
	uint32_t n_calls;
	struct call calls[SCENARIO_CALLS];
};

struct scenario_page {
	enum balloon_page_state state;
	uint32_t device;
	int holder; /* the thread whose it is, if it is not LISTED */
};

struct scenario {
	char name[SCENARIO_NAME];
	uint32_t n_threads;
	uint32_t n_pages;
	uint32_t n_devices;
	bool is_misuse; /* two threads end what only one of them may */
	/* Of history (history.h); NULL: it is none. The finding that is meant; others are told apart. */
	const struct search_sign *sign;
	bool is_zoned; /* ballooned pages are counted by zones */
	bool is_strict; /* a page in somebody's hands is nobody else's to look at or lock, as in all other scenarios */
	bool has_lru; /* who isolates is a scanner, which has the lock of those lists or goes on */
	struct actor actors[SCENARIO_THREADS];
	struct scenario_page pages[SCENARIO_PAGES];
};

struct scenarios {
	struct scenario *all;
	size_t n;
};

/** Pairs; and, after them, triples. scenarios_free() frees them. Returns false: no memory. */
bool scenarios_generate(struct scenarios *scenarios, bool with_triples);

void scenarios_free(struct scenarios *scenarios);

/**
 * Is this its name? Without pages and devices, "dequeue|isolate+putback", it is that of all that differ in
 * those.
 */
bool scenario_is(const struct scenario *scenario, const char *name);

const char *scenario_operation_name(enum operation operation);

#endif
