/* SPDX-License-Identifier: MIT */
/* Results as JSON. */
#include <math.h>
#include <string.h>

#include "common/figures.h"
#include "system/results.h"

const char *const raw_names[] = {"raw-one-call", "raw-vector", "raw-per-page", NULL};
const char *const reference_names[] = {
	"raw-one-call", "raw-vector", "raw-per-page", "malloc", "jemalloc", "jemalloc-keeps", NULL};

const struct trial *round_find(const struct round *round, const char *subject)
{
	for (size_t i = 0; i < round->n_trials; i++)
		if (strcmp(round->trials[i].labels.subject, subject) == 0)
			return round->trials[i].n_samples > 0 ? &round->trials[i] : NULL;
	return NULL;
}

/* Each returns NULL if it cannot be: jansson's functions take that and fail in their turn. */

static json_t *flag_json(int flag)
{
	return flag < 0 ? json_null() : json_boolean(flag);
}

static json_t *labels_json(const struct labels *labels)
{
	return json_pack(
		"{s:s, s:s, s:s, s:s?, s:s?, s:s?, s:s?, s:s?, s:s?, s:s?, s:s?, s:o, s:o, "
		"s:I, s:I, s:I, s:I, s:I}",
		"workload", work_names[labels->work], "subject", labels->subject, "kind",
		trial_kind_names[labels->kind], "memory", labels->memory, "channel",
		labels->channel, "call", labels->call, "order", labels->order, "driver",
		labels->driver, "strategy", labels->strategy, "guarantee", labels->guarantee,
		"pattern", labels->pattern, "other_thread", flag_json(labels->other_thread), "fill",
		flag_json(labels->fill), "pages", (json_int_t)labels->pages, "page_bytes",
		(json_int_t)labels->page_bytes, "request", (json_int_t)labels->request, "host_us",
		(json_int_t)labels->host_us, "threads", (json_int_t)labels->threads);
}

static json_t *ratios_json(const struct round *round, const struct trial *trial)
{
	json_t *ratios = json_object();
	for (size_t i = 0; reference_names[i]; i++) {
		const struct trial *reference = round_find(round, reference_names[i]);
		if (reference)
			json_object_set_new(ratios, reference_names[i],
				spread_json(trial_ratio(trial, reference)));
	}
	return ratios;
}

/* Those that the trial has. Returns 0 or -1. */
static int add_figures(json_t *json, const struct trial *trial)
{
	for (enum figure figure = 0; figure < N_FIGURES; figure++) {
		struct spread spread = trial_spread(trial, figure);
		if (!isnan(spread.median) &&
			json_object_set_new(json, figure_names[figure], spread_json(spread)) < 0)
			return -1;
	}
	return 0;
}

static int add_of_work(json_t *json, const struct round *round, const struct trial *trial)
{
	if (trial->labels.work == WORK_RELIEF)
		return json_object_set_new(json, "recovery_ns", histogram_json(&trial->recovery));
	if (trial->labels.work != WORK_RELEASE && trial->labels.work != WORK_HEAP)
		return 0;
	if (trial->labels.work == WORK_RELEASE &&
		json_object_set_new(json, "gib_per_s", spread_json(trial_rate(trial))) < 0)
		return -1;
	return json_object_set_new(json, "ratio", ratios_json(round, trial));
}

static json_t *trial_json(const struct round *round, const struct trial *trial)
{
	json_t *json = labels_json(&trial->labels);
	if (!json)
		return NULL;
	json_object_set_new(json, "repeats", json_integer((json_int_t)trial->n_samples));
	if (add_figures(json, trial) == 0 && add_of_work(json, round, trial) == 0)
		return json;
	json_decref(json);
	return NULL;
}

int round_append(json_t *array, const struct round *round)
{
	for (size_t i = 0; i < round->n_trials; i++)
		if (round->trials[i].n_samples > 0 &&
			json_array_append_new(array, trial_json(round, &round->trials[i])) < 0)
			return -1;
	return 0;
}
