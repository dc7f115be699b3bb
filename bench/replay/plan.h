/* SPDX-License-Identifier: MIT */
/* What `balloon-bench replay` is asked to do: its options. */
#ifndef REPLAY_PLAN_H
#define REPLAY_PLAN_H

#include <stdbool.h>
#include <stddef.h>

#include "common/strategies.h"
#include "results.h"
#include "shelf.h"

enum { REPEATS_MAX = 10000 };

struct plan {
	struct shelf shelf;
	char **paths; /* of the recordings: on the shelf, or the caller's */
	size_t n_paths;
	struct strategies strategies;
	enum mode mode;
	size_t n_repeats;
	const char *json_path; /* NULL: none */
	bool is_help;          /* only the help text is wanted, the rest is not set */
};

/** Strings stay the caller's. Returns 0, or the exit status after a wrong usage. */
int plan_parse(struct plan *plan, int argc, char **argv);
void plan_fini(struct plan *plan);

#endif
