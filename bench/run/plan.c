/* SPDX-License-Identifier: MIT */
#include "run/plan.h"

#include <inttypes.h>
#include <stdio.h>

void run_plan_init(struct run_plan *plan)
{
	plan->session.n_repeats = 15;
	plan->strategies = list_all(names_count(strategy_names()));
	plan->references = list_all(names_count(reference_names()));
	plan->workloads = plan->orders = list_all(1);
	plan->pages = (struct list){{4096}, 1};
	plan->batches = (struct list){{1, 256}, 2};
	plan->threads = (struct list){{1}, 1};
	plan->mix = (struct list){{40, 40, 15, 5}, 4};
	plan->n_devices = 4;
	plan->seconds = 0.05;
}

const char *const *reference_names(void)
{
	static const char *names[LIST_MAX + 1];
	for (size_t i = 0; references[i]; i++)
		names[i] = references[i]->name;
	return names;
}

void run_plan_subjects(struct run_plan *plan)
{
	for (size_t i = 0; i < plan->strategies.n; i++)
		subject_of_strategy(&plan->subjects[plan->n_subjects++],
			balloon_strategy_at(plan->strategies.at[i]));
	for (size_t i = 0; i < plan->references.n; i++)
		plan->subjects[plan->n_subjects++] = *references[plan->references.at[i]];
}

size_t run_n_shapes(const void *context)
{
	const struct run_plan *plan = context;
	return plan->orders.n * plan->pages.n * plan->threads.n * plan->batches.n;
}

static uint32_t next_of(const struct list *list, size_t *number)
{
	uint32_t value = list->at[*number % list->n];
	*number /= list->n;
	return value;
}

/* The batches change fastest, the orders slowest. */
struct shape run_shape(const struct run_plan *plan, enum work work, size_t number)
{
	struct shape shape = {.workload = work,
		.n_devices = work == WORKLOAD_MULTI ? plan->n_devices : 1,
		.mix = {plan->mix.at[0], plan->mix.at[1], plan->mix.at[2], plan->mix.at[3]}};
	shape.batch = next_of(&plan->batches, &number);
	shape.n_threads = next_of(&plan->threads, &number);
	shape.n_pages = next_of(&plan->pages, &number);
	shape.order = (enum order)next_of(&plan->orders, &number);
	return shape;
}

struct labels run_labels(const struct shape *shape)
{
	static char mix[64];
	struct labels labels = {{{"threads", .number = shape->n_threads},
		{"batch", .number = shape->batch}, {"pages", .number = shape->n_pages},
		{"order", .text = order_names[shape->order]},
		{"devices", .number = shape->n_devices}}};
	snprintf(mix, sizeof mix, "%" PRIu32 ":%" PRIu32 ":%" PRIu32 ":%" PRIu32, shape->mix.fill,
		shape->mix.leak, shape->mix.scan, shape->mix.migrate);
	if (shape->workload == WORKLOAD_MIXED)
		labels.at[5] = (struct label){"mix", .text = mix};
	return labels;
}

void run_add(struct round *round, const struct shape *shape, const struct trial_ops *ops)
{
	const struct run_plan *plan = round->plan;
	for (size_t i = 0; i < plan->n_subjects; i++) {
		const struct subject *subject = &plan->subjects[i];
		if (subject_can(subject, shape))
			round_add(round, subject->name, subject_kind_name(subject->kind), ops,
				subject);
	}
}

json_t *subject_json(const struct subject *subject)
{
	return json_pack("{s:s, s:s, s:s, s:s?}", "name", subject->name, "kind",
		subject_kind_name(subject->kind), "what", subject->what, "lacks", subject->lacks);
}
