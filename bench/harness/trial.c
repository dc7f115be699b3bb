/* SPDX-License-Identifier: MIT */
#include "harness/trial.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Labels ---------------------------------------------------------------------------------- */

void trial_label(struct trial *trial, const char *name, const char *text)
{
	struct label *label = trial->labels.at;
	while (label->name)
		label++;
	if (text)
		*label = (struct label){.name = name, .text = text};
}

const struct label *label_of(const struct trial *trial, const char *name)
{
	const struct label *label = trial->labels.at;
	while (label->name && strcmp(label->name, name) != 0)
		label++;
	return label;
}

void labels_say(const struct labels *labels, char *text, size_t size)
{
	size_t n = 0;
	text[0] = '\0';
	for (const struct label *label = labels->at; label->name && n < size; label++) {
		char number[24];
		snprintf(number, sizeof number, "%" PRIu64, label->number);
		n += (size_t)snprintf(text + n, size - n, "%s%s %s", n ? ", " : "", label->name,
			label->text          ? label->text
			: !label->is_flag    ? number
			: label->number != 0 ? "yes"
					     : "no");
	}
}

/* ---- Figures --------------------------------------------------------------------------------- */

void trial_note(struct trial *trial, const char *name, double value)
{
	struct figure *figure = trial->figures;
	while (figure->name && strcmp(figure->name, name) != 0)
		figure++;
	if (!figure->name) {
		*figure = (struct figure){
			name, trial->values + (figure - trial->figures) * trial->round->n_repeats};
		for (uint32_t i = 0; i < trial->round->n_repeats; i++)
			figure->values[i] = NAN;
	}
	figure->values[trial->n_repeats] = value;
}

struct histogram *trial_durations(struct trial *trial, const char *name)
{
	struct durations *durations = trial->durations;
	while (durations->name && strcmp(durations->name, name) != 0)
		durations++;
	durations->name = name;
	return &durations->histogram;
}

/* ---- Problems -------------------------------------------------------------------------------- */

int trial_fail(const struct trial *trial, const char *format, ...)
{
	char what[512], setting[256];
	va_list args;
	va_start(args, format);
	vsnprintf(what, sizeof what, format, args);
	va_end(args);
	labels_say(&trial->round->labels, setting, sizeof setting);
	return problem_set(trial->round->problem, "%s, %s (%s): %s", trial->round->workload->name,
		trial->subject, setting, what);
}

int trial_expect(const struct trial *trial, const char *call, int result)
{
	return result < 0 ? trial_fail(trial, "%s failed: %s", call, strerror(-result)) : 0;
}
