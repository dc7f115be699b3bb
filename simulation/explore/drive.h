/* SPDX-License-Identifier: MIT */
/*
 * A driver's scenarios as threads that can be searched: calls on a driver with a balloon of a few pages, a source
 * of frames and a host that is a thread of its own, all of it the simulation's (simulation.h).
 *
 * A name lists the threads: `fill|leak` is two, each with its call, `stop+reset` one with two calls. Of four pages
 * two are in the balloon at the start; a request has two. Choices of values: what the host does with each request
 * (enum sim_answer), and what becomes of each allocation (enum sim_allocation).
 *
 * What a schedule is held against. On the way, what the simulation holds against each call, each callback, each
 * request to the host and each frame (calls.c, host.c, frames.c, check.c): results are those that driver.h promises,
 * and say what happened; nothing is asked for that the host has not acknowledged to have, nothing is free that the
 * host has; what is acknowledged is told in sequence. What was stopped is not touched any more. And what a design is
 * about: in coarse and alloc-outside the host is asked for pages in one direction at a time; in every design for those
 * of a migration alone; a relief of split-coalesce is the only one; frames are allocated under the design's lock in
 * coarse, and under none in the others. (What the host has not answered in time holds up nobody.) At the end, when the
 * host has answered what it left, the driver comes to rest, its counts and the map are valid, each page is in one
 * place and the host knows it, and a balloon of no pages is reached, or a stopped driver can be reset: all frames
 * are back.
 */
#ifndef EXPLORE_DRIVE_H
#define EXPLORE_DRIVE_H

#include "explore/stage.h"

struct balloon_driver_design;
struct balloon_strategy;
struct driver_hazard;

enum { DRIVE_THREADS = 3, DRIVE_NAME = 96 };

/** What the threads do, by number. */
struct drive {
	char name[DRIVE_NAME];
	uint32_t n_threads;
	uint32_t programs[DRIVE_THREADS];
	const struct driver_hazard
		*hazard; /* that it shows (driver-history.h); NULL: it is none of history */
};

struct drives {
	struct drive *all;
	size_t n;
};

/** Pairs; and, after them, triples. The caller frees `all`. Returns false: no memory. */
bool drives_generate(struct drives *drives, bool with_triples);

/** One for each of the hazards, in their order. */
bool drives_of_history(struct drives *drives);

/** Make the world as it is at the start. The design may be that of a historical form, in scenarios of history. Returns
 * false: *report says what was found on the way. */
bool drive_open(const struct drive *drive, const struct balloon_driver_design *design,
	const struct balloon_strategy *strategy, struct engine_report *report);

/** Of the library's drivers, and of historical forms. */
extern const struct stage drive_stage;
extern const struct stage drive_stage_of_history;

#endif
