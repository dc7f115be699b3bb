/* SPDX-License-Identifier: MIT */
/*
 * Mutants of strategies: a file includes this header, renames a strategy's table, and includes the
 * strategy's source. The locks of that source go through the functions below, which leave
 * out, weaken or move what the fault of the run says, and nothing as long as there is none. So no
 * production file knows of faults, and fault and healthy twin are one program.
 *
 * A fault names the function of the strategy in which it strikes. If a change to the strategy
 * renames that function, the fault is no longer found, and the matrix says so.
 */
#ifndef NEGATIVE_MUTANT_H
#define NEGATIVE_MUTANT_H

#include <string.h>

#include <balloon/strategy.h>

#include "fault.h"

struct mutant_thread {
	bool is_unlocked; /* it does without a lock just now */
	/* What it locked last and what it put off dropping: for the faults that move an unlock. */
	struct balloon_atomic_u32 *page_flags;
	struct balloon_atomic_u32 *late_references;
};

/* The threads of a controlled build share one thread of the system. */
#ifdef BALLOON_CONTROLLED
#include "engine.h"
static struct mutant_thread mutant_threads[ENGINE_THREADS_MAX];
#define mutant_self() (&mutant_threads[engine_is_running() ? engine_self() : 0])
#else
static _Thread_local struct mutant_thread mutant_thread;
#define mutant_self() (&mutant_thread)
#endif

/*
 * A broken list leads out of the map. Keep it within, so that the shadow state gets to see what a
 * crash would hide. And let others in where lists change without the lock.
 */
static inline void *mutant_descriptor_at(
	const struct balloon_descriptors *descriptors, uint32_t index)
{
	if (mutant_self()->is_unlocked)
		balloon_hook_yield();
	return balloon_descriptor_at(descriptors, index % descriptors->n_pages);
}

/* balloon_descriptor() was defined before: it has to come here as well. */
#define balloon_descriptor_at         mutant_descriptor_at
#define balloon_descriptor(map, page) mutant_descriptor_at(&(map)->descriptors, (page).index)

#include <balloon/list.h>

/* What follows is locking with faults: clang's thread-safety analysis is right not to like it. */

static inline bool mutant_is(enum fault_kind kind, const char *function)
{
	return fault_of_run.kind == kind && strcmp(fault_of_run.function, function) == 0;
}

BALLOON_LOCK_INTERNALS
static inline void mutant_lock_acquire(struct balloon_lock *lock, const char *function)
{
	mutant_self()->is_unlocked = mutant_is(FAULT_NO_LOCK, function);
	if (mutant_self()->is_unlocked)
		return;
	if (mutant_is(FAULT_EARLY_CLEAR, function)) {
		balloon_atomic_and(mutant_self()->page_flags, ~(uint32_t)BALLOON_PAGE_FLAG_FIRST,
			BALLOON_RELAXED);
		balloon_page_unlock(mutant_self()->page_flags);
	}
	balloon_lock_acquire(lock);
}

/* balloon_lock_release() with a relaxed L2. */
BALLOON_LOCK_INTERNALS
static inline void mutant_lock_release_relaxed(struct balloon_lock *lock)
{
	balloon_hook_lock_released(&lock->word);
	if (balloon_atomic_exchange(&lock->word, BALLOON_LOCK_FREE, BALLOON_RELAXED) ==
		BALLOON_LOCK_AWAITED)
		balloon_platform_wake(&lock->word.value, 1);
	balloon_hook_yield();
}

/* balloon_page_unlock() with a relaxed P2. */
BALLOON_LOCK_INTERNALS
static inline void mutant_page_unlock_relaxed(struct balloon_atomic_u32 *flags)
{
	const uint32_t both = BALLOON_PAGE_LOCKED | BALLOON_PAGE_AWAITED;
	balloon_hook_lock_released(flags);
	if (balloon_atomic_and(flags, ~both, BALLOON_RELAXED) & BALLOON_PAGE_AWAITED)
		balloon_platform_wake(&flags->value, UINT32_MAX);
	balloon_hook_yield();
}

BALLOON_LOCK_INTERNALS
static inline void mutant_lock_release(struct balloon_lock *lock, const char *function)
{
	if (mutant_is(FAULT_NO_LOCK, function))
		mutant_self()->is_unlocked = false;
	else if (fault_of_run.kind == FAULT_RELAXED_LOCK)
		mutant_lock_release_relaxed(lock);
	else
		balloon_lock_release(lock);
	if (mutant_is(FAULT_LATE_UNLOCK, function)) {
		balloon_hook_yield();
		balloon_reference_put(mutant_self()->late_references, 1);
		balloon_page_unlock(mutant_self()->page_flags);
	}
}

BALLOON_LOCK_INTERNALS
static inline bool mutant_page_trylock(struct balloon_atomic_u32 *flags,
	struct balloon_atomic_word *n_contended, const char *function)
{
	if (!mutant_is(FAULT_NO_PAGE_LOCK, function))
		return balloon_page_trylock(flags, n_contended);
	balloon_hook_yield();
	return true;
}

BALLOON_LOCK_INTERNALS
static inline void mutant_page_lock(struct balloon_atomic_u32 *flags,
	struct balloon_atomic_word *n_contended, const char *function)
{
	if (!mutant_is(FAULT_NO_PAGE_LOCK, function))
		balloon_page_lock(flags, n_contended);
	mutant_self()->page_flags = flags;
}

BALLOON_LOCK_INTERNALS
static inline void mutant_page_unlock(struct balloon_atomic_u32 *flags, const char *function)
{
	if (mutant_is(FAULT_NO_PAGE_LOCK, function) || mutant_is(FAULT_LATE_UNLOCK, function) ||
		mutant_is(FAULT_EARLY_CLEAR, function))
		return;
	if (fault_of_run.kind == FAULT_RELAXED_PAGE)
		mutant_page_unlock_relaxed(flags);
	else
		balloon_page_unlock(flags);
}

static inline void mutant_reference_put(
	struct balloon_atomic_u32 *references, uint32_t n, const char *function)
{
	if (mutant_is(FAULT_LATE_UNLOCK, function))
		mutant_self()->late_references = references;
	else
		balloon_reference_put(references, n);
}

#define balloon_lock_acquire(lock)           mutant_lock_acquire(lock, __func__)
#define balloon_lock_release(lock)           mutant_lock_release(lock, __func__)
#define balloon_page_trylock(flags, n)       mutant_page_trylock(flags, n, __func__)
#define balloon_page_lock(flags, n)          mutant_page_lock(flags, n, __func__)
#define balloon_page_unlock(flags)           mutant_page_unlock(flags, __func__)
#define balloon_reference_put(references, n) mutant_reference_put(references, n, __func__)

#endif
