/* SPDX-License-Identifier: MIT */
/* How things lie in memory that the caller gives: one after the other, each aligned to BALLOON_MEMORY_ALIGN. */
#ifndef BALLOON_CORE_LAYOUT_H
#define BALLOON_CORE_LAYOUT_H

#include <balloon/balloon.h>

static inline bool layout_is_power_of_two(size_t n)
{
	return n != 0 && (n & (n - 1)) == 0;
}

static inline bool layout_round_up(size_t *size, size_t align)
{
	if (__builtin_add_overflow(*size, align - 1, size))
		return false;
	*size &= ~(align - 1);
	return true;
}

/* Append a part of n items; *offset receives where it starts. */
static inline bool layout_append(size_t *total, size_t *offset, size_t n, size_t item_bytes)
{
	size_t bytes;
	if (!layout_round_up(total, BALLOON_MEMORY_ALIGN))
		return false;
	*offset = *total;
	return !__builtin_mul_overflow(n, item_bytes, &bytes) &&
	       !__builtin_add_overflow(*total, bytes, total);
}

#endif
