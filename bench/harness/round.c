/* SPDX-License-Identifier: MIT */
/* The trials of a round take turns. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "harness/trial.h"

int round_make(struct round *round, const struct workload *workload, const void *plan,
	uint32_t n_repeats, size_t number, struct problem *problem)
{
	memset(round, 0, sizeof *round);
	round->workload = workload;
	round->plan = plan;
	round->n_repeats = n_repeats;
	round->problem = problem;
	return workload->make(round, number);
}

struct trial *round_add(struct round *round, const char *subject, const char *kind,
	const struct trial_ops *ops, const void *how)
{
	struct trial *trial = &round->trials[round->n_trials++];
	*trial = (struct trial){.round = round,
		.subject = subject,
		.kind = kind,
		.labels = round->labels,
		.ops = ops,
		.how = how};
	return trial;
}

void *round_share(struct round *round, size_t n_bytes)
{
	round->shared = calloc(1, n_bytes);
	if (!round->shared)
		problem_no_memory(round->problem);
	return round->shared;
}

void round_fini(struct round *round)
{
	for (size_t i = 0; i < round->n_trials; i++)
		free(round->trials[i].values);
	if (round->end)
		round->end(round);
	free(round->shared);
	round->n_trials = 0;
}

/* ---- Progress: one line on stderr, when that is a terminal ------------------------------------ */

/* Time left, from how long what is done took. */
static void show(
	const struct round *round, const struct progress *progress, const struct trial *trial)
{
	char left[64] = "";
	size_t n_turns = trial->n_repeats * round->n_trials + (size_t)(trial - round->trials);
	double n_done = (double)progress->n_done +
			(double)n_turns / (double)(round->n_trials * round->n_repeats);
	double elapsed_s = (double)(now_ns() - progress->begin_ns) / 1e9;
	if (n_done > 0)
		snprintf(left, sizeof left, ", about %.0f s left",
			elapsed_s / n_done * ((double)progress->n_all - n_done));
	fprintf(stderr, "\r%s, round %zu of %zu: repeat %zu of %u, %s%s\033[K",
		round->workload->name, progress->n_done + 1, progress->n_all, trial->n_repeats + 1,
		round->n_repeats, trial->subject, left);
}

/* ---- Interrupts ------------------------------------------------------------------------------ */

static volatile sig_atomic_t interrupted;

static void on_interrupt(int signal)
{
	(void)signal;
	interrupted = 1;
}

void interrupt_watch(void)
{
	sigaction(SIGINT,
		&(struct sigaction){.sa_handler = on_interrupt, .sa_flags = (int)SA_RESETHAND},
		NULL);
}

bool is_interrupted(void)
{
	return interrupted;
}

/* ---- Turns ----------------------------------------------------------------------------------- */

static int take_turn(struct trial *trial, const struct progress *progress)
{
	bool is_shown = progress && isatty(STDERR_FILENO);
	if (is_interrupted())
		return 1;
	if (is_shown)
		show(trial->round, progress, trial);
	int result = trial->ops->repeat(trial);
	if (is_shown)
		fputs("\r\033[K", stderr); /* an error has a line of its own */
	trial->n_repeats += result == 0;
	return result;
}

static int warm_up(struct trial *trial)
{
	if (is_interrupted())
		return 1;
	int result = trial->ops->warm_up ? trial->ops->warm_up(trial) : 0;
	memset(trial->figures, 0, sizeof trial->figures);
	memset(trial->durations, 0, sizeof trial->durations);
	return result;
}

static int take_turns(struct round *round, const struct progress *progress)
{
	int result = 0;
	for (size_t i = 0; i < round->n_trials && result == 0; i++)
		result = warm_up(&round->trials[i]);
	for (uint32_t repeat = 0; repeat < round->n_repeats; repeat++)
		for (size_t i = 0; i < round->n_trials && result == 0; i++)
			result = take_turn(&round->trials[i], progress);
	return result;
}

static int open_trial(struct trial *trial)
{
	const size_t n_own = trial->ops->own_bytes;
	trial->values = calloc((size_t)FIGURES_MAX * trial->round->n_repeats, sizeof(double));
	if (!trial->values || (n_own > 0 && posix_memalign(&trial->own, 128, n_own) != 0))
		return problem_no_memory(trial->round->problem);
	if (n_own > 0)
		memset(trial->own, 0, n_own);
	int result = trial->ops->open ? trial->ops->open(trial) : 0;
	if (result < 0 && n_own > 0)
		free(trial->own);
	return result;
}

static void close_trial(struct trial *trial)
{
	if (trial->ops->close)
		trial->ops->close(trial);
	if (trial->ops->own_bytes > 0)
		free(trial->own);
}

int round_run(struct round *round, const struct progress *progress)
{
	size_t n = 0;
	int result = 0;
	for (; n < round->n_trials && result == 0; n += result == 0)
		result = open_trial(&round->trials[n]);
	if (result == 0)
		result = take_turns(round, progress);
	for (size_t i = 0; i < n && result >= 0; i++)
		if (round->trials[i].ops->check &&
			round->trials[i].ops->check(&round->trials[i]) < 0)
			result = -1;
	while (n > 0)
		close_trial(&round->trials[--n]);
	return result;
}
