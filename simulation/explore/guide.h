/* SPDX-License-Identifier: MIT */
/*
 * A run that begins as planned and goes on as somebody chooses, at every step: what the reduction (reduce.h) and
 * the walks (walk.h) have in common.
 */
#ifndef EXPLORE_GUIDE_H
#define EXPLORE_GUIDE_H

#include "explore/search.h"

struct guide {
	/* Who makes the step: of the candidates, a bit each. self: who made the last one; it is no candidate if
	 * it ended or waits; ENGINE_NOBODY at the start. */
	uint32_t (*choose)(uint32_t candidates, uint32_t self, uint32_t step);
	/* It is made now. Optional. */
	void (*made)(uint32_t thread, const volatile void *place, size_t size_bytes, unsigned kind);
};

/** A run: before it, the plan; after it, what became of it. */
struct guide_run {
	struct search_schedule schedule; /* planned; then made */
	uint32_t from_step;              /* from here on the guide chooses */
	uint32_t n_preemptions;          /* of the plan; then of all */
	bool is_asserted;                /* an assertion about a lock failed */
	bool has_ended;                  /* all threads have */
};

/** Returns whether there is a finding. */
bool guide_make(const struct search_subject *subject, const struct guide *guide,
	struct guide_run *run, struct engine_report *report);

#endif
