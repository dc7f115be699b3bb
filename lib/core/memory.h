/* SPDX-License-Identifier: MIT */
/* Functions of the C library that compilers ask of every program, freestanding ones, too. */
#ifndef BALLOON_CORE_MEMORY_H
#define BALLOON_CORE_MEMORY_H

#if __STDC_HOSTED__
#include <string.h>
#else
#include <balloon/types.h>
void *memcpy(void *to, const void *from, size_t n_bytes);
void *memset(void *memory, int byte, size_t n_bytes);
#endif

#endif
