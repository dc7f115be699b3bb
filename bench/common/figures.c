/* SPDX-License-Identifier: MIT */
#include "common/figures.h"

json_t *array_with(json_t *array, json_t *entry)
{
	if (json_array_append_new(array, entry) == 0)
		return array;
	json_decref(array);
	return NULL;
}

json_t *spread_json(struct spread spread)
{
	return json_pack(
		"{s:f, s:f, s:f}", "median", spread.median, "min", spread.min, "max", spread.max);
}

static json_t *buckets_json(const struct histogram *histogram)
{
	json_t *buckets = json_array();
	for (unsigned i = 0; buckets && i < HISTOGRAM_BUCKETS; i++)
		if (histogram->counts[i] > 0)
			buckets = array_with(
				buckets, json_pack("[I, I]", (json_int_t)histogram_upper(i),
						 (json_int_t)histogram->counts[i]));
	return buckets;
}

json_t *histogram_json(const struct histogram *histogram)
{
	if (histogram->n == 0)
		return json_null();
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:o}", "samples", (json_int_t)histogram->n,
		"p50", (json_int_t)histogram_quantile(histogram, 0.5), "p99",
		(json_int_t)histogram_quantile(histogram, 0.99), "p99.9",
		(json_int_t)histogram_quantile(histogram, 0.999), "max", (json_int_t)histogram->max,
		"histogram", buckets_json(histogram));
}
