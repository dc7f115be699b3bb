/* SPDX-License-Identifier: MIT */
/* Figures as JSON, in every command the same. */
#ifndef COMMON_FIGURES_H
#define COMMON_FIGURES_H

#include <jansson.h>

#include "common/histogram.h"
#include "common/spread.h"

/*
 * Each returns NULL if it cannot be, and takes over what it is given: jansson's functions take that
 * and fail in their turn.
 */

json_t *spread_json(struct spread spread);

/** Quantiles in ns, and all buckets; null if nothing was measured. */
json_t *histogram_json(const struct histogram *histogram);

/** Append an entry to an array, either of which may be NULL. Returns the array, or NULL. */
json_t *array_with(json_t *array, json_t *entry);

#endif
