/* SPDX-License-Identifier: MIT */
/* The rows for programs: one line each, fields as in the files. */
#include <math.h>
#include <string.h>

#include "report/page.h"
#include "report/predict.h"

static void write_text(FILE *csv, const char *text)
{
	if (strpbrk(text, ",\"\r\n") == NULL) {
		fputs(text, csv);
		return;
	}
	fputc('"', csv);
	for (; *text; text++) {
		if (*text == '"')
			fputc('"', csv);
		fputc(*text, csv);
	}
	fputc('"', csv);
}

static void write_number(FILE *csv, double value)
{
	if (isnan(value))
		fputc(',', csv);
	else
		fprintf(csv, ",%.9g", value);
}

static void write_spread(FILE *csv, const struct spread *spread)
{
	write_number(csv, spread->median);
	write_number(csv, spread->min);
	write_number(csv, spread->max);
}

static void write_latency(FILE *csv, const struct latency *latency)
{
	write_number(csv, latency->samples);
	write_number(csv, latency->p50);
	write_number(csv, latency->p99);
	write_number(csv, latency->p99_9);
	write_number(csv, latency->max);
}

static void write_count(FILE *csv, const struct count *count)
{
	const struct count none = {
		.atomics = NAN, .instructions = NAN, .l1_misses = NAN, .ll_misses = NAN};
	if (!count)
		count = &none;
	write_number(csv, count->atomics);
	write_number(csv, count->instructions);
	write_number(csv, count->l1_misses);
	write_number(csv, count->ll_misses);
}

/* ---- The heading ----------------------------------------------------------------------------- */

static void head_spread(FILE *csv, const char *prefix, const char *name)
{
	char field[160];
	static const char *const ends[] = {"", "_min", "_max"};
	for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
		snprintf(field, sizeof field, "%s%.100s%s", prefix, name, ends[i]);
		fputc(',', csv);
		write_text(csv, field);
	}
}

static void head_latency(FILE *csv, const char *name)
{
	static const char *const fields[] = {"samples", "p50_ns", "p99_ns", "p99.9_ns", "max_ns"};
	for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
		fprintf(csv, ",%s_%s", name, fields[i]);
}

static void write_heading(const struct model *model, FILE *csv)
{
	fputs("strategy,kind,workload,order,threads,batch,pages,devices,mix,repeats", csv);
	head_spread(csv, "", "ns_per_page");
	head_spread(csv, "", "fairness");
	head_spread(csv, "", "cpu_s_per_million_pages");
	head_spread(csv, "", "contended_per_page");
	head_spread(csv, "", "success_rate");
	fputs(",attempts,isolated,bytes_per_page", csv);
	head_latency(csv, "dequeue");
	head_latency(csv, "isolate");
	fputs(",atomics_per_page,instructions_per_page,l1_misses_per_page,ll_misses_per_page,"
	      "predicted_ns_per_page",
		csv);
	for (size_t i = 0; i < model->n_subjects; i++) {
		if (model->subjects[i].kind != KIND_STRATEGY)
			head_spread(csv, "ratio_", model->subjects[i].name);
	}
	fputc('\n', csv);
}

/* ---- Rows ------------------------------------------------------------------------------------ */

static void write_setup(const struct row *row, FILE *csv)
{
	static const char *const kinds[N_KINDS] = {"strategy", "floor", "peer"};
	const struct setup *setup = &row->setup;
	write_text(csv, row->subject);
	fprintf(csv, ",%s,", kinds[row->kind]);
	write_text(csv, setup->workload);
	fputc(',', csv);
	write_text(csv, setup->order);
	fprintf(csv, ",%lu,%lu,%lu,%lu,%lu:%lu:%lu:%lu,%lu", setup->threads, setup->batch,
		setup->pages, setup->devices, setup->mix[0], setup->mix[1], setup->mix[2],
		setup->mix[3], row->n_repeats);
}

static void write_measured(const struct row *row, FILE *csv)
{
	write_spread(csv, &row->ns);
	write_spread(csv, &row->fairness);
	write_spread(csv, &row->cpu);
	write_spread(csv, &row->contended);
	write_spread(csv, &row->success);
	write_number(csv, row->attempts);
	write_number(csv, row->isolated);
	write_number(csv, row->bytes_per_page);
	write_latency(csv, &row->dequeue);
	write_latency(csv, &row->isolate);
}

static void write_row(const struct model *model, const struct row *row, FILE *csv)
{
	const struct count *count = model_count(model, row->subject, &row->setup);
	write_setup(row, csv);
	write_measured(row, csv);
	write_count(csv, count);
	write_number(csv, predict_ns(model, row, count));
	for (size_t i = 0; i < model->n_subjects; i++) {
		struct spread ratio = row_times(model, row, model->subjects[i].name);
		if (model->subjects[i].kind != KIND_STRATEGY)
			write_spread(csv, &ratio);
	}
	fputc('\n', csv);
}

void csv_write(const struct model *model, FILE *csv)
{
	write_heading(model, csv);
	for (size_t i = 0; i < model->n_rows; i++)
		write_row(model, &model->rows[i], csv);
}
