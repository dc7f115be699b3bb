/* SPDX-License-Identifier: MIT */
/* balloon-bench replay */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/command.h"
#include "harness/rows.h"
#include "harness/session.h"
#include "replay/run.h"
#include "replay/shelf.h"

/* As --threads says them. */
enum { MODE_ORDER, MODE_RECORDED };
static const char *const thread_names[] = {"1", "recorded", NULL};
static const char *const mode_names[] = {"order", "recorded"};

/* What is replayed. */
struct recordings {
	struct shelf shelf;
	const char **paths; /* on the shelf, or the caller's */
	size_t n;
	struct recording *loaded; /* NULL: not yet */
};

struct replay_plan {
	struct session session;
	struct list strategies, modes;
	struct recordings *recordings;
};

/* ---- Trials ---------------------------------------------------------------------------------- */

/* Whether dequeue gave the recorded page is a question to a strategy that keeps the kernel's order alone. */
static bool has_matches(const struct balloon_strategy *strategy, bool is_order)
{
	struct balloon_strategy_info info = {.order = BALLOON_ORDER_LIFO};
	balloon_strategy_describe(strategy, &info);
	return is_order && info.order == BALLOON_ORDER_LIFO;
}

static void note(struct trial *trial, const struct outcome *outcome, bool has_matches)
{
	double elapsed_ns = (double)(outcome->elapsed_ns ? outcome->elapsed_ns : 1);
	trial_note(trial, "pages_per_s", (double)outcome->n_page_operations * 1e9 / elapsed_ns);
	trial_note(trial, "dequeues", (double)outcome->n_dequeues);
	if (has_matches)
		trial_note(trial, "dequeue_matches", (double)outcome->n_matches);
	trial_note(trial, "isolates", (double)outcome->stats.n_isolates);
	trial_note(trial, "isolate_attempts", (double)outcome->n_isolate_attempts);
	trial_note(trial, "skipped_rows", (double)outcome->n_skipped);
	trial_note(trial, "lock_contended", (double)outcome->n_lock_contended);
	trial_note(trial, "final_listed", (double)outcome->stats.n_listed);
	trial_note(trial, "final_isolated", (double)outcome->stats.n_isolated);
}

static int repeat(struct trial *trial)
{
	struct outcome outcome;
	const struct recording *const *recording = trial->round->shared;
	struct run run = {
		.recording = *recording, .strategy = trial->how, .problem = trial->round->problem};
	bool is_order = strcmp(label_of(trial, "mode")->text, mode_names[MODE_ORDER]) == 0;
	int result = is_order ? replay_order(&run, &outcome) : replay_tasks(&run, &outcome);
	if (result == 0)
		note(trial, &outcome, has_matches(run.strategy, is_order));
	return result;
}

static size_t count(const void *context)
{
	const struct replay_plan *plan = context;
	return plan->recordings->n * plan->modes.n;
}

/* All of them at first: a bad one is found out before the work. Returns 0 or -1. */
static int load_all(struct recordings *recordings, struct problem *problem)
{
	if (recordings->loaded)
		return 0;
	recordings->loaded = calloc(recordings->n, sizeof *recordings->loaded);
	if (!recordings->loaded)
		return problem_no_memory(problem);
	for (size_t i = 0; i < recordings->n; i++)
		if (recording_load(&recordings->loaded[i], recordings->paths[i], problem) < 0)
			return -1;
	return 0;
}

static int make(struct round *round, size_t number)
{
	static const struct trial_ops ops = {.repeat = repeat};
	const struct replay_plan *plan = round->plan;
	if (load_all(plan->recordings, round->problem) < 0)
		return -1;
	const struct recording *recording = &plan->recordings->loaded[number / plan->modes.n];
	const struct recording **shared = round_share(round, sizeof *shared);
	if (!shared)
		return -1;
	*shared = recording;
	round->labels = (struct labels){{{"recording", .text = recording->name},
		{"mode", .text = mode_names[plan->modes.at[number % plan->modes.n]]},
		{"tasks", .text = recording->task_names}, {"rows", .number = recording->n_rows}}};
	for (size_t i = 0; i < plan->strategies.n; i++) {
		const struct balloon_strategy *strategy =
			balloon_strategy_at(plan->strategies.at[i]);
		round_add(round, strategy_name(strategy), "strategy", &ops, strategy);
	}
	return 0;
}

