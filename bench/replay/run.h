/* SPDX-License-Identifier: MIT */
/* One run: one recording through one strategy, on a map and a device of its own. */
#ifndef REPLAY_RUN_H
#define REPLAY_RUN_H

#include <stdint.h>

#include <balloon/balloon.h>

#include "common/problem.h"
#include "recording.h"

/** What is to be run, and on what. */
struct run {
	const struct recording *recording;
	const struct balloon_strategy *strategy;
	struct balloon_memmap *map;
	struct balloon_device *device;
	struct problem *problem;
};

/** What came of it. */
struct outcome {
	uint64_t n_page_operations; /* done: an attempt is none */
	uint64_t elapsed_ns;
	uint64_t n_dequeues;
	uint64_t n_matches; /* dequeues that returned the page of the recording */
	uint64_t n_skipped; /* rows that could not be done */
	uint64_t n_isolate_attempts;
	uint64_t n_lock_contended;
	struct balloon_device_stats stats; /* in the end */
};

/** Make the map, of n_pages pages, and the device. Returns 0, and the caller ends it; or -1. */
int run_begin(struct run *run, uint32_t n_pages);

/** Take out whatever pages are left, and release map and device. */
void run_end(struct run *run);

/**
 * Hold device and map against what must have become of them: the counts, and the map's validity.
 * Fills in the outcome's counts but those of dequeues and skipped rows. Returns 0 or -1.
 */
int run_check(
	struct run *run, const struct balloon_device_stats *expected, struct outcome *outcome);

/** Say what went wrong at a row of the recording, or after the last. Returns -1. */
int run_fail(const struct run *run, struct problem *problem, size_t row, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/** Every row in its order, by one thread, on the pages of the recording. Returns 0 or -1. */
int replay_order(struct run *run, struct outcome *outcome);

/** Each recorded task is a thread, on pages chosen by role. Returns 0 or -1. */
int replay_tasks(struct run *run, struct outcome *outcome);

#endif
