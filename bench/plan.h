/* SPDX-License-Identifier: MIT */
/* What `balloon-bench replay` is asked to do: its options. */
#ifndef BENCH_PLAN_H
#define BENCH_PLAN_H

#include <stdbool.h>
#include <stddef.h>

#include <balloon/balloon.h>

#include "report.h"

enum { STRATEGIES_MAX = 64, REPEATS_MAX = 10000 };

struct plan {
	char **paths; /* of the recordings */
	size_t n_paths;
	const struct balloon_strategy *strategies[STRATEGIES_MAX];
	size_t n_strategies;
	enum mode mode;
	size_t n_repeats;
	const char *json_path; /* NULL: none */
	bool is_help;          /* only the help text is wanted, the rest is not set */
};

/** Strings stay the caller's. Returns 0, or the exit status after a wrong usage. */
int plan_parse(struct plan *plan, int argc, char **argv);

#endif
