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
	char **names; /* as given: recordings, room for all arguments; allocated */
	size_t n_names;
	char **paths; /* of the recordings: on the shelf, or the caller's */
	size_t n_paths;
	struct strategies strategies;
	enum mode mode;
	size_t n_repeats;
	const char *json_path; /* NULL: none */
};

/** Strings stay the caller's. Returns COMMAND_LINE_GO_ON, or the exit status. */
int plan_parse(struct plan *plan, int argc, char **argv);
void plan_fini(struct plan *plan);

#endif
