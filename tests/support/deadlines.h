/* SPDX-License-Identifier: MIT */
/* The deadlines of all tests. */
#ifndef SUPPORT_DEADLINES_H
#define SUPPORT_DEADLINES_H

#include <balloon/sync.h>

#define MS UINT64_C(1000000) /* nanoseconds */

/** A time so many milliseconds from now: in the engine exact, elsewhere what a test may not depend on. */
static inline uint64_t in_ms(uint64_t ms)
{
	return balloon_platform_now_ns() + ms * MS;
}

/** A time for what has to come, however busy the machine is: whoever reaches it has hung. */
static inline uint64_t in_an_hour(void)
{
	return in_ms(3600 * 1000);
}

#endif
