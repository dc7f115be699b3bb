/* SPDX-License-Identifier: MIT */
/* Annotated builds: what the hooks of the sync layer do. */

#include <balloon/sync.h>

#include <sched.h>

#include "annotate.h"

static const struct balloon_race_tool *const tools[] = {&balloon_helgrind, &balloon_drd};

enum { N_TOOLS = sizeof(tools) / sizeof(tools[0]) };

void balloon_hook_ignore(const void *word, size_t size_bytes, enum balloon_shared_word kind)
{
	(void)kind; /* named where the word is initialised, for the reader */
	for (int i = 0; i < N_TOOLS; i++)
		tools[i]->ignore(word, size_bytes);
}

void balloon_hook_lock_create(const void *word)
{
	for (int i = 0; i < N_TOOLS; i++)
		tools[i]->lock_create(word);
}

void balloon_hook_lock_destroy(const void *word)
{
	for (int i = 0; i < N_TOOLS; i++)
		tools[i]->lock_destroy(word);
}

void balloon_hook_lock_acquired(const void *word)
{
	for (int i = 0; i < N_TOOLS; i++)
		tools[i]->lock_acquired(word);
}

void balloon_hook_lock_released(const void *word)
{
	for (int i = 0; i < N_TOOLS; i++)
		tools[i]->lock_released(word);
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
