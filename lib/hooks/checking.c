/* SPDX-License-Identifier: MIT */
/* Checking builds: each thread's held locks against the lock ranks. */

#include <balloon/sync.h>

#include <stdio.h>
#include <stdlib.h>

enum { HELD_MAX = 256 }; /* a design may hold all of its locks at once */

struct held {
	const void *word;
	enum balloon_lock_rank rank;
};

static _Thread_local struct held held[HELD_MAX];
static _Thread_local int n_held;

void balloon_check_failed(const char *what, const char *file, int line)
{
	fprintf(stderr, "libballoon: %s:%d: assertion failed: %s\n", file, line, what);
	abort();
}

bool balloon_check_held(const void *word)
{
	for (int i = 0; i < n_held; i++)
		if (held[i].word == word)
			return true;
	return false;
}

/* Before a lock is waited for: nothing of a later rank may be held; of its own rank, locks at lower addresses, if
 * that is one of which strategies may hold several. */
void balloon_check_acquire(const void *word, enum balloon_lock_rank rank)
{
	BALLOON_ASSERT(!balloon_check_held(word));
	for (int i = 0; i < n_held; i++)
		BALLOON_ASSERT(held[i].rank < rank ||
			       (balloon_rank_is_plural(rank) && held[i].rank == rank &&
				       (uintptr_t)held[i].word < (uintptr_t)word));
}

void balloon_check_acquired(const void *word, enum balloon_lock_rank rank)
{
	BALLOON_ASSERT(n_held < HELD_MAX);
	held[n_held].word = word;
	held[n_held].rank = rank;
	n_held++;
}

void balloon_check_released(const void *word)
{
	for (int i = n_held - 1; i >= 0; i--) {
		if (held[i].word != word)
			continue;
		held[i] = held[--n_held];
		return;
	}
	balloon_check_failed("a lock is released that this thread holds", __FILE__, __LINE__);
}
