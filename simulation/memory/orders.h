/* SPDX-License-Identifier: MIT */
/* What each order of locks and events is for: what breaks without it, and where it is not needed. */
#ifndef MEMORY_ORDERS_H
#define MEMORY_ORDERS_H

#include <stdio.h>

#include "explore/search.h"
#include "memory/models.h"

/** The order of "function:operation"; NULL: there is none, or it is relaxed. */
const struct balloon_order *orders_find(const char *name);

/**
 * Weaken one order after the other, explore what the table says, and print what is found. Returns whether all is as
 * the table says, and each order of the program is in it.
 */
bool orders_print(const struct search_options *bounds, FILE *file);

#endif
