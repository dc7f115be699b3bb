/* SPDX-License-Identifier: MIT */
/* The two locks, and references. */

#include "suite.h"

#include <sched.h>
#include <time.h>

enum { N_THREADS = 4, OWN_FLAG = BALLOON_PAGE_FLAG_FIRST };

struct locks {
	struct balloon_atomic_word n_contended;
	struct balloon_atomic_word n_coming; /* threads that are about to wait */
	struct balloon_lock lock;
	struct balloon_atomic_u32 flags;
	uint32_t n_rounds;
	uint32_t counter;  /* the lock under test */
	uint32_t n_inside; /* as counter */
};

static void locks_init(struct locks *l, bool is_lasting)
{
	*l = (struct locks){.n_rounds = scaled(5000)};
	balloon_atomic_init(&l->n_contended, 0, BALLOON_SHARED_COUNTER);
	balloon_atomic_init(&l->n_coming, 0, BALLOON_SHARED_COUNTER);
	if (is_lasting)
		balloon_lock_init_lasting(&l->lock, BALLOON_RANK_PAGES, &l->n_contended);
	else
		balloon_lock_init(&l->lock, BALLOON_RANK_PAGES, &l->n_contended);
	balloon_page_lock_init(&l->flags);
	balloon_atomic_or(&l->flags, OWN_FLAG, BALLOON_RELAXED);
}

static void locks_fini(struct locks *l)
{
	balloon_page_lock_fini(&l->flags);
	balloon_lock_fini(&l->lock);
}

static void count_under_lock(void *shared, size_t thread)
{
	struct locks *l = shared;
	(void)thread;
	for (uint32_t i = 0; i < l->n_rounds; i++) {
		balloon_lock_acquire(&l->lock);
		BALLOON_WRITE(l->counter, BALLOON_READ(l->counter) + 1);
		balloon_lock_release(&l->lock);
	}
}

static void count_under_page_lock(void *shared, size_t thread)
{
	struct locks *l = shared;
	for (uint32_t i = 0; i < l->n_rounds; i++) {
		if (thread % 2)
			while (!balloon_page_trylock(&l->flags, &l->n_contended))
				sched_yield();
		else
			balloon_page_lock(&l->flags, &l->n_contended);
		BALLOON_WRITE(l->counter, BALLOON_READ(l->counter) + 1);
		balloon_page_unlock(&l->flags);
	}
}

static void exclude(bool is_lasting)
{
	struct locks l;
	locks_init(&l, is_lasting);
	run_together(N_THREADS, count_under_lock, &l);
	CHECK_EQ(l.counter, N_THREADS * l.n_rounds);
	CHECK_EQ(balloon_atomic_load(&l.lock.word, BALLOON_RELAXED), BALLOON_LOCK_FREE);
	l.counter = 0;
	run_together(N_THREADS, count_under_page_lock, &l);
	CHECK_EQ(l.counter, N_THREADS * l.n_rounds);
	CHECK_EQ(balloon_atomic_load(&l.flags, BALLOON_RELAXED), OWN_FLAG);
	locks_fini(&l);
}

Test(sync, each_lock_has_one_holder_at_a_time)
{
	exclude(false);
	exclude(true);
}

/* Stay in the critical section long enough for a second holder to show. */
static void stay(struct locks *l)
{
	BALLOON_WRITE(l->n_inside, BALLOON_READ(l->n_inside) + 1);
	for (int i = 0; i < 20; i++) {
		CHECK_EQ(BALLOON_READ(l->n_inside), 1);
		sched_yield();
	}
	BALLOON_WRITE(l->n_inside, BALLOON_READ(l->n_inside) - 1);
	BALLOON_WRITE(l->counter, BALLOON_READ(l->counter) + 1);
}

static bool try_and_release(struct balloon_lock *lock)
{
	if (!balloon_lock_try(lock))
		return false;
	balloon_lock_release(lock);
	return true;
}

/* For the holder: until all others have come and one of them sleeps, and the rest has had time to. */
static void wait_for_sleepers(struct locks *l, const struct balloon_atomic_u32 *word, uint32_t bit)
{
	const struct timespec nap = {.tv_nsec = 20000000};
	while (balloon_atomic_load(&l->n_coming, BALLOON_RELAXED) < N_THREADS - 1 ||
		!(balloon_atomic_load(word, BALLOON_RELAXED) & bit))
		sched_yield();
	nanosleep(&nap, NULL);
}

/* Thread 0 holds the lock until the others sleep. */
static void wait_for_lock(void *shared, size_t thread)
{
	struct locks *l = shared;
	if (thread > 0) {
		while (balloon_atomic_load(&l->lock.word, BALLOON_RELAXED) == BALLOON_LOCK_FREE)
			sched_yield();
		balloon_atomic_add(&l->n_coming, 1, BALLOON_RELAXED);
		balloon_lock_acquire(&l->lock);
	} else {
		balloon_lock_acquire(&l->lock);
		CHECK(!try_and_release(&l->lock));
		wait_for_sleepers(l, &l->lock.word, BALLOON_LOCK_AWAITED);
	}
	stay(l);
	balloon_lock_release(&l->lock);
}

