/* SPDX-License-Identifier: MIT */
#include "common/spread.h"

#include <stdlib.h>

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a;
	double y = *(const double *)b;
	return (x > y) - (x < y);
}

struct spread spread_of(double *values, size_t n)
{
	if (n == 0)
		return (struct spread){0};
	qsort(values, n, sizeof *values, compare);
	return (struct spread){(values[(n - 1) / 2] + values[n / 2]) / 2, values[0], values[n - 1]};
}
