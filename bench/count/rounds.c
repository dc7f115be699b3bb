/* SPDX-License-Identifier: MIT */
#include "count/count.h"

static void nothing(void *context)
{
	(void)context;
}

static int count_subject(struct bench *bench, const struct subject *subject,
	const struct bracket *bracket, struct problem *problem)
{
	static const struct bracket none = {nothing, nothing, NULL};
	struct instance instance;
	if (bench_open(bench, &instance, subject, problem) < 0)
		return -1;
	int result = bench_round(bench, &instance, &none, problem);
	if (result == 0)
		result = bench_round(bench, &instance, bracket, problem);
	bench_close(&instance);
	return result;
}

int count_rounds(const struct plan *plan, const struct shape *shape, struct bracket *bracket,
	struct problem *problem)
{
	struct bench bench;
	int result = bench_init(&bench, shape, false, problem);
	if (result < 0)
		return -1;
	for (size_t i = 0; i < plan->n_subjects && result == 0; i++) {
		bracket->context = &i;
		result = count_subject(&bench, &plan->subjects[i], bracket, problem);
	}
	bench_fini(&bench);
	return result;
}
