/* SPDX-License-Identifier: MIT */
/* A command that measures: round after round, shown as tables, written as JSON and CSV. */
#ifndef HARNESS_SESSION_H
#define HARNESS_SESSION_H

#include <jansson.h>

#include "common/options.h"
#include "harness/trial.h"

enum { REPEATS_MAX = 10000, EXIT_INTERRUPTED = 130 };

/** What every such command is asked: the first member of its plan. */
struct session {
	uint32_t n_repeats;
	bool is_pinned;                   /* each thread stays on one processor */
	const char *json_path, *csv_path; /* NULL: none */
};

/** The end of what such a command is about. */
#define ABOUT_INTERRUPTS                                                                           \
	"\nAn interrupt (Ctrl-C) ends it; what is complete is shown and written, and the exit "    \
	"status is 130.\n"

/** Rows of a command's table of options. */
#define OPTION_REPEAT(plan, usually)                                                               \
	{                                                                                          \
		"repeat", "N", "repeats of each, 1 to 10000 (default " #usually ")",               \
			OPTION_NUMBER, offsetof(struct plan, session.n_repeats), 1,                \
			.max = REPEATS_MAX                                                         \
	}
#define OPTION_JSON(plan)                                                                          \
	{                                                                                          \
		"json", "FILE",                                                                    \
			"write the results to FILE, too; -: to standard output, in the tables' "   \
			"place",                                                                   \
			OPTION_TEXT, .offset = offsetof(struct plan, session.json_path)            \
	}
#define OPTION_CSV(plan)                                                                           \
	{                                                                                          \
		"csv", "FILE", "the same as CSV, medians alone", OPTION_TEXT,                      \
			.offset = offsetof(struct plan, session.csv_path)                          \
	}

/** The names of workloads, which end with NULL, for a row of options; and what --help says about them. */
const char *const *workloads_names(const struct workload *const *workloads);
const char *workloads_about(const struct workload *const *workloads);

/** Where and with what figures are made, as JSON; NULL: no memory. */
json_t *machine_json(bool is_pinned);

/**
 * Run all rounds of some workloads; an interrupt ends it, and what is complete is kept.
 *
 * chosen: numbers of workloads. plan: begins with a struct session. subjects: what is measured, for the JSON; NULL:
 * nothing to say; taken over. Returns the exit status.
 */
int session_run(const void *plan, const struct workload *const *workloads,
	const struct list *chosen, json_t *subjects);

#endif
