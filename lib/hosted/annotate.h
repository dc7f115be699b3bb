/* SPDX-License-Identifier: MIT */
/*
 * What an annotated build tells each race tool. The tools' headers define the same names, so each
 * has a source file of its own; hooks.c calls both, and outside Valgrind neither does anything.
 */
#ifndef BALLOON_HOSTED_ANNOTATE_H
#define BALLOON_HOSTED_ANNOTATE_H

#include <stddef.h>

struct balloon_race_tool {
	void (*ignore)(const void *word, size_t size_bytes);
	void (*lock_create)(const void *word);
	void (*lock_destroy)(const void *word);
	void (*lock_acquired)(const void *word);
	void (*lock_released)(const void *word);
};

extern const struct balloon_race_tool balloon_helgrind;
extern const struct balloon_race_tool balloon_drd;

#endif
