/* SPDX-License-Identifier: MIT */
/* The platform contract on Linux: waiting and waking by futex. */

#define _GNU_SOURCE /* syscall(), clock_gettime() */

#include <balloon/platform.h>

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { NS_PER_S = 1000000000 };

static void futex(
	const uint32_t *word, int operation, uint32_t value, const struct timespec *deadline)
{
	int saved = errno; /* the library leaves errno alone */
	syscall(SYS_futex, word, operation, value, deadline, NULL, FUTEX_BITSET_MATCH_ANY);
	errno = saved;
}

void balloon_platform_wait(const uint32_t *word, uint32_t expected)
{
	futex(word, FUTEX_WAIT_PRIVATE, expected, NULL);
}

void balloon_platform_wake(const uint32_t *word, uint32_t n_threads)
{
	futex(word, FUTEX_WAKE_PRIVATE, n_threads > INT_MAX ? INT_MAX : n_threads, NULL);
}

uint64_t balloon_platform_now_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

void balloon_platform_wait_until(const uint32_t *word, uint32_t expected, uint64_t deadline_ns)
{
	if (deadline_ns == BALLOON_NEVER) {
		balloon_platform_wait(word, expected);
		return;
	}
	/* The one futex operation whose time is a moment, not a length. */
	const struct timespec deadline = {.tv_sec = (time_t)(deadline_ns / NS_PER_S),
		.tv_nsec = (long)(deadline_ns % NS_PER_S)};
	futex(word, FUTEX_WAIT_BITSET_PRIVATE, expected, &deadline);
}
