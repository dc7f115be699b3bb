/* SPDX-License-Identifier: MIT */
#include "system/trial.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "system/plan.h"

const char *const work_names[N_WORKS] = {
	"release", "target", "compaction", "relief", "cost", "latency", "contention", "heap"};
const char *const trial_kind_names[N_TRIAL_KINDS] = {
	"raw", "channel", "driver", "strategy", "heap"};
const char *const figure_names[N_FIGURES] = {"ns_per_page", "deflate_ns_per_page",
	"refault_ns_per_page", "refault_warm_ns_per_page", "huge_share", "seconds", "busy", "again",
	"migrated", "passes", "order_9_before", "order_9_after", "order_10_before",
	"order_10_after", "reference_ns_per_page", "times_reference", "ns_per_pair"};

struct trial *round_add(
	struct round *round, const struct labels *labels, const struct trial_ops *ops)
{
	struct trial *trial = &round->trials[round->n_trials++];
	*trial = (struct trial){.labels = *labels, .ops = ops, .shared = round->shared};
	return trial;
}

/* ---- What all repeats came to ---------------------------------------------------------------- */

static struct spread spread_or_nan(double *values, size_t n)
{
	return n > 0 ? spread_of(values, n) : (struct spread){NAN, NAN, NAN};
}

struct spread trial_spread(const struct trial *trial, enum figure figure)
{
	static double values[SYSTEM_REPEATS_MAX];
	size_t n = 0;
	for (size_t i = 0; i < trial->n_samples; i++)
		if (!isnan(trial->samples[i].figures[figure]))
			values[n++] = trial->samples[i].figures[figure];
	return spread_or_nan(values, n);
}

enum figure trial_time(const struct trial *trial)
{
	return trial->labels.work == WORK_HEAP ? NS_PER_PAIR : NS_PER_PAGE;
}

struct spread trial_ratio(const struct trial *trial, const struct trial *reference)
{
	static double values[SYSTEM_REPEATS_MAX];
	const enum figure time = trial_time(trial);
	size_t n =
		trial->n_samples < reference->n_samples ? trial->n_samples : reference->n_samples;
	for (size_t i = 0; i < n; i++)
		values[i] = trial->samples[i].figures[time] / reference->samples[i].figures[time];
	return spread_or_nan(values, n);
}

struct spread trial_rate(const struct trial *trial)
{
	const double page_gib = 1e9 * 4096 / (1 << 30);
	struct spread ns = trial_spread(trial, NS_PER_PAGE);
	return (struct spread){page_gib / ns.median, page_gib / ns.max, page_gib / ns.min};
}

/* ---- Problems -------------------------------------------------------------------------------- */

int trial_fail(const struct trial *trial, struct problem *problem, const char *format, ...)
{
	char what[512];
	va_list args;
	va_start(args, format);
	vsnprintf(what, sizeof what, format, args);
	va_end(args);
	const char *setting = trial->labels.order ? trial->labels.order : trial->labels.pattern;
	return problem_set(problem, "%s, %s%s%s: %s", work_names[trial->labels.work],
		trial->labels.subject, setting ? ", " : "", setting ? setting : "", what);
}

int trial_fail_errno(
	const struct trial *trial, struct problem *problem, const char *call, int error)
{
	return trial_fail(trial, problem, "%s failed: %s", call, strerror(-error));
}
