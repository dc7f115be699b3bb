/* SPDX-License-Identifier: MIT */
/*
 * Lasting locks with threads of the system: who sleeps is woken, also in a child of fork(), and when the
 * system refuses at last what such locks were made for.
 */
#define _DEFAULT_SOURCE /* fork() */

#include "../channels/refusal.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <balloon/sync.h>

enum { N_THREADS = 4, N_ROUNDS = 20 };

#define REQUIRE(condition)                                                                         \
	((condition) ? (void)0                                                                     \
		     : (fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition),    \
			       abort()))

static struct balloon_lock lock;
static struct balloon_atomic_word n_contended;
static uint32_t n_held; /* the lock */

static void init(void)
{
	balloon_atomic_init(&n_contended, 0, BALLOON_SHARED_COUNTER);
	balloon_lock_init_lasting(&lock, BALLOON_RANK_LEAF, &n_contended);
}

static void *hold(void *unused)
{
	(void)unused;
	balloon_lock_acquire(&lock);
	BALLOON_WRITE(n_held, BALLOON_READ(n_held) + 1);
	balloon_lock_release(&lock);
	return NULL;
}

/* The lock is released when somebody sleeps; all get it, one after the other. */
static void wake_all(void)
{
	pthread_t threads[N_THREADS];
	balloon_lock_acquire(&lock);
	BALLOON_WRITE(n_held, 0);
	for (int i = 0; i < N_THREADS; i++)
		REQUIRE(pthread_create(&threads[i], NULL, hold, NULL) == 0);
	while (balloon_atomic_load(&lock.word, BALLOON_RELAXED) != BALLOON_LOCK_AWAITED)
		sched_yield();
	balloon_lock_release(&lock);
	for (int i = 0; i < N_THREADS; i++)
		pthread_join(threads[i], NULL);
	REQUIRE(n_held == N_THREADS);
	REQUIRE(balloon_atomic_load(&lock.word, BALLOON_RELAXED) == BALLOON_LOCK_FREE);
	REQUIRE(balloon_atomic_load(&lock.n_waiting, BALLOON_RELAXED) == 0);
}

/* The lock was made before the fork: what the process registered for holds in its child. */
static void wake_all_in_a_child(void)
{
	int status;
	pid_t child = fork();
	REQUIRE(child >= 0);
	if (child == 0) {
		wake_all();
		REQUIRE(lock.is_lasting == balloon_platform_has_fence());
		_exit(0);
	}
	REQUIRE(waitpid(child, &status, 0) == child && status == 0);
}

int main(void)
{
	init();
	wake_all_in_a_child();
	for (int i = 0; i < N_ROUNDS; i++)
		wake_all();
	if (!refuse_membarrier(EPERM)) {
		fprintf(stderr, "no filter of system calls can be set here\n");
		return 77;
	}
	for (int i = 0; i < N_ROUNDS; i++)
		wake_all();
	balloon_lock_fini(&lock);
	init();
	REQUIRE(!lock.is_lasting);
	wake_all();
	balloon_lock_fini(&lock);
	return 0;
}
