/* SPDX-License-Identifier: MIT */
/* Does the reduction see what the search without it sees? */
#ifndef EXPLORE_AGREE_H
#define EXPLORE_AGREE_H

#include "explore/play.h"

/** What a search saw of a scenario: ends (calls in their order, results, all memory of the map), and findings. */
struct agree_seen {
	struct search_result result;
	uint32_t n_ends;
	uint32_t n_findings; /* that differ in what they say */
	double seconds;
};

struct agree_result {
	struct agree_seen bounded;
	struct agree_seen reduced;
	bool is_exhausted; /* no schedule has more preemptions than the bound */
	uint32_t n_missed; /* ends and findings of the search that the reduction did not see */
	uint32_t n_more;   /* the other way round */
};

/**
 * Search a scenario up to a bound, and reduced without one. All that the first sees the second has to see; and nothing
 * else, if the search is exhausted. Returns whether that holds.
 */
bool agree_check(const struct scenario *scenario, const struct balloon_strategy *strategy,
	uint32_t n_preemptions, struct agree_result *result);

#endif
