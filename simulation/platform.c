/* SPDX-License-Identifier: MIT */
/* The platform of a controlled build. */

#include <balloon/platform.h>

#include "engine-internal.h"

#define WHERE ((uintptr_t)__builtin_return_address(0))

uint64_t balloon_platform_now_ns(void)
{
	engine_access(NULL, 0, ENGINE_POINT_CLOCK, WHERE);
	return engine_now_ns();
}

void balloon_platform_wait_until(const uint32_t *word, uint32_t expected, uint64_t deadline_ns)
{
	engine_access(word, sizeof(*word), ENGINE_POINT_WAIT, WHERE);
	if (*word == expected)
		engine_sleep_on(word, deadline_ns);
}

void balloon_platform_wait(const uint32_t *word, uint32_t expected)
{
	engine_access(word, sizeof(*word), ENGINE_POINT_WAIT, WHERE);
	if (*word == expected)
		engine_sleep_on(word, BALLOON_NEVER);
}

/* The word may be gone: it is an address. */
void balloon_platform_wake(const uint32_t *word, uint32_t n_threads)
{
	engine_access(word, 0, ENGINE_POINT_WAKE, WHERE);
	engine_wake(word, n_threads);
}

uint32_t balloon_platform_thread_hint(void)
{
	return engine_self();
}
