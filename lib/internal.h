/* SPDX-License-Identifier: MIT */
/* What the library's own files share. */
#ifndef BALLOON_INTERNAL_H
#define BALLOON_INTERNAL_H

#include <balloon/strategy.h>

#if __STDC_HOSTED__
#include <string.h>
#else
void *memcpy(void *to, const void *from, size_t n_bytes);
void *memset(void *memory, int byte, size_t n_bytes);
#endif

/* Around the sleep of whoever waits for a lock: a release has to find it counted. lib/sync.c. */
void balloon_lock_begin_to_wait(struct balloon_lock *lock);
void balloon_lock_end_wait(struct balloon_lock *lock);

/* The built-in strategies, oldest first, NULL behind the last: made by the build. */
extern const struct balloon_strategy *const balloon_builtin_strategies[];

/* The built-in driver designs, likewise. */
struct balloon_driver_design;
extern const struct balloon_driver_design *const balloon_builtin_driver_designs[];

/* Is this a name for a strategy or a design: lower case words, joined by '-'? */
bool balloon_name_is_sane(const char *name);
bool balloon_name_is_same(const char *a, const char *b);

#endif
