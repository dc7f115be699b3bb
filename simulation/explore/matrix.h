/* SPDX-License-Identifier: MIT */
/* Which hazard befalls which form: what is predicted (history.h, driver-history.h), and what the search finds. */
#ifndef EXPLORE_MATRIX_H
#define EXPLORE_MATRIX_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/**
 * Search every scenario of history with every form of it, and print both, and what is refuted: first pages, then
 * drivers, which are searched with two preemptions at most, those of the library with one. json: the cells as well,
 * or NULL. Returns whether the search refutes a prediction.
 */
bool matrix_print(uint32_t n_preemptions, FILE *file, FILE *json);

#endif
