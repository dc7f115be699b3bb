/* SPDX-License-Identifier: MIT */
/* What all repeats of one strategy on one recording came to, for people and for programs. */
#ifndef REPLAY_RESULTS_H
#define REPLAY_RESULTS_H

#include <jansson.h>

#include "run.h"

enum mode { MODE_ORDER, MODE_RECORDED };

struct result {
	const struct recording *recording;
	const struct balloon_strategy *strategy;
	enum mode mode;
	struct outcome *outcomes; /* of the repeats */
	size_t n_repeats;
};

/** Print one table about one recording: the results of all strategies. Sorts the outcomes. */
void results_print(const struct result *results, size_t n_results);

/** Append the same results to a JSON array. Sorts the outcomes. Returns 0, or -1: it cannot be. */
int results_append(json_t *array, const struct result *results, size_t n_results);

#endif
