/* SPDX-License-Identifier: MIT */
/*
 * What an annotated build tells the race tools. Locks are told in hooks.c, once: both tools take the
 * same requests. What to ignore has a request of each tool's own, and the tools' headers define the
 * same names, so each has a source file. Outside Valgrind none of it does anything.
 */
#ifndef BALLOON_HOOKS_ANNOTATE_H
#define BALLOON_HOOKS_ANNOTATE_H

#include <stddef.h>

void balloon_drd_ignore(const void *word, size_t size_bytes);
void balloon_helgrind_ignore(const void *word, size_t size_bytes);

#endif