static const struct column columns[] = {{"", "subject", NULL, 0},
	{"dequeues", "dequeues", "%.0f", 0}, {"matches", "dequeue_matches", "%.0f", 0},
	{"isolated", "isolates", "%.0f", 0}, {"of tries", "isolate_attempts", "%.0f", 0},
	{"skipped", "skipped_rows", "%.0f", 0}, {"contended", "lock_contended", "%.0f", 0},
	{"pages/s", "pages_per_s", "%.0f", 0}, {"[min max]", "pages_per_s/range", "%.0f", 0},
	{"listed", "final_listed", "%.0f", 0}, {"isolated", "final_isolated", "%.0f", 0},
	NO_COLUMN};
static const struct workload replay = {"replay", NULL, NULL, columns, count, make, NULL, 0};

/* ---- Options --------------------------------------------------------------------------------- */

static int take(void *context, char *argument)
{
	struct recordings *recordings = ((struct replay_plan *)context)->recordings;
	recordings->paths[recordings->n++] = argument;
	return 0;
}

/* Files; what is none may be the name of a recording that is here. Without any: all that are here. */
static int choose_recordings(struct recordings *recordings)
{
	for (size_t i = 0; i < recordings->n; i++) {
		const char *found = NULL;
		if (access(recordings->paths[i], F_OK) < 0)
			found = shelf_find(&recordings->shelf, recordings->paths[i]);
		if (found)
			recordings->paths[i] = found;
	}
	for (size_t i = 0; recordings->n == 0 && i < recordings->shelf.n_paths; i++)
		recordings->paths[i] = recordings->shelf.paths[i];
	if (recordings->n == 0)
		recordings->n = recordings->shelf.n_paths;
	return recordings->n > 0
		       ? 0
		       : usage_error(
				 "replay: which recording? None is installed with this program");
}

#define AT(member) offsetof(struct replay_plan, member)

static int read_options(struct replay_plan *plan, int argc, char **argv)
{
	const struct option_row rows[] = {
		{"strategy", "LIST", "these strategies; all (default): every built-in one",
			OPTION_NAMES, AT(strategies), 1, 0, strategy_names(), .what = "strategy"},
		{"threads", "LIST",
			"1: one thread, all rows in the recorded order, on the recorded pages "
			"(default); recorded: a thread for each recorded task, on pages chosen by role",
			OPTION_NAMES, AT(modes), 1, 0, thread_names, .what = "--threads"},
		OPTION_REPEAT(replay_plan, 5), OPTION_JSON(replay_plan), OPTION_CSV(replay_plan)};
	const struct options options = {.command = "balloon-bench replay",
		.arguments = "[RECORDING...]",
		.about =
			"Run recordings (CSV, plain or gzip) through strategies: files, or names of "
			"those that come with the program (balloon-bench list shows them); without "
			"any, all of these. Each row is checked on the way, counts and memory map at "
			"the end; only page operations are timed. Every LIST is joined by commas."
			"\n" ABOUT_INTERRUPTS,
		.after =
			"All figures are medians of all repeats. matches: dequeues that gave the page "
			"of the recording.",
		.rows = rows,
		.n_rows = sizeof rows / sizeof rows[0],
		.take = take};
	int status = options_read(&options, argc, argv, plan);
	if (status != COMMAND_LINE_GO_ON)
		return status;
	status = choose_recordings(plan->recordings);
	return status == 0 ? COMMAND_LINE_GO_ON : status;
}

int command_replay(int argc, char **argv)
{
	static const struct workload *const workloads[] = {&replay};
	const struct list only = list_all(1);
	struct recordings recordings = {.n = 0};
	struct replay_plan plan = {.session.n_repeats = 5,
		.strategies = list_all(names_count(strategy_names())),
		.modes = list_all(1),
		.recordings = &recordings};
	struct problem problem;
	int status = EXIT_FAILED;
	if (shelf_open(&recordings.shelf) == 0)
		recordings.paths =
			calloc((size_t)argc + recordings.shelf.n_paths, sizeof *recordings.paths);
	if (recordings.paths) {
		status = read_options(&plan, argc, argv);
		if (status == COMMAND_LINE_GO_ON)
			status = session_run(&plan, workloads, &only, NULL);
	} else {
		problem_no_memory(&problem);
		failure(&problem);
	}
	for (size_t i = 0; recordings.loaded && i < recordings.n; i++)
		recording_fini(&recordings.loaded[i]);
	free(recordings.loaded);
	free(recordings.paths);
	shelf_close(&recordings.shelf);
	return status;
}
