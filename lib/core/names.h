/* SPDX-License-Identifier: MIT */
/* Names of strategies and designs. */
#ifndef BALLOON_CORE_NAMES_H
#define BALLOON_CORE_NAMES_H

#include <balloon/types.h>

/** Is this a name for a strategy or a design: lower case words, joined by '-'? */
bool balloon_name_is_sane(const char *name);
bool balloon_name_is_same(const char *a, const char *b);

#endif
