/* SPDX-License-Identifier: MIT */
/* What the programs here read from their command lines in one way. */
#ifndef SIMULATION_OPTIONS_H
#define SIMULATION_OPTIONS_H

#include <stdint.h>

/** The program's name, with which its messages begin: each program defines it. */
extern const char options_program[];

/** Says what is wrong in one line on stderr, and ends the program with status 2. */
_Noreturn void options_wrong(const char *format, ...) __attribute__((format(printf, 1, 2)));

/** A number from min to max, in decimal digits; or wrong usage of `option`. */
uint64_t options_number(const char *option, const char *text, uint64_t min, uint64_t max);

/** Calls one() for each name of a list, which has one at least; cuts the list up. */
void options_each(const char *option, char *list,
	void (*one)(const char *option, const char *name, void *context), void *context);

#endif
