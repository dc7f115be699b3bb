/* SPDX-License-Identifier: MIT */
/**
 * The platform contract: what the library needs from the ground that it stands on.
 *
 * A hosted build brings an implementation on Linux futexes (lib/platform/platform.c). A freestanding
 * program implements these functions: the first two for page management alone, all four for the
 * driver (<balloon/driver.h>) and what stands around it; the fence and the hint are optional. Beside them the library
 * leaves undefined only memcpy, memmove, memset and memcmp, which compilers demand of every program.
 *
 * Interrupt handlers make those calls of the library whose comment says "Context: any", and no others: whoever
 * finds a lock taken sleeps.
 */
#ifndef BALLOON_PLATFORM_H
#define BALLOON_PLATFORM_H

#include <balloon/export.h>
#include <balloon/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Sleep while *word equals expected.
 *
 * word: any aligned word; it stays mapped, though it may have become another lock's meanwhile.
 * expected: the value that the caller saw. If *word differs on entry, return at once; the
 * comparison and the falling asleep are one step with respect to balloon_platform_wake() on the
 * same word. May return early without cause: the caller tests again. A single-threaded platform may
 * spin or halt until an interrupt.
 * Threads: any. Locks: called with none of the library's spinning locks held by this thread, except
 * that a thread which waits for the inner of two locks holds the outer. Context: thread.
 */
BALLOON_EXPORT void balloon_platform_wait(const uint32_t *word, uint32_t expected);

/**
 * Wake up to n_threads of the threads that sleep in balloon_platform_wait() on word.
 *
 * word: used as an address only. It is not read or written: its lock may be held by somebody else
 * already.
 * n_threads: 1, or UINT32_MAX for all. Context: any.
 */
BALLOON_EXPORT void balloon_platform_wake(const uint32_t *word, uint32_t n_threads);

/** No deadline: later than any time. */
#define BALLOON_NEVER UINT64_MAX

/**
 * The time: nanoseconds since some moment in the past. Never goes back, and goes on while the system
 * runs; the driver measures its waits by it. Threads: any. Context: any.
 */
BALLOON_EXPORT uint64_t balloon_platform_now_ns(void);

/**
 * As balloon_platform_wait(), but no longer than until balloon_platform_now_ns() is deadline_ns.
 *
 * It may return early without cause, as after a signal: the caller looks at the word and the time
 * again. BALLOON_NEVER: until woken. Context: thread.
 */
BALLOON_EXPORT void balloon_platform_wait_until(
	const uint32_t *word, uint32_t expected, uint64_t deadline_ns);

/**
 * Optional: can balloon_platform_fence_threads() be relied on, from now on and as long as the process
 * lives? The library brings a "no" of its own (a weak symbol), with which locks are released by
 * read-modify-writes. Asked when a lock is made. Threads: any. Context: thread.
 */
BALLOON_EXPORT bool balloon_platform_has_fence(void);

/**
 * Optional, with the former: when it returns, each thread of the process has passed a full fence since
 * it was called, or does not run; the caller has, too. Locks have it made by those who go to sleep, so that
 * those who find no sleeper need none. Threads: any. Context: thread.
 */
BALLOON_EXPORT void balloon_platform_fence_threads(void);

/**
 * Optional: which thread am I? A number for the calling thread, for hints alone, such as which of several
 * locks to try first: two threads may have the same one, and a thread another one later. The library brings
 * a 0 of its own (a weak symbol). Threads: any, interrupt handlers included. Context: any.
 */
BALLOON_EXPORT uint32_t balloon_platform_thread_hint(void);

/** Tell the processor that this is a spinning loop. */
static inline void balloon_platform_relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#elif defined(__aarch64__) || defined(__arm__)
	__asm__ volatile("yield" ::: "memory");
#else
	__asm__ volatile("" ::: "memory");
#endif
}

#ifdef __cplusplus
}
#endif

#endif
