/* SPDX-License-Identifier: MIT */
/* Durations in buckets whose width grows with the duration: 16 of them from each power of two on. */
#ifndef HARNESS_HISTOGRAM_H
#define HARNESS_HISTOGRAM_H

#include <stdint.h>

enum {
	HISTOGRAM_STEPS = 16, /* buckets to a doubling: at most 6.25 % wide */
	HISTOGRAM_BUCKETS =
		HISTOGRAM_STEPS * 37, /* up to 2^40 ns, 18 minutes; longer ones: the last */
};

struct histogram {
	uint64_t counts[HISTOGRAM_BUCKETS];
	uint64_t n;
	uint64_t max; /* exact */
};

static inline unsigned histogram_bucket(uint64_t ns)
{
	if (ns < HISTOGRAM_STEPS)
		return (unsigned)ns;
	unsigned shift = 63 - (unsigned)__builtin_clzll(ns) - 4; /* four bits below the first one */
	unsigned bucket = shift * HISTOGRAM_STEPS + (unsigned)(ns >> shift);
	return bucket < HISTOGRAM_BUCKETS ? bucket : HISTOGRAM_BUCKETS - 1;
}

static inline void histogram_add(struct histogram *histogram, uint64_t ns)
{
	histogram->counts[histogram_bucket(ns)]++;
	histogram->n++;
	if (ns > histogram->max)
		histogram->max = ns;
}

/** The longest duration that a bucket holds, in ns. */
uint64_t histogram_upper(unsigned bucket);

void histogram_merge(struct histogram *into, const struct histogram *from);

/** No more than a share of 1 - q of the durations is longer than this, in ns. 0 if there are none. */
uint64_t histogram_quantile(const struct histogram *histogram, double q);

#endif
