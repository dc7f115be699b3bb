/* SPDX-License-Identifier: MIT */
/* Annotated builds: our locks and our shared words in drd's terms. */

#include <valgrind/drd.h>

#include "annotate.h"

static void ignore(const void *word, size_t size_bytes)
{
	ANNOTATE_BENIGN_RACE_SIZED(word, size_bytes, "shared word, see balloon/sync.h");
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

const struct balloon_race_tool balloon_drd = {
	.ignore = ignore,
	.lock_create = lock_create,
	.lock_destroy = lock_destroy,
	.lock_acquired = lock_acquired,
	.lock_released = lock_released,
};
