/* SPDX-License-Identifier: MIT */
/* Results as JSON. */
#include "common/figures.h"
#include "run/results.h"

/* Each returns NULL if it cannot be: jansson's functions take that and fail in their turn. */

static json_t *ratios_json(const struct series *series, const struct row *row)
{
	json_t *ratios = json_object();
	for (size_t i = 0; ratios && i < series->n_rows; i++) {
		const struct row *reference = &series->rows[i];
		if (reference->subject->kind == SUBJECT_STRATEGY || reference->n_samples == 0)
			continue;
		if (json_object_set_new(ratios, reference->subject->name,
			    spread_json(row_ratio(row, reference))) < 0) {
			json_decref(ratios);
			ratios = NULL;
		}
	}
	return ratios;
}

static json_t *isolation_json(const struct series *series, const struct row *row)
{
	if (!shape_isolates(&series->shape))
		return json_null();
	return json_pack("{s:I, s:I, s:o}", "attempts", (json_int_t)row->totals.n_attempts,
		"isolated", (json_int_t)row->totals.n_isolated, "success_rate",
		spread_json(row_spread(row, offsetof(struct sample, success_rate))));
}

static json_t *shape_json(const struct shape *shape)
{
	json_t *json = json_pack("{s:s, s:I, s:I, s:I, s:s, s:I}", "workload",
		workload_names[shape->workload], "threads", (json_int_t)shape->n_threads, "batch",
		(json_int_t)shape->batch, "pages", (json_int_t)shape->n_pages, "order",
		order_names[shape->order], "devices", (json_int_t)shape->n_devices);
	if (json && shape->workload == WORKLOAD_MIXED)
		json_object_set_new(json, "mix",
			json_pack("{s:I, s:I, s:I, s:I}", "fill", (json_int_t)shape->mix.fill,
				"leak", (json_int_t)shape->mix.leak, "scan",
				(json_int_t)shape->mix.scan, "migrate",
				(json_int_t)shape->mix.migrate));
	return json;
}

static json_t *row_json(const struct series *series, const struct row *row)
{
	json_t *json = shape_json(&series->shape);
	json_t *figures = json_pack(
		"{s:s, s:s, s:I, s:o, s:o, s:o, s:o, s:f, s:o, s:o, s:{s:o, s:o}}", "strategy",
		row->subject->name, "kind", subject_kind_name(row->subject->kind), "repeats",
		(json_int_t)row->n_samples, "ns_per_page",
		spread_json(row_spread(row, offsetof(struct sample, ns_per_page))), "ratio",
		ratios_json(series, row), "fairness",
		spread_json(row_spread(row, offsetof(struct sample, fairness))),
		"cpu_s_per_million_pages",
		spread_json(row_spread(row, offsetof(struct sample, cpu_s_per_million_pages))),
		"bytes_per_page", row->bytes_per_page, "contended_per_page",
		row->subject->count
			? spread_json(row_spread(row, offsetof(struct sample, contended_per_page)))
			: json_null(),
		"isolation", isolation_json(series, row), "latency_ns", "dequeue",
		histogram_json(&row->totals.dequeue), "isolate",
		histogram_json(&row->totals.isolate));
	if (!json || !figures || json_object_update(figures, json) < 0) {
		json_decref(figures);
		figures = NULL;
	}
	json_decref(json);
	return figures;
}

int series_append(json_t *array, const struct series *series)
{
	for (size_t i = 0; i < series->n_rows; i++)
		if (series->rows[i].n_samples > 0 &&
			json_array_append_new(array, row_json(series, &series->rows[i])) < 0)
			return -1;
	return 0;
}

json_t *subjects_json(const struct plan *plan)
{
	json_t *array = json_array();
	for (size_t i = 0; array && i < plan->n_subjects; i++) {
		const struct subject *subject = &plan->subjects[i];
		if (json_array_append_new(
			    array, json_pack("{s:s, s:s, s:s, s:s?}", "name", subject->name, "kind",
					   subject_kind_name(subject->kind), "what", subject->what,
					   "lacks", subject->lacks)) < 0) {
			json_decref(array);
			array = NULL;
		}
	}
	return array;
}