static void wake_all(bool is_lasting)
{
	struct locks l;
	locks_init(&l, is_lasting);
	run_together(N_THREADS, wait_for_lock, &l);
	CHECK_EQ(l.counter, N_THREADS);
	CHECK(balloon_atomic_load(&l.n_contended, BALLOON_RELAXED) >= N_THREADS - 1);
	CHECK_EQ(balloon_atomic_load(&l.lock.word, BALLOON_RELAXED), BALLOON_LOCK_FREE);
	locks_fini(&l);
}

Test(sync, a_lock_wakes_all_who_wait_for_it_and_counts_them)
{
	wake_all(false);
	wake_all(true);
}

static void wait_for_page_lock(void *shared, size_t thread)
{
	struct locks *l = shared;
	if (thread > 0) {
		while (!(balloon_atomic_load(&l->flags, BALLOON_RELAXED) & BALLOON_PAGE_LOCKED))
			sched_yield();
		balloon_atomic_add(&l->n_coming, 1, BALLOON_RELAXED);
		balloon_page_lock(&l->flags, &l->n_contended);
	} else {
		balloon_page_lock(&l->flags, &l->n_contended);
		wait_for_sleepers(l, &l->flags, BALLOON_PAGE_AWAITED);
	}
	stay(l);
	balloon_page_unlock(&l->flags);
}

Test(sync, a_page_lock_wakes_all_who_wait_for_it_and_keeps_other_flags)
{
	struct locks l;
	locks_init(&l, true);
	run_together(N_THREADS, wait_for_page_lock, &l);
	CHECK_EQ(l.counter, N_THREADS);
	CHECK(balloon_atomic_load(&l.n_contended, BALLOON_RELAXED) >= N_THREADS - 1);
	CHECK_EQ(balloon_atomic_load(&l.flags, BALLOON_RELAXED), OWN_FLAG);
	locks_fini(&l);
}

Test(sync, a_trylock_fails_and_counts_while_the_page_lock_is_held)
{
	struct locks l;
	locks_init(&l, true);
	CHECK(balloon_page_trylock(&l.flags, &l.n_contended));
	CHECK_EQ(balloon_atomic_load(&l.n_contended, BALLOON_RELAXED), 0);
	CHECK(!balloon_page_trylock(&l.flags, &l.n_contended));
	CHECK_EQ(balloon_atomic_load(&l.n_contended, BALLOON_RELAXED), 1);
	CHECK_EQ(balloon_atomic_load(&l.flags, BALLOON_RELAXED), BALLOON_PAGE_LOCKED | OWN_FLAG);
	balloon_page_unlock(&l.flags);
	CHECK_EQ(balloon_atomic_load(&l.flags, BALLOON_RELAXED), OWN_FLAG);
	CHECK(try_and_release(&l.lock));
	locks_fini(&l);
}

/* Who waited for it before is in the parent alone: in the child a release need not look for them. */
static void check_over_fork(bool is_child, bool is_lasting)
{
	struct locks l;
	locks_init(&l, is_lasting);
	balloon_lock_before_fork(&l.lock);
	CHECK(!try_and_release(&l.lock));
	balloon_atomic_store(&l.lock.n_waiting, 3, BALLOON_RELAXED);
	balloon_lock_after_fork(&l.lock, is_child);
	CHECK_EQ(balloon_atomic_load(&l.lock.n_waiting, BALLOON_RELAXED), is_child ? 0 : 3);
	CHECK(try_and_release(&l.lock));
	locks_fini(&l);
}

Test(sync, a_lock_over_a_fork_is_held_and_then_free)
{
	for (int i = 0; i < 4; i++)
		check_over_fork(i % 2 == 0, i / 2 == 0);
}

Test(sync, a_reference_of_zero_is_not_raised)
{
	struct balloon_atomic_u32 references = {0};
	balloon_reference_init(&references);
	CHECK(!balloon_reference_get_unless_zero(&references));
	CHECK_EQ(balloon_atomic_load(&references, BALLOON_RELAXED), 0);
	balloon_reference_get(&references);
	CHECK(balloon_reference_get_unless_zero(&references));
	CHECK_EQ(balloon_atomic_load(&references, BALLOON_RELAXED), 2);
	balloon_reference_put(&references, 2);
	CHECK(!balloon_reference_get_unless_zero(&references));
}

/* ---- Waiting with a deadline ----------------------------------------------------------------- */

static const uint64_t ms = 1000000;

static bool lock_and_release_until(struct balloon_lock *lock, uint64_t deadline_ns)
{
	if (!balloon_lock_acquire_until(lock, deadline_ns))
		return false;
	balloon_lock_release(lock);
	return true;
}

