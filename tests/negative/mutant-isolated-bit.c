/* SPDX-License-Identifier: MIT */
/* isolated-bit with its locks in the hands of the run's fault. */

#include "mutant.h"

#define balloon_strategy_isolated_bit mutant_isolated_bit_strategy
#include "../../strategies/isolated-bit.c"
