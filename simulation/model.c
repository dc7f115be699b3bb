/* SPDX-License-Identifier: MIT */
/*
 * Locks and events as one step each, in place of lib/sync/sync.c and lib/sync/timed.c: whoever finds a lock
 * taken is not run until it is free. The real ones run in scenarios of their own.
 */
#include <balloon/sync.h>

#include "engine-internal.h"

#define WHERE ((uintptr_t)__builtin_return_address(0))

/* One step is an exchange. */
void balloon_lock_init_lasting(struct balloon_lock *lock, enum balloon_lock_rank rank,
	struct balloon_atomic_word *n_contended)
{
	balloon_lock_init(lock, rank, n_contended);
}

void balloon_lock_wait(struct balloon_lock *lock)
{
	engine_wait_clear(&lock->word.value, UINT32_MAX, BALLOON_NEVER);
	lock->word.value = BALLOON_LOCK_HELD;
	lock->n_contended->value++;
	engine_changed();
}

bool balloon_lock_wait_until(struct balloon_lock *lock, uint64_t deadline_ns)
{
	bool is_free = engine_wait_clear(&lock->word.value, UINT32_MAX, deadline_ns);
	if (is_free)
		lock->word.value = BALLOON_LOCK_HELD;
	lock->n_contended->value++;
	engine_changed();
	return is_free;
}

void balloon_page_lock_wait(
	struct balloon_atomic_u32 *flags, struct balloon_atomic_word *n_contended)
{
	engine_wait_clear(&flags->value, BALLOON_PAGE_LOCKED, BALLOON_NEVER);
	flags->value |= BALLOON_PAGE_LOCKED;
	n_contended->value++;
	engine_changed();
}

enum { EVENT_STEP = 2 };

/* Whoever sleeps may be woken: nobody is marked as asleep here. */
bool balloon_event_mark(struct balloon_event *event)
{
	engine_access(&event->word, sizeof(event->word), ENGINE_POINT_WAKE, WHERE);
	event->word.value += EVENT_STEP;
	engine_changed();
	return true;
}

void balloon_event_wake(const struct balloon_event *event)
{
	engine_access(&event->word, sizeof(event->word), ENGINE_POINT_WAKE, WHERE);
	engine_wake(&event->word, UINT32_MAX);
}

void balloon_event_signal(struct balloon_event *event)
{
	engine_access(&event->word, sizeof(event->word), ENGINE_POINT_WAKE, WHERE);
	event->word.value += EVENT_STEP;
	engine_changed();
	engine_wake(&event->word, UINT32_MAX);
}

void balloon_event_wait(struct balloon_event *event, uint32_t seen, uint64_t deadline_ns)
{
	engine_access(&event->word, sizeof(event->word), ENGINE_POINT_WAIT, WHERE);
	if (event->word.value == seen)
		engine_sleep_on(&event->word, deadline_ns);
}
