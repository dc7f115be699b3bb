/* SPDX-License-Identifier: MIT */
/**
 * The types of the C standard that the headers use: bool, size_t, NULL, offsetof(), integers of fixed
 * width, their limits and constants (UINT32_C()).
 *
 * A compiler brings their headers with -ffreestanding, too. Where there are none, as in a kernel that is built
 * without any, BALLOON_TYPES_HEADER names one of the embedder's own, in quotes or angle brackets, when the
 * library is built and when its headers are included:
 *
 *   cc -ffreestanding -nostdinc -DBALLOON_TYPES_HEADER='"my-types.h"' ...
 *
 * What compilers ask of every program they ask of an embedder too: memcpy(), memmove(), memset(), memcmp(), and for 32
 * bits libgcc's arithmetic of 64 bits.
 */
#ifndef BALLOON_TYPES_H
#define BALLOON_TYPES_H

#ifdef BALLOON_TYPES_HEADER
#include BALLOON_TYPES_HEADER
#else
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#endif

#endif
