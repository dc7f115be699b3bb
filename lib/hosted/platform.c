/* SPDX-License-Identifier: MIT */
/* The platform contract on Linux: waiting and waking by futex. */

#define _DEFAULT_SOURCE /* syscall() */

#include <balloon/platform.h>

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

static void futex(const uint32_t *word, int operation, uint32_t value)
{
	int saved = errno; /* the library leaves errno alone */
	syscall(SYS_futex, word, operation, value, NULL, NULL, 0);
	errno = saved;
}

void balloon_platform_wait(const uint32_t *word, uint32_t expected)
{
	futex(word, FUTEX_WAIT_PRIVATE, expected);
}

void balloon_platform_wake(const uint32_t *word, uint32_t n_threads)
{
	futex(word, FUTEX_WAKE_PRIVATE, n_threads > INT_MAX ? INT_MAX : n_threads);
}
