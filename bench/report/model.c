/* SPDX-License-Identifier: MIT */
#include "report/model.h"
#include "report/trial.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

bool setup_equals(const struct setup *a, const struct setup *b)
{
	return strcmp(a->workload, b->workload) == 0 && strcmp(a->order, b->order) == 0 &&
	       a->threads == b->threads && a->batch == b->batch && a->pages == b->pages &&
	       a->devices == b->devices && memcmp(a->mix, b->mix, sizeof a->mix) == 0;
}

const struct row *model_row(
	const struct model *model, const char *subject, const struct setup *setup)
{
	for (size_t i = 0; i < model->n_rows; i++) {
		const struct row *row = &model->rows[i];
		if (strcmp(row->subject, subject) == 0 && setup_equals(&row->setup, setup))
			return row;
	}
	return NULL;
}

const struct count *model_count(
	const struct model *model, const char *subject, const struct setup *setup)
{
	for (size_t i = 0; i < model->n_counts; i++) {
		const struct count *count = &model->counts[i];
		if (strcmp(count->subject, subject) == 0 && setup_equals(&count->setup, setup))
			return count;
	}
	return NULL;
}

const struct subject *model_subject(const struct model *model, const char *name)
{
	for (size_t i = 0; i < model->n_subjects; i++) {
		if (strcmp(model->subjects[i].name, name) == 0)
			return &model->subjects[i];
	}
	return NULL;
}

/* Make room for one more element; it grows at each power of two. Returns the array, or NULL. */
static void *make_room(void *array, size_t n, size_t size, struct problem *problem)
{
	if ((n & (n - 1)) != 0)
		return array;
	array = realloc(array, (n ? 2 * n : 1) * size);
	if (!array)
		problem_no_memory(problem);
	return array;
}

int model_add_row(struct model *model, const struct row *row, struct problem *problem)
{
	struct row *rows = model->rows;
	const struct row *old = model_row(model, row->subject, &row->setup);
	if (old) {
		model->inputs[row->input].n_replaced++;
		free(old->ratios);
		rows[old - rows] = *row;
		return 0;
	}
	rows = make_room(rows, model->n_rows, sizeof *rows, problem);
	if (!rows)
		return -1;
	model->rows = rows;
	rows[model->n_rows++] = *row;
	return 0;
}

static void take(double *old, double new)
{
	if (!isnan(new))
		*old = new;
}

int model_add_count(struct model *model, const struct count *count, struct problem *problem)
{
	const struct count *old = model_count(model, count->subject, &count->setup);
	struct count *counts = model->counts;
	if (old) {
		struct count *both = &counts[old - counts];
		take(&both->atomics, count->atomics);
		take(&both->instructions, count->instructions);
		take(&both->l1_misses, count->l1_misses);
		take(&both->ll_misses, count->ll_misses);
		return 0;
	}
	counts = make_room(counts, model->n_counts, sizeof *counts, problem);
	if (!counts)
		return -1;
	model->counts = counts;
	counts[model->n_counts++] = *count;
	return 0;
}

int model_add_trial(struct model *model, const struct trial *trial, struct problem *problem)
{
	struct trial *trials = model->trials;
	const struct trial *old = trial_find(model, &trial->setup);
	if (old) {
		model->inputs[trial->input].n_replaced++;
		free(old->ratios);
		trials[old - trials] = *trial;
		return 0;
	}
	trials = make_room(trials, model->n_trials, sizeof *trials, problem);
	if (!trials)
		return -1;
	model->trials = trials;
	trials[model->n_trials++] = *trial;
	return 0;
}

/* A later file may know more. */
static void learn(struct subject *subject, const struct subject *new)
{
	subject->what = subject->what ? subject->what : new->what;
	subject->lacks = subject->lacks ? subject->lacks : new->lacks;
}

int model_add_subject(struct model *model, const struct subject *subject, struct problem *problem)
{
	const struct subject *old = model_subject(model, subject->name);
	struct subject *subjects = model->subjects;
	size_t i = model->n_subjects;
	if (old) {
		learn(&subjects[old - subjects], subject);
		return 0;
	}
	subjects = make_room(subjects, model->n_subjects, sizeof *subjects, problem);
	if (!subjects)
		return -1;
	model->subjects = subjects;
	model->n_subjects++;
	for (; i > 0 && subjects[i - 1].kind > subject->kind; i--)
		subjects[i] = subjects[i - 1];
	subjects[i] = *subject;
	return 0;
}

int model_load(struct model *model, char **paths, size_t n_paths, struct problem *problem)
{
	*model = (struct model){.inputs = calloc(n_paths, sizeof *model->inputs)};
	if (!model->inputs)
		return problem_no_memory(problem);
	for (size_t i = 0; i < n_paths; i++) {
		model->inputs[i].path = paths[i];
		model->n_inputs++;
		if (input_load(model, &model->inputs[i], problem) < 0)
			return -1;
	}
	if (model->n_rows > 0 || model->n_trials > 0)
		return 0;
	return problem_set(problem, "%s%s: no results of balloon-bench run or system", paths[0],
		n_paths > 1 ? " and the other files" : "");
}

void model_fini(struct model *model)
{
	for (size_t i = 0; i < model->n_rows; i++)
		free(model->rows[i].ratios);
	for (size_t i = 0; i < model->n_trials; i++)
		free(model->trials[i].ratios);
	for (size_t i = 0; i < model->n_inputs; i++)
		json_decref(model->inputs[i].document);
	free(model->rows);
	free(model->counts);
	free(model->trials);
	free(model->subjects);
	free(model->inputs);
}
