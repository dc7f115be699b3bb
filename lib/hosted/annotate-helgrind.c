/* SPDX-License-Identifier: MIT */
/* Annotated builds: our locks and our shared words in helgrind's terms. */

#include <valgrind/helgrind.h>

#include "annotate.h"

static void ignore(const void *word, size_t size_bytes)
{
	VALGRIND_HG_DISABLE_CHECKING(word, size_bytes);
}

static void lock_create(const void *word)
{
	ANNOTATE_RWLOCK_CREATE(word);
}

static void lock_destroy(const void *word)
{
	ANNOTATE_RWLOCK_DESTROY(word);
}

static void lock_acquired(const void *word)
{
	ANNOTATE_RWLOCK_ACQUIRED(word, 1);
}

static void lock_released(const void *word)
{
	ANNOTATE_RWLOCK_RELEASED(word, 1);
}

const struct balloon_race_tool balloon_helgrind = {
	.ignore = ignore,
	.lock_create = lock_create,
	.lock_destroy = lock_destroy,
	.lock_acquired = lock_acquired,
	.lock_released = lock_released,
};
