/* SPDX-License-Identifier: MIT */
/* Values of options: numbers and names, one or several. */
#ifndef COMMON_VALUES_H
#define COMMON_VALUES_H

#include <stddef.h>
#include <stdint.h>

enum { NUMBERS_MAX = 64 };

struct numbers {
	uint32_t at[NUMBERS_MAX];
	size_t n;
};

/** Cut the first of a list's items off, at its comma; *list is NULL after the last one. */
char *list_cut(char **list);

/*
 * Each of the following returns 0, or the exit status after a wrong usage; option is the name to
 * complain about. A number may end in K (1024) or M (1024 K).
 */
int number_parse(
	const char *option, const char *text, uint32_t min, uint32_t max, uint32_t *number);

/** text: numbers joined by commas; it is cut into pieces. */
int numbers_parse(
	const char *option, char *text, uint32_t min, uint32_t max, struct numbers *numbers);

/**
 * text: some of the names, joined by commas; it is cut into pieces. chosen: receives their indexes, no
 * more than there are names.
 */
int names_parse(const char *option, char *text, const char *const *names, size_t n_names,
	unsigned *chosen, size_t *n_chosen);

/** A number with a fraction, as 0.05. */
int fraction_parse(const char *option, const char *text, double min, double max, double *number);

#endif
