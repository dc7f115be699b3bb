/* SPDX-License-Identifier: MIT */
/* The trials of a round take schedule. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/clock.h"
#include "common/interrupt.h"
#include "common/progress.h"
#include "system/plan.h"

struct schedule {
	struct round *round;
	const struct plan *plan;
	const struct advance *advance;
	struct problem *problem;
};

/* Time left, from how long the rounds so far took. */
static void show(const struct schedule *schedule, const struct trial *trial)
{
	char left[64] = "";
	double elapsed_s = (double)(now_ns() - schedule->advance->begin_ns) / 1e9;
	if (schedule->advance->n_done > 0)
		snprintf(left, sizeof left, ", about %.0f s left",
			elapsed_s / (double)schedule->advance->n_done *
				(double)(schedule->advance->n_all - schedule->advance->n_done));
	progress_show("%s, round %zu of %zu: repeat %zu of %zu, %s%s",
		work_names[trial->labels.work], schedule->advance->n_done + 1,
		schedule->advance->n_all, trial->n_samples + 1, schedule->plan->n_repeats,
		trial->labels.subject, left);
}

static void forget(struct sample *sample)
{
	for (int i = 0; i < N_FIGURES; i++)
		sample->figures[i] = NAN;
}

static int take_turn(struct schedule *schedule, struct trial *trial)
{
	struct sample *sample = &trial->samples[trial->n_samples];
	show(schedule, trial);
	forget(sample);
	int result = trial->ops->repeat(trial, sample, schedule->problem);
	progress_hide();
	trial->n_samples += result == 0;
	return result;
}

/* A repeat that nobody counts, so that memory has been touched. */
static int warm_up(struct schedule *schedule, struct trial *trial)
{
	struct sample sample;
	forget(&sample);
	int result = trial->ops->repeat(trial, &sample, schedule->problem);
	trial->recovery = (struct histogram){.n = 0};
	return result;
}

/* Returns 0, -1, or 1: interrupted. */
static int take_turns(struct schedule *schedule)
{
	struct round *round = schedule->round;
	int result = 0;
	for (size_t i = 0; i < round->n_trials && result == 0; i++)
		result = is_interrupted() ? 1 : warm_up(schedule, &round->trials[i]);
	for (size_t repeat = 0; repeat < schedule->plan->n_repeats; repeat++)
		for (size_t i = 0; i < round->n_trials && result == 0; i++)
			result = is_interrupted() ? 1 : take_turn(schedule, &round->trials[i]);
	return result;
}

int round_run(struct round *round, const struct plan *plan, const struct advance *advance,
	struct problem *problem)
{
	struct schedule schedule = {round, plan, advance, problem};
	size_t n = 0;
	int result = 0;
	for (; n < round->n_trials && result == 0; n += result == 0) {
		struct trial *trial = &round->trials[n];
		trial->plan = plan;
		trial->samples = calloc(plan->n_repeats, sizeof *trial->samples);
		result = trial->samples ? trial->ops->open(trial, problem)
					: problem_no_memory(problem);
	}
	if (result == 0)
		result = take_turns(&schedule);
	while (n > 0) {
		n--;
		round->trials[n].ops->close(&round->trials[n]);
	}
	return result;
}

void round_fini(struct round *round)
{
	for (size_t i = 0; i < round->n_trials; i++)
		free(round->trials[i].samples);
	if (round->end)
		round->end(round);
	round->n_trials = 0;
}
