/* SPDX-License-Identifier: MIT */
/* The one strategy of a program with one fault of tests/negative/: which is said when this is compiled. */

#include <stddef.h>

#include "../negative/fault.h"
#include "builtin.h"

struct fault fault_of_run = {FAULT_KIND, FAULT_FUNCTION};

const struct balloon_strategy *const balloon_builtin_strategies[] = {&FAULT_STRATEGY, NULL};
