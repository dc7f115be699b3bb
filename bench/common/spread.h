/* SPDX-License-Identifier: MIT */
/* What a figure came to over all repeats. */
#ifndef COMMON_SPREAD_H
#define COMMON_SPREAD_H

#include <stddef.h>

struct spread {
	double median, min, max;
};

/** Of n values, which are sorted here. All are 0 if there are none. */
struct spread spread_of(double *values, size_t n);

#endif
