/* SPDX-License-Identifier: MIT */
/* The waiting halves of the two locks: spin briefly, then sleep in the platform. */

#include <balloon/sync.h>

/*
 * How often a waiter looks again before it sleeps. A critical section of one page is some tens of
 * nanoseconds long and a relax step about as much, so a holder that runs is gone by then; one that
 * does not run would let the waiter spin for a whole time slice.
 */
enum { SPINS = 40 };

void balloon_lock_wait(struct balloon_lock *lock)
{
	balloon_atomic_add(lock->n_contended, 1, BALLOON_RELAXED);
	for (int i = 0; i < SPINS; i++) {
		uint32_t seen = balloon_atomic_load(&lock->word, BALLOON_RELAXED);
		if (seen == BALLOON_LOCK_FREE &&
			balloon_atomic_cas(
				&lock->word, &seen, BALLOON_LOCK_HELD, BALLOON_ACQUIRE)) /* L1 */
			return;
		if (seen == BALLOON_LOCK_AWAITED)
			break; /* others sleep already: queue behind them */
		balloon_platform_relax();
	}
	/* Whoever slept cannot know whether it was the last: the lock stays marked as awaited. */
	while (balloon_atomic_exchange(
		       &lock->word, BALLOON_LOCK_AWAITED, BALLOON_ACQUIRE) != /* L1 */
		BALLOON_LOCK_FREE)
		balloon_platform_wait(&lock->word.value, BALLOON_LOCK_AWAITED);
}

void balloon_page_lock_wait(
	struct balloon_atomic_u32 *flags, struct balloon_atomic_word *n_contended)
{
	balloon_atomic_add(n_contended, 1, BALLOON_RELAXED);
	for (int i = 0; i < SPINS; i++) {
		if (!(balloon_atomic_load(flags, BALLOON_RELAXED) & BALLOON_PAGE_LOCKED) &&
			balloon_page_try_bit(flags))
			return;
		balloon_platform_relax();
	}
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
