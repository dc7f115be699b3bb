/* SPDX-License-Identifier: MIT */
/* Annotated builds: what the hooks of the sync layer do. */

#include <balloon/sync.h>

#include <sched.h>

#include <valgrind/helgrind.h>

#include "hooks/annotate.h"

void balloon_hook_ignore(const void *word, size_t size_bytes, enum balloon_shared_word kind)
{
	(void)kind; /* named where the word is initialised, for the reader */
	balloon_drd_ignore(word, size_bytes);
	balloon_helgrind_ignore(word, size_bytes);
}

/* drd takes these requests of helgrind's for its own: telling both would lock every lock twice. */

void balloon_hook_lock_create(const void *word, enum balloon_lock_rank rank)
{
	(void)rank; /* they order locks by themselves */
	ANNOTATE_RWLOCK_CREATE(word);
}

void balloon_hook_lock_destroy(const void *word)
{
	ANNOTATE_RWLOCK_DESTROY(word);
}

void balloon_hook_lock_acquired(const void *word, enum balloon_lock_rank rank)
{
	(void)rank; /* they order locks by themselves */
	ANNOTATE_RWLOCK_ACQUIRED(word, 1);
}

void balloon_hook_lock_released(const void *word)
{
	ANNOTATE_RWLOCK_RELEASED(word, 1);
}

void balloon_hook_published(const void *word)
{
	ANNOTATE_HAPPENS_BEFORE(word);
}

void balloon_hook_observed(const void *word)
{
	ANNOTATE_HAPPENS_AFTER(word);
}

/* One time in four let somebody else run, so that a tool sees more schedules than one. */
void balloon_hook_yield(void)
{
	static _Thread_local uint32_t state;
	if (state == 0)
		state = (uint32_t)(uintptr_t)&state | 1;
	state ^= state << 13;
	state ^= state >> 17;
	state ^= state << 5;
	if (state % 4 == 0)
		sched_yield();
}
