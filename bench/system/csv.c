/* SPDX-License-Identifier: MIT */
/* Results as CSV, a line for each trial. No value needs quotes: names are words. */
#include <inttypes.h>
#include <math.h>

#include "system/results.h"

void round_csv_header(FILE *file)
{
	fputs("workload,subject,kind,memory,channel,call,order,driver,strategy,guarantee,pattern,other_thread,fill,pages,page_bytes,request,host_us,threads,repeats",
		file);
	for (enum figure figure = 0; figure < N_FIGURES; figure++)
		fprintf(file, ",%s", figure_names[figure]);
	fputs(",gib_per_s,recovery_p50_ns,recovery_p99_ns,recovery_max_ns", file);
	for (size_t i = 0; reference_names[i]; i++)
		fprintf(file, ",ratio_%s", reference_names[i]);
	fputs("\n", file);
}

/* What does not exist is an empty field. */
static void write_text(FILE *file, const char *text)
{
	fprintf(file, ",%s", text ? text : "");
}

static void write_flag(FILE *file, int flag)
{
	write_text(file, flag < 0 ? NULL : flag ? "true" : "false");
}

static void write_number(FILE *file, double number)
{
	if (isnan(number))
		fputs(",", file);
	else
		fprintf(file, ",%.6g", number);
}

static void write_labels(FILE *file, const struct trial *trial)
{
	const struct labels *labels = &trial->labels;
	fprintf(file, "%s,%s,%s", work_names[labels->work], labels->subject,
		trial_kind_names[labels->kind]);
	write_text(file, labels->memory);
	write_text(file, labels->channel);
	write_text(file, labels->call);
	write_text(file, labels->order);
	write_text(file, labels->driver);
	write_text(file, labels->strategy);
	write_text(file, labels->guarantee);
	write_text(file, labels->pattern);
	write_flag(file, labels->other_thread);
	write_flag(file, labels->fill);
	fprintf(file, ",%" PRIu32 ",%" PRIu32 ",%" PRIu32 ",%" PRIu32 ",%" PRIu32 ",%zu",
		labels->pages, labels->page_bytes, labels->request, labels->host_us,
		labels->threads, trial->n_samples);
}

static void write_recovery(FILE *file, const struct histogram *histogram)
{
	if (histogram->n == 0)
		fputs(",,,", file);
	else
		fprintf(file, ",%" PRIu64 ",%" PRIu64 ",%" PRIu64,
			histogram_quantile(histogram, 0.5), histogram_quantile(histogram, 0.99),
			histogram->max);
}

static void write_trial(FILE *file, const struct round *round, const struct trial *trial)
{
	bool is_release = trial->labels.work == WORK_RELEASE;
	write_labels(file, trial);
	for (enum figure figure = 0; figure < N_FIGURES; figure++)
		write_number(file, trial_spread(trial, figure).median);
	write_number(file, is_release ? trial_rate(trial).median : NAN);
	write_recovery(file, &trial->recovery);
	for (size_t i = 0; reference_names[i]; i++) {
		const struct trial *reference = round_find(round, reference_names[i]);
		write_number(file, reference ? trial_ratio(trial, reference).median : NAN);
	}
	fputs("\n", file);
}

void round_csv(FILE *file, const struct round *round)
{
	for (size_t i = 0; i < round->n_trials; i++)
		if (round->trials[i].n_samples > 0)
			write_trial(file, round, &round->trials[i]);
}
