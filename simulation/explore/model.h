/* SPDX-License-Identifier: MIT */
/*
 * What the calls of a run may return, and how the map may look afterwards: there has to be an order of the
 * calls that explains both. Of two calls of which one had returned before the other began, the first comes
 * first. A batch is its pages one after the other, others may come in between.
 *
 * What each call does to the states of pages, the lists and the counts is written down here once more, from
 * balloon.h and strategy.h. "Again" is allowed where another call that names the page, or a dequeue, ran at the
 * same time; so is dequeue's passing over a page. Where two errors apply, either is allowed.
 */
#ifndef EXPLORE_MODEL_H
#define EXPLORE_MODEL_H

#include "explore/scenario.h"

enum { MODEL_COUNTS = 8, MODEL_CALLS = SCENARIO_THREADS * SCENARIO_CALLS };

/** A call that was made. */
struct made {
	struct call call; /* with the pages that it was given */
	int result;
	uint32_t begin; /* step of its first access */
	uint32_t end;   /* and of its last one */
	struct balloon_page got[SCENARIO_PAGES];
	struct balloon_memmap_stats stats; /* of a device: `devices` alone */
	uint32_t answer; /* of PAGE_DEVICE: the device's number and 1, 0: none; of SCAN: 0, 1 */
};

/** How a map looks at rest. */
struct look {
	struct {
		enum balloon_page_state state;
		uint32_t device;
	} pages[SCENARIO_PAGES];
	struct {
		bool is_open;
		struct balloon_device_stats stats;
		uint32_t n_listed;
		uint32_t list[SCENARIO_PAGES]; /* first to be dequeued first */
	} devices[SCENARIO_DEVICES];
};

struct history {
	const struct scenario *scenario;
	bool is_ordered; /* BALLOON_ORDER_LIFO, and there are lists to look at */
	uint32_t n_made[SCENARIO_THREADS];
	struct made made[SCENARIO_THREADS][SCENARIO_CALLS];
	struct look before;
	struct look after;
};

/** Is there an order that explains it? */
bool model_explains(const struct history *history);

/** "a: dequeue = 1: 0; b: isolate 1 = -ESTALE; then O L": the calls, and the pages' states. */
void model_describe(const struct history *history, char *text, size_t size);

#endif
