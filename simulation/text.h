/* SPDX-License-Identifier: MIT */
/* Text that is put together from pieces. */
#ifndef SIMULATION_TEXT_H
#define SIMULATION_TEXT_H

#include <stddef.h>
#include <stdio.h>

/** Appends to what is in `text`, of `size` bytes in all; what finds no room there is cut off. */
void text_append(char *text, size_t size, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/** As a string of JSON. */
void text_put_quoted(const char *text, FILE *file);

#endif
