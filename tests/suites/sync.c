/* SPDX-License-Identifier: MIT */
/* The two locks, and references. */

#include "support.h"

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

static void locks_init(struct locks *l)
{
	*l = (struct locks){.n_rounds = scaled(5000)};
	balloon_atomic_init(&l->n_contended, 0, BALLOON_SHARED_COUNTER);
	balloon_atomic_init(&l->n_coming, 0, BALLOON_SHARED_COUNTER);
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

Test(sync, each_lock_has_one_holder_at_a_time)
{
	struct locks l;
	locks_init(&l);
	run_together(N_THREADS, count_under_lock, &l);
	CHECK_EQ(l.counter, N_THREADS * l.n_rounds);
	CHECK_EQ(balloon_atomic_load(&l.lock.word, BALLOON_RELAXED), BALLOON_LOCK_FREE);
	l.counter = 0;
	run_together(N_THREADS, count_under_page_lock, &l);
	CHECK_EQ(l.counter, N_THREADS * l.n_rounds);
	CHECK_EQ(balloon_atomic_load(&l.flags, BALLOON_RELAXED), OWN_FLAG);
	locks_fini(&l);
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

Test(sync, a_lock_wakes_all_who_wait_for_it_and_counts_them)
{
	struct locks l;
	locks_init(&l);
	run_together(N_THREADS, wait_for_lock, &l);
	CHECK_EQ(l.counter, N_THREADS);
	CHECK(balloon_atomic_load(&l.n_contended, BALLOON_RELAXED) >= N_THREADS - 1);
	CHECK_EQ(balloon_atomic_load(&l.lock.word, BALLOON_RELAXED), BALLOON_LOCK_FREE);
	locks_fini(&l);
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
	locks_init(&l);
	run_together(N_THREADS, wait_for_page_lock, &l);
	CHECK_EQ(l.counter, N_THREADS);
	CHECK(balloon_atomic_load(&l.n_contended, BALLOON_RELAXED) >= N_THREADS - 1);
	CHECK_EQ(balloon_atomic_load(&l.flags, BALLOON_RELAXED), OWN_FLAG);
	locks_fini(&l);
}

Test(sync, a_trylock_fails_and_counts_while_the_page_lock_is_held)
{
	struct locks l;
	locks_init(&l);
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
