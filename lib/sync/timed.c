/* SPDX-License-Identifier: MIT */
/*
 * Waiting with a deadline, for what waits long: locks that are held while a host is asked, and events.
 * A file of its own, because page management alone needs no time from its platform.
 */
#include <balloon/sync.h>

#include "sync/sync.h"

/*
 * Each round begins with a try, the last one too: a waiter that was woken and gives up at once would
 * take the wake-up with it. Its try either gets the lock or marks it as awaited once more.
 */
static bool sleep_for_lock_until(struct balloon_lock *lock, uint64_t deadline_ns)
{
	while (balloon_atomic_exchange(
		       &lock->word, BALLOON_LOCK_AWAITED, BALLOON_ACQUIRE) != /* L1 */
		BALLOON_LOCK_FREE) {
		if (balloon_platform_now_ns() >= deadline_ns)
			return false;
		balloon_platform_wait_until(&lock->word.value, BALLOON_LOCK_AWAITED, deadline_ns);
	}
	return true;
}

bool balloon_lock_wait_until(struct balloon_lock *lock, uint64_t deadline_ns)
{
	balloon_lock_begin_to_wait(lock);
	bool is_taken = sleep_for_lock_until(lock, deadline_ns);
	balloon_lock_end_wait(lock);
	balloon_atomic_add(lock->n_contended, 1, BALLOON_RELAXED);
	return is_taken;
}

bool balloon_event_mark(struct balloon_event *event)
{
	uint32_t seen = balloon_atomic_load(&event->word, BALLOON_RELAXED);
	while (!balloon_atomic_cas(&event->word, &seen,
		(seen & ~(uint32_t)BALLOON_EVENT_AWAITED) + BALLOON_EVENT_STEP,
		BALLOON_RELEASE)) /* E2 */
		;
	return seen & BALLOON_EVENT_AWAITED;
}

void balloon_event_wake(const struct balloon_event *event)
{
	balloon_platform_wake(&event->word.value, UINT32_MAX);
}

void balloon_event_signal(struct balloon_event *event)
{
	if (balloon_event_mark(event))
		balloon_event_wake(event);
}

void balloon_event_wait(struct balloon_event *event, uint32_t seen, uint64_t deadline_ns)
{
	uint32_t awaited = seen | BALLOON_EVENT_AWAITED;
	/* Marked by somebody else already is as good. Anything else: it was signalled. */
	if (!balloon_atomic_cas(&event->word, &seen, awaited, BALLOON_RELAXED) && seen != awaited)
		return;
	balloon_platform_wait_until(&event->word.value, awaited, deadline_ns);
}
