/* SPDX-License-Identifier: MIT */
/* Checking builds: what only a bug of the library can do ends the program. */

#include "suite.h"

#include <signal.h>

static struct balloon_atomic_word n_contended;

/* Out of sight of clang's analysis, which sees most of the faults below, too. */
BALLOON_LOCK_INTERNALS static void acquire(struct balloon_lock *lock)
{
	balloon_lock_acquire(lock);
}

BALLOON_LOCK_INTERNALS static void release(struct balloon_lock *lock)
{
	balloon_lock_release(lock);
}

static void init_and_acquire(struct balloon_lock *lock, enum balloon_lock_rank rank)
{
	balloon_lock_init(lock, rank, &n_contended);
	acquire(lock);
}

Test(checking, locks_may_be_taken_in_the_order_of_their_ranks)
{
	struct balloon_atomic_u32 flags = {0};
	struct balloon_lock slots = {.n_contended = NULL};
	struct balloon_lock pages = {.n_contended = NULL};
	balloon_page_lock_init(&flags);
	init_and_acquire(&slots, BALLOON_RANK_SLOTS);
	balloon_page_lock(&flags, &n_contended);
	init_and_acquire(&pages, BALLOON_RANK_PAGES);
	balloon_lock_assert_held(&pages);
	balloon_page_lock_assert_held(&flags);
	release(&slots);
	balloon_page_unlock(&flags);
	CHECK(balloon_page_trylock(&flags, &n_contended)); /* a trylock against the order */
	release(&pages);
	balloon_page_unlock(&flags);
}

Test(checking, a_lock_of_an_earlier_rank_aborts, .signal = SIGABRT)
{
	struct balloon_lock slots = {.n_contended = NULL};
	struct balloon_lock pages = {.n_contended = NULL};
	init_and_acquire(&pages, BALLOON_RANK_PAGES);
	init_and_acquire(&slots, BALLOON_RANK_SLOTS);
}

Test(checking, a_design_may_hold_many_locks_of_one_rank)
{
	enum { N_LOCKS = 200 };
	static struct balloon_lock locks[N_LOCKS];
	static struct balloon_atomic_u32 flags[2];
	for (int i = 0; i < 2; i++)
		balloon_page_lock_init(&flags[i]);
	for (int i = 0; i < 2; i++)
		balloon_page_lock(&flags[i], &n_contended);
	for (int i = 0; i < N_LOCKS; i++)
		init_and_acquire(&locks[i], BALLOON_RANK_PAGES);
	for (int i = 0; i < N_LOCKS; i++)
		release(&locks[i]);
	for (int i = 0; i < 2; i++)
		balloon_page_unlock(&flags[i]);
}

Test(checking, two_locks_of_one_rank_against_the_order_of_addresses_abort, .signal = SIGABRT)
{
	struct balloon_lock locks[2] = {{.n_contended = NULL}, {.n_contended = NULL}};
	init_and_acquire(&locks[1], BALLOON_RANK_PAGES);
	init_and_acquire(&locks[0], BALLOON_RANK_PAGES);
}

Test(checking, two_locks_of_a_rank_that_has_one_abort, .signal = SIGABRT)
{
	struct balloon_lock locks[2] = {{.n_contended = NULL}, {.n_contended = NULL}};
	init_and_acquire(&locks[0], BALLOON_RANK_LEAF);
	init_and_acquire(&locks[1], BALLOON_RANK_LEAF);
}

Test(checking, a_lock_taken_twice_aborts, .signal = SIGABRT)
{
	struct balloon_lock pages = {.n_contended = NULL};
	init_and_acquire(&pages, BALLOON_RANK_PAGES);
	acquire(&pages);
}

Test(checking, a_lock_released_but_not_held_aborts, .signal = SIGABRT)
{
	struct balloon_lock pages = {.n_contended = NULL};
	balloon_lock_init(&pages, BALLOON_RANK_PAGES, &n_contended);
	release(&pages);
}

Test(checking, a_lock_that_should_be_held_and_is_not_aborts, .signal = SIGABRT)
{
	struct balloon_lock pages = {.n_contended = NULL};
	balloon_lock_init(&pages, BALLOON_RANK_PAGES, &n_contended);
	balloon_lock_assert_held(&pages);
}

Test(checking, a_reference_dropped_once_too_often_aborts, .signal = SIGABRT)
{
	struct balloon_atomic_u32 references = {0};
	balloon_reference_init(&references);
	balloon_reference_put(&references, 1);
}
