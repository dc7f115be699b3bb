/* SPDX-License-Identifier: MIT */
#include "report/read.h"

#include <math.h>
#include <stdlib.h>

struct spread read_spread(const struct node *parent, const char *key)
{
	struct node node = node_member(parent, key);
	struct spread spread = {.median = member_number(&node, "median"),
		.min = member_number(&node, "min"),
		.max = member_number(&node, "max")};
	if (isnan(spread.min))
		spread.min = spread.median;
	if (isnan(spread.max))
		spread.max = spread.median;
	if (node_is_known(&node) && !(spread.min <= spread.median && spread.median <= spread.max))
		node_refuse(&node, "not a median between min and max");
	return spread;
}

/* Returns the histogram if it is one: pairs of numbers, the first of which ascend. */
static const json_t *read_histogram(const struct node *latency)
{
	struct node histogram = node_member(latency, "histogram");
	size_t n = node_size(&histogram);
	double before = -1;
	for (size_t i = 0; i < n; i++) {
		struct node pair = node_element(&histogram, i);
		const json_t *upper = json_array_get(pair.value, 0);
		const json_t *count = json_array_get(pair.value, 1);
		if (!json_is_number(upper) || !json_is_number(count) ||
			json_number_value(count) < 0)
			node_refuse(&pair, "not a pair of an upper bound and a count");
		else if (json_number_value(upper) <= before)
			node_refuse(&pair, "not above the bound before it");
		before = json_number_value(upper);
	}
	return n > 0 ? histogram.value : NULL;
}

struct latency read_latency(const struct node *parent, const char *key)
{
	struct node node = node_member(parent, key);
	return (struct latency){.samples = member_number(&node, "samples"),
		.p50 = member_number(&node, "p50"),
		.p99 = member_number(&node, "p99"),
		.p99_9 = member_number(&node, "p99.9"),
		.max = member_number(&node, "max"),
		.histogram = read_histogram(&node)};
}

int read_ratios(
	const struct node *object, struct ratio **ratios, size_t *n_ratios, struct problem *problem)
{
	struct node node = node_member(object, "ratio");
	const char *name;
	json_t *value;
	if (!node_is_known(&node))
		return 0;
	if (!json_is_object(node.value))
		node_refuse(&node, "not an object");
	*ratios = calloc(json_object_size(node.value) + 1, sizeof **ratios);
	if (!*ratios)
		return problem_no_memory(problem);
	json_object_foreach((json_t *)node.value, name, value)(*ratios)[(*n_ratios)++] =
		(struct ratio){.to = name, .times = read_spread(&node, name)};
	return 0;
}