static void hold_or_give_up(void *shared, size_t thread)
{
	struct locks *l = shared;
	if (thread == 0) {
		balloon_lock_acquire(&l->lock);
		wait_for_sleepers(l, &l->lock.word, BALLOON_LOCK_AWAITED);
		balloon_lock_release(&l->lock);
		return;
	}
	while (balloon_atomic_load(&l->lock.word, BALLOON_RELAXED) == BALLOON_LOCK_FREE)
		sched_yield();
	uint64_t begin_ns = balloon_platform_now_ns();
	CHECK(!lock_and_release_until(&l->lock, begin_ns + 2 * ms));
	CHECK(balloon_platform_now_ns() - begin_ns >= 2 * ms);
	balloon_atomic_add(&l->n_coming, 1, BALLOON_RELAXED);
	CHECK(lock_and_release_until(&l->lock, BALLOON_NEVER));
}

static void wait_until(bool is_lasting)
{
	struct locks l;
	locks_init(&l, is_lasting);
	CHECK(lock_and_release_until(&l.lock, 0));
	run_together(N_THREADS, hold_or_give_up, &l);
	CHECK_EQ(balloon_atomic_load(&l.lock.word, BALLOON_RELAXED), BALLOON_LOCK_FREE);
	CHECK(balloon_atomic_load(&l.n_contended, BALLOON_RELAXED) >= 2 * (N_THREADS - 1));
	locks_fini(&l);
}

Test(sync, a_wait_for_a_lock_ends_with_its_deadline_or_with_the_lock)
{
	wait_until(false);
	wait_until(true);
}

/* A waiter that was woken and gives up does not take the wake-up with it: somebody gets the lock. */
static void hold_briefly(void *shared, size_t thread)
{
	struct locks *l = shared;
	for (uint32_t i = 0; i < l->n_rounds / 5; i++) {
		uint64_t deadline_ns = balloon_platform_now_ns() + (thread % 2 ? 0 : ms / 50);
		if (thread == 0)
			deadline_ns = BALLOON_NEVER;
		if (!balloon_lock_acquire_until(&l->lock, deadline_ns))
			continue;
		BALLOON_WRITE(l->counter, BALLOON_READ(l->counter) + 1);
		sched_yield();
		balloon_lock_release(&l->lock);
	}
}

static void give_up(bool is_lasting)
{
	struct locks l;
	locks_init(&l, is_lasting);
	run_together(N_THREADS, hold_briefly, &l);
	CHECK(l.counter >= l.n_rounds / 5);
	CHECK_EQ(balloon_atomic_load(&l.lock.word, BALLOON_RELAXED), BALLOON_LOCK_FREE);
	locks_fini(&l);
}

Test(sync, waiters_that_give_up_leave_the_lock_to_others)
{
	give_up(false);
	give_up(true);
}

struct baton {
	struct locks l;
	struct balloon_event event;
	uint32_t turn; /* the lock */
};

static uint32_t turn_of(struct baton *b)
{
	balloon_lock_acquire(&b->l.lock);
	uint32_t turn = BALLOON_READ(b->turn);
	balloon_lock_release(&b->l.lock);
	return turn;
}

/* Each waits for its turn and hands it on: a lost signal is a hang. */
static void take_turns(void *shared, size_t thread)
{
	struct baton *b = shared;
	for (uint32_t i = 0; i < b->l.n_rounds / 5; i++) {
		for (;;) {
			uint32_t seen = balloon_event_seen(&b->event);
			if (turn_of(b) == thread)
				break;
			balloon_event_wait(&b->event, seen, BALLOON_NEVER);
		}
		balloon_lock_acquire(&b->l.lock);
		BALLOON_WRITE(b->turn, (uint32_t)(thread + 1) % N_THREADS);
		balloon_lock_release(&b->l.lock);
		balloon_event_signal(&b->event);
	}
}

Test(sync, an_event_is_seen_by_all_who_wait_for_it)
{
	struct baton b = {.turn = 0};
	locks_init(&b.l, true);
	balloon_event_init(&b.event);
	uint32_t seen = balloon_event_seen(&b.event);
	uint64_t begin_ns = balloon_platform_now_ns();
	balloon_event_wait(&b.event, seen, begin_ns + 3 * ms); /* may be less, but mostly is not */
	CHECK(!balloon_event_is_past(&b.event, seen));
	CHECK(!balloon_event_is_past(&b.event, seen ^ BALLOON_EVENT_AWAITED));
	balloon_event_signal(&b.event);
	CHECK(balloon_event_is_past(&b.event, seen));
	CHECK(balloon_event_seen(&b.event) != seen);
	balloon_event_wait(&b.event, seen, BALLOON_NEVER); /* signalled already: at once */
	run_together(N_THREADS, take_turns, &b);
	CHECK_EQ(b.turn, 0);
	locks_fini(&b.l);
}
