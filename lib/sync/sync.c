/* SPDX-License-Identifier: MIT */
/* The waiting halves of the two locks: spin briefly, then sleep in the platform. */

#include <balloon/sync.h>

#include "sync/sync.h"

/*
 * A waiter looks at the lock, relaxes, looks again, and relaxes twice as long each time, up to so many
 * steps; then it sleeps. A look takes the lock's cache line away from its holder, who needs it to let
 * go and, most often, to take the lock again at once: the fewer looks, the more is done between two
 * moves of the line from one processor to another, which cost more than the work itself. All steps
 * together take about as long as falling asleep and being woken, and far less than a time slice, for
 * which a holder that does not run may keep the lock.
 */
enum { RELAX_STEPS_MAX = 128 };

static void relax(int n_steps)
{
	for (int i = 0; i < n_steps; i++)
		balloon_platform_relax();
}

static bool spin_for_lock(struct balloon_lock *lock)
{
	for (int n_steps = 1; n_steps <= RELAX_STEPS_MAX; n_steps *= 2) {
		relax(n_steps);
		uint32_t seen = balloon_atomic_load(&lock->word, BALLOON_RELAXED);
		if (seen == BALLOON_LOCK_FREE &&
			balloon_atomic_cas(
				&lock->word, &seen, BALLOON_LOCK_HELD, BALLOON_ACQUIRE)) /* L1 */
			return true;
	}
	return false;
}

/* A platform that brings no such fence: no release relies on it. */
__attribute__((weak)) bool balloon_platform_has_fence(void)
{
	return false;
}

__attribute__((weak)) void balloon_platform_fence_threads(void)
{
}

__attribute__((weak)) uint32_t balloon_platform_thread_hint(void)
{
	return 0;
}

void balloon_lock_init_lasting(struct balloon_lock *lock, enum balloon_lock_rank rank,
	struct balloon_atomic_word *n_contended)
{
	balloon_lock_init(lock, rank, n_contended);
	lock->is_lasting = balloon_platform_has_fence();
}

void balloon_lock_begin_to_wait(struct balloon_lock *lock)
{
	if (!lock->is_lasting)
		return;
	balloon_atomic_add(&lock->n_waiting, 1, BALLOON_RELAXED); /* L3 */
	balloon_platform_fence_threads();                         /* L4 */
}

void balloon_lock_end_wait(struct balloon_lock *lock)
{
	if (lock->is_lasting)
		balloon_atomic_sub(&lock->n_waiting, 1, BALLOON_RELAXED);
}

static void sleep_for_lock(struct balloon_lock *lock)
{
	balloon_lock_begin_to_wait(lock);
	/* Whoever slept cannot know whether it was the last: the lock stays marked as awaited. */
	while (balloon_atomic_exchange(
		       &lock->word, BALLOON_LOCK_AWAITED, BALLOON_ACQUIRE) != /* L1 */
		BALLOON_LOCK_FREE)
		balloon_platform_wait(&lock->word.value, BALLOON_LOCK_AWAITED);
	balloon_lock_end_wait(lock);
}

void balloon_lock_wait(struct balloon_lock *lock)
{
	if (!spin_for_lock(lock))
		sleep_for_lock(lock);
	/* Here, where nobody else is: before, all waiters would contend for the count as well. */
	balloon_atomic_add(lock->n_contended, 1, BALLOON_RELAXED);
}

static bool spin_for_page(struct balloon_atomic_u32 *flags)
{
	for (int n_steps = 1; n_steps <= RELAX_STEPS_MAX; n_steps *= 2) {
		relax(n_steps);
		if (!(balloon_atomic_load(flags, BALLOON_RELAXED) & BALLOON_PAGE_LOCKED) &&
			balloon_page_try_bit(flags))
			return true;
	}
	return false;
}

static void sleep_for_page(struct balloon_atomic_u32 *flags)
{
	for (;;) {
		uint32_t seen = balloon_atomic_load(flags, BALLOON_RELAXED);
		if (!(seen & BALLOON_PAGE_LOCKED)) {
			if (balloon_page_try_bit(flags))
				return;
		} else if ((seen & BALLOON_PAGE_AWAITED) ||
			   balloon_atomic_cas(
				   flags, &seen, seen | BALLOON_PAGE_AWAITED, BALLOON_RELAXED)) {
			balloon_platform_wait(&flags->value, seen | BALLOON_PAGE_AWAITED);
		}
	}
}

void balloon_page_lock_wait(
	struct balloon_atomic_u32 *flags, struct balloon_atomic_word *n_contended)
{
	if (!spin_for_page(flags))
		sleep_for_page(flags);
	balloon_atomic_add(n_contended, 1, BALLOON_RELAXED);
}
