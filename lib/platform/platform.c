/* SPDX-License-Identifier: MIT */
/* The platform contract on Linux: waiting and waking by futex, fences by membarrier. */

#define _GNU_SOURCE 1 /* syscall(), clock_gettime() */

#include <balloon/platform.h>

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <linux/membarrier.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { NS_PER_S = 1000000000 };

/*
 * 64-bit systems have one call, whose times are of 64 bits. 32-bit ones have it with times of 32
 * bits, and since Linux 5.1 another one.
 */
#ifdef SYS_futex
#define FUTEX_CALL SYS_futex
#else
#define FUTEX_CALL SYS_futex_time64
#endif
#if defined(SYS_futex_time64)
#define FUTEX_CALL64 SYS_futex_time64
#elif defined(__LP64__) || (defined(__x86_64__) && defined(__ILP32__))
#define FUTEX_CALL64 SYS_futex
#else
#define FUTEX_CALL64 422 /* the same number everywhere, which old headers do not know */
#endif

/*
 * The kernel's own structures, of fixed width: the C library's struct timespec need not be what the
 * kernel takes here, as on a 32-bit system with 64-bit time_t.
 */
struct time64 {
	int64_t s;
	int64_t ns;
};

struct time32 {
	int32_t s;
	int32_t ns;
};

/* Returns 0 or an errno. */
static int futex(
	long call, const uint32_t *word, int operation, uint32_t value, const void *deadline)
{
	int saved = errno; /* the library leaves errno alone */
	long result = syscall(call, word, operation, value, deadline, NULL, FUTEX_BITSET_MATCH_ANY);
	int error = result < 0 ? errno : 0;
	errno = saved;
	return error;
}

void balloon_platform_wait(const uint32_t *word, uint32_t expected)
{
	futex(FUTEX_CALL, word, FUTEX_WAIT_PRIVATE, expected, NULL);
}

void balloon_platform_wake(const uint32_t *word, uint32_t n_threads)
{
	futex(FUTEX_CALL, word, FUTEX_WAKE_PRIVATE, n_threads > INT_MAX ? INT_MAX : n_threads,
		NULL);
}

uint64_t balloon_platform_now_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

/* FUTEX_WAIT_BITSET is the one operation whose time is a moment, not a length. */
static int wait_until64(const uint32_t *word, uint32_t expected, uint64_t deadline_ns)
{
	const struct time64 deadline = {
		(int64_t)(deadline_ns / NS_PER_S), (int64_t)(deadline_ns % NS_PER_S)};
	return futex(FUTEX_CALL64, word, FUTEX_WAIT_BITSET_PRIVATE, expected, &deadline);
}

/* Kernels before Linux 5.1 on 32-bit systems. Their clock ends 68 years after they were started. */
static void wait_until32(const uint32_t *word, uint32_t expected, uint64_t deadline_ns)
{
	uint64_t s = deadline_ns / NS_PER_S;
	const struct time32 deadline = {
		s < INT32_MAX ? (int32_t)s : INT32_MAX, (int32_t)(deadline_ns % NS_PER_S)};
	futex(FUTEX_CALL, word, FUTEX_WAIT_BITSET_PRIVATE, expected, &deadline);
}

void balloon_platform_wait_until(const uint32_t *word, uint32_t expected, uint64_t deadline_ns)
{
	/* Later than the kernel can tell: 292 years after the system was started. */
	if (deadline_ns > INT64_MAX) {
		balloon_platform_wait(word, expected);
		return;
	}
	int error = wait_until64(word, expected, deadline_ns);
	/* Some filters on system calls refuse what they do not know in this way. */
	if (FUTEX_CALL != FUTEX_CALL64 && (error == ENOSYS || error == EPERM))
		wait_until32(word, expected, deadline_ns);
}

/* ---- Threads --------------------------------------------------------------------------------- */

/* In the order in which threads ask first. */
uint32_t balloon_platform_thread_hint(void)
{
	static uint32_t n_threads;
	static _Thread_local uint32_t hint;
	static _Thread_local bool has_hint;
	if (!has_hint) {
		hint = __atomic_fetch_add(&n_threads, 1, __ATOMIC_RELAXED);
		has_hint = true;
	}
	return hint;
}

/* ---- A fence in every thread ------------------------------------------------------------------ */

/* Returns 0 or an errno. */
static int membarrier(int command)
{
	int saved = errno;
	int error = syscall(SYS_membarrier, command, 0, 0) < 0 ? errno : 0;
	errno = saved;
	return error;
}

/* The kernel has it from Linux 4.14 on; it is registered for the process, and for its children. */
bool balloon_platform_has_fence(void)
{
	return membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED) == 0;
}

/*
 * A filter on system calls that was set up later may refuse it. What a thread stored is seen by all after
 * a millisecond all the same: no processor keeps a store to itself that long, and who is taken off its
 * processor passes a fence. Locks that are made from then on do without.
 */
void balloon_platform_fence_threads(void)
{
	const struct timespec nap = {0, 1000000};
	if (membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED) != 0)
		while (clock_nanosleep(CLOCK_MONOTONIC, 0, &nap, NULL) == EINTR)
			;
}
