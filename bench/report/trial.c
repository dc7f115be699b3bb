/* SPDX-License-Identifier: MIT */
#include "report/trial.h"

#include <math.h>
#include <string.h>

static bool is_same(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

/* Everything but the subject, and what it says of itself. */
static bool is_same_setting(const struct trial_setup *a, const struct trial_setup *b)
{
	return strcmp(a->workload, b->workload) == 0 && is_same(a->order, b->order) &&
	       is_same(a->memory, b->memory) && a->other_thread == b->other_thread &&
	       is_same(a->pattern, b->pattern) && a->threads == b->threads && a->fill == b->fill &&
	       a->pages == b->pages && a->page_bytes == b->page_bytes && a->request == b->request &&
	       a->host_us == b->host_us;
}

static bool is_same_setup(const struct trial_setup *a, const struct trial_setup *b)
{
	return is_same_setting(a, b) && strcmp(a->subject, b->subject) == 0 &&
	       is_same(a->channel, b->channel) && is_same(a->call, b->call) &&
	       is_same(a->driver, b->driver) && is_same(a->strategy, b->strategy);
}

const struct trial *trial_find(const struct model *model, const struct trial_setup *setup)
{
	for (size_t i = 0; i < model->n_trials; i++)
		if (is_same_setup(&model->trials[i].setup, setup))
			return &model->trials[i];
	return NULL;
}

bool trial_is_beside(const struct trial *a, const struct trial *b)
{
	return is_same_setting(&a->setup, &b->setup);
}

bool trial_is_first(const struct model *model, size_t index)
{
	for (size_t i = 0; i < index; i++)
		if (trial_is_beside(&model->trials[i], &model->trials[index]))
			return false;
	return true;
}

bool trial_is_of(const struct trial *trial, const char *workload)
{
	return strcmp(trial->setup.workload, workload) == 0;
}

struct spread trial_times(const struct trial *trial, const char *to)
{
	for (size_t i = 0; i < trial->n_ratios; i++)
		if (strcmp(trial->ratios[i].to, to) == 0)
			return trial->ratios[i].times;
	return (struct spread){NAN, NAN, NAN};
}

bool trial_is_shared(const struct trial *trial)
{
	return trial->setup.memory && strcmp(trial->setup.memory, "memfd") == 0;
}

const struct trial *trial_fastest(
	const struct model *model, enum trial_kind kind, const char *order, bool other_thread)
{
	const struct trial *best = NULL;
	for (size_t i = 0; i < model->n_trials; i++) {
		const struct trial *trial = &model->trials[i];
		if (trial->kind == kind && trial_is_of(trial, "release") &&
			!trial_is_shared(trial) && is_same(trial->setup.order, order) &&
			trial->setup.other_thread == (int)other_thread &&
			!isnan(trial->ns.median) && (!best || trial->ns.median < best->ns.median))
			best = trial;
	}
	return best;
}
