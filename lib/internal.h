/* SPDX-License-Identifier: MIT */
/* What the library's own files share. */
#ifndef BALLOON_INTERNAL_H
#define BALLOON_INTERNAL_H

#include <balloon/strategy.h>

#if __STDC_HOSTED__
#include <string.h>
#else
void *memset(void *memory, int byte, size_t n_bytes);
#endif

/* The built-in strategies, oldest first, NULL behind the last: made by the build. */
extern const struct balloon_strategy *const balloon_builtin_strategies[];

#endif
