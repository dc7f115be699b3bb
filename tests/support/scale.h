/* SPDX-License-Identifier: MIT */
/* How much work a long test does: BALLOON_TEST_SCALE, per cent of the usual. */
#ifndef SUPPORT_SCALE_H
#define SUPPORT_SCALE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

static inline uint64_t scale_percent(void)
{
	const char *scale = getenv("BALLOON_TEST_SCALE");
	return scale ? strtoul(scale, NULL, 10) : 100;
}

/** So much of n; at least 1. */
static inline uint32_t scaled(uint32_t n)
{
	uint64_t result = n * scale_percent() / 100;
	return result ? (uint32_t)result : 1;
}

/** Is time short, as it is under Valgrind? */
static inline bool is_short(void)
{
	return scale_percent() < 100;
}

#endif
