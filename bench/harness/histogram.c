/* SPDX-License-Identifier: MIT */
#include "harness/histogram.h"

#include <math.h>

uint64_t histogram_upper(unsigned bucket)
{
	if (bucket < 2 * HISTOGRAM_STEPS)
		return bucket;
	unsigned shift = bucket / HISTOGRAM_STEPS - 1;
	uint64_t first = bucket - shift * HISTOGRAM_STEPS;
	return ((first + 1) << shift) - 1;
}

void histogram_merge(struct histogram *into, const struct histogram *from)
{
	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++)
		into->counts[i] += from->counts[i];
	into->n += from->n;
	if (from->max > into->max)
		into->max = from->max;
}

uint64_t histogram_quantile(const struct histogram *histogram, double q)
{
	uint64_t rank = (uint64_t)ceil(q * (double)histogram->n);
	uint64_t seen = 0;
	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
		seen += histogram->counts[i];
		if (seen >= rank && seen > 0 && i < HISTOGRAM_BUCKETS - 1)
			return histogram_upper(i) < histogram->max ? histogram_upper(i)
								   : histogram->max;
	}
	return histogram->max;
}
