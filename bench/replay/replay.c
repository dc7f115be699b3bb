/* SPDX-License-Identifier: MIT */
/* balloon-bench replay */
#include "common/command.h"

#include <stdlib.h>

#include "common/output.h"
#include "common/progress.h"
#include "plan.h"

/* The command at work. */
struct replay {
	const struct plan *plan;
	struct recording *recordings;
	struct outcome *outcomes; /* of one recording: the repeats of the first strategy, ... */
	struct output json;
	json_t *results; /* for the file */
	struct problem problem;
};

static int run_once(const struct result *result, size_t repeat, struct problem *problem)
{
	struct run run = {
		.recording = result->recording, .strategy = result->strategy, .problem = problem};
	progress_show("%s: repeat %zu of %zu, %s", result->recording->name, repeat + 1,
		result->n_repeats, strategy_name(result->strategy));
	int status = result->mode == MODE_ORDER ? replay_order(&run, &result->outcomes[repeat])
						: replay_tasks(&run, &result->outcomes[repeat]);
	progress_hide(); /* an error has a line of its own */
	return status;
}

/* Strategies take turns, repeat by repeat: a noisy moment of the machine hits all of them. */
static int run_results(const struct result *results, size_t n_results, struct problem *problem)
{
	for (size_t repeat = 0; repeat < results[0].n_repeats; repeat++) {
		for (size_t i = 0; i < n_results; i++) {
			if (run_once(&results[i], repeat, problem) < 0)
				return -1;
		}
	}
	return 0;
}

static int report(struct replay *replay, const struct result *results)
{
	if (!output_is_stdout(&replay->json))
		results_print(results, replay->plan->strategies.n);
	if (!replay->json.file ||
		results_append(replay->results, results, replay->plan->strategies.n) == 0)
		return 0;
	return output_no_json(&replay->problem);
}

static int replay_recording(struct replay *replay, const struct recording *recording)
{
	const struct plan *plan = replay->plan;
	struct result results[STRATEGIES_MAX];
	for (size_t i = 0; i < plan->strategies.n; i++)
		results[i] = (struct result){
			.recording = recording,
			.strategy = plan->strategies.at[i],
			.mode = plan->mode,
			.outcomes = replay->outcomes + i * plan->n_repeats,
			.n_repeats = plan->n_repeats,
		};
	if (run_results(results, plan->strategies.n, &replay->problem) < 0)
		return -1;
	return report(replay, results);
}

static int replay_loaded(struct replay *replay)
{
	for (size_t i = 0; i < replay->plan->n_paths; i++) {
		if (replay_recording(replay, &replay->recordings[i]) < 0)
			return -1;
	}
	if (!replay->json.file)
		return 0;
	return output_json(
		&replay->json, json_pack("{s:O}", "results", replay->results), &replay->problem);
}

/* All recordings are loaded first: a bad one is found out before the work. */
static int load_and_replay(struct replay *replay)
{
	const struct plan *plan = replay->plan;
	size_t n = 0;
	int status = 0;
	while (n < plan->n_paths && status == 0) {
		status = recording_load(&replay->recordings[n], plan->paths[n], &replay->problem);
		n += status == 0;
	}
	if (status == 0)
		status = replay_loaded(replay);
	while (n > 0)
		recording_fini(&replay->recordings[--n]);
	return status;
}

static int allocate_and_replay(struct replay *replay)
{
	const struct plan *plan = replay->plan;
	int status = -1;
	replay->recordings = calloc(plan->n_paths, sizeof *replay->recordings);
	replay->outcomes = calloc(plan->strategies.n * plan->n_repeats, sizeof *replay->outcomes);
	replay->results = json_array();
	if (replay->recordings && replay->outcomes && replay->results)
		status = load_and_replay(replay);
	else
		problem_no_memory(&replay->problem);
	json_decref(replay->results);
	free(replay->outcomes);
	free(replay->recordings);
	return status;
}

/* Returns the exit status. */
static int run_plan(struct replay *replay)
{
	if (output_open(&replay->json, replay->plan->json_path, &replay->problem) < 0)
		return failure(&replay->problem);
	int status = allocate_and_replay(replay);
	output_close(&replay->json);
	return status < 0 ? failure(&replay->problem) : 0;
}

int command_replay(int argc, char **argv)
{
	struct plan plan;
	struct replay replay = {.plan = &plan};
	int status = plan_parse(&plan, argc, argv);
	if (status == COMMAND_LINE_GO_ON)
		status = run_plan(&replay);
	plan_fini(&plan);
	return status;
}
