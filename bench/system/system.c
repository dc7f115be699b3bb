/* SPDX-License-Identifier: MIT */
/* balloon-bench system */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/command.h"
#include "common/interrupt.h"
#include "common/machine.h"
#include "common/output.h"
#include "system/plan.h"
#include "system/results.h"

static const struct rounds *const rounds_of[N_WORKS] = {
	[WORK_RELEASE] = &rounds_of_release,
	[WORK_TARGET] = &rounds_of_target,
	[WORK_COMPACTION] = &rounds_of_compaction,
	[WORK_RELIEF] = &rounds_of_relief,
	[WORK_COST] = &rounds_of_cost,
	[WORK_LATENCY] = &rounds_of_latency,
	[WORK_CROWD] = &rounds_of_crowd,
	[WORK_HEAP] = &rounds_of_heap,
};

/* The command at work. */
struct command {
	struct plan plan;
	struct output json, csv;
	json_t *results; /* for the file; NULL: none is wanted */
	struct advance advance;
	struct round round;
	struct problem problem;
};

static int report(struct command *command)
{
	if (!output_is_stdout(&command->json) && !output_is_stdout(&command->csv))
		round_print(&command->round);
	if (command->csv.file)
		round_csv(command->csv.file, &command->round);
	if (command->results && round_append(command->results, &command->round) < 0)
		return output_no_json(&command->problem);
	return 0;
}

/* Returns 0, -1, or 1: interrupted, and the round holds the repeats that were complete. */
static int run_round(struct command *command, enum work work, size_t number)
{
	struct round *round = &command->round;
	if (rounds_of[work]->make(&command->plan, number, round, &command->problem) < 0)
		return -1;
	int result = round_run(round, &command->plan, &command->advance, &command->problem);
	if (result >= 0 && report(command) < 0)
		result = -1;
	round_fini(round);
	command->advance.n_done++;
	return result;
}

/* For people: a file says it by having no results. */
static void say_what_lacks(const struct command *command, enum work work)
{
	const char *lacks = rounds_of[work]->lacks;
	if (lacks && !output_is_stdout(&command->json) && !output_is_stdout(&command->csv))
		printf("%s: not measured, %s\n\n", work_names[work], lacks);
}

static int run_rounds(struct command *command)
{
	const struct plan *plan = &command->plan;
	int result = 0;
	command->advance.begin_ns = now_ns();
	for (size_t i = 0; i < plan->n_works; i++)
		command->advance.n_all += rounds_of[plan->works[i]]->count(plan);
	for (size_t i = 0; i < plan->n_works; i++)
		say_what_lacks(command, plan->works[i]);
	for (size_t i = 0; i < plan->n_works; i++)
		for (size_t k = 0; k < rounds_of[plan->works[i]]->count(plan) && result == 0; k++)
			result = run_round(command, plan->works[i], k);
	return result;
}

static int write_files(struct command *command, bool is_complete)
{
	if (output_commit(&command->csv, &command->problem) < 0)
		return -1;
	if (!command->results)
		return 0;
	return output_json(&command->json,
		json_pack("{s:o, s:b, s:O}", "machine", machine_json(0), "complete", is_complete,
			"system", command->results),
		&command->problem);
}

/* Returns 0, -1, or 1: interrupted, and what there was is written. */
static int run(struct command *command)
{
	if (output_open(&command->json, command->plan.json_path, &command->problem) < 0 ||
		output_open(&command->csv, command->plan.csv_path, &command->problem) < 0)
		return -1;
	if (command->json.file && !(command->results = json_array()))
		return problem_no_memory(&command->problem);
	if (command->csv.file)
		round_csv_header(command->csv.file);
	int result = run_rounds(command);
	if (result >= 0 && write_files(command, result == 0) < 0)
		result = -1;
	return result;
}

int command_system(int argc, char **argv)
{
	static struct command command;
	int status = plan_parse_system(&command.plan, argc, argv);
	if (status != COMMAND_LINE_GO_ON)
		return status;
	interrupt_watch();
	int result = run(&command);
	json_decref(command.results);
	output_close(&command.json);
	output_close(&command.csv);
	if (result < 0)
		return failure(&command.problem);
	return result > 0 ? interrupted_exit() : 0;
}
