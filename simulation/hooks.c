/* SPDX-License-Identifier: MIT */
/* What the library calls in a controlled build: the hook of its accesses, and its checks. */

#include <balloon/sync.h>

#include "engine-internal.h"

#include <string.h>

#define WHERE ((uintptr_t)__builtin_return_address(0))

void *balloon_hook_access(const volatile void *place, size_t size_bytes, enum balloon_access access)
{
	engine_access(place, size_bytes, access, WHERE);
	return (void *)(uintptr_t)place;
}

/* ---- More than a word ------------------------------------------------------------------------ */

enum { WORD_BYTES = sizeof(uint64_t), COPY_BYTES = 512 };

static size_t smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* One for each thread: others run while a copy is made. It is used as soon as it is whole. */
void *balloon_hook_read_words(const volatile void *place, size_t size_bytes)
{
	static _Alignas(16) unsigned char copies[ENGINE_THREADS_MAX][COPY_BYTES];
	unsigned char *copy = copies[engine_is_running() ? engine_self() : 0];
	const unsigned char *from = (const unsigned char *)(uintptr_t)place;
	if (size_bytes > COPY_BYTES)
		engine_fail(ENGINE_CLAIM, "a structure of %zu bytes is read", size_bytes);
	for (size_t at = 0; at < size_bytes; at += WORD_BYTES) {
		size_t n = smaller(size_bytes - at, WORD_BYTES);
		engine_access(from + at, n, BALLOON_ACCESS_READ, WHERE);
		memcpy(copy + at, from + at, n);
	}
	return copy;
}

void balloon_hook_write_words(volatile void *place, const void *value, size_t size_bytes)
{
	unsigned char *to = (unsigned char *)(uintptr_t)place;
	for (size_t at = 0; at < size_bytes; at += WORD_BYTES) {
		size_t n = smaller(size_bytes - at, WORD_BYTES);
		engine_access(to + at, n, BALLOON_ACCESS_WRITE, WHERE);
		memcpy(to + at, (const unsigned char *)value + at, n);
	}
}

void balloon_hook_store_later(uint32_t *place, uint32_t value)
{
	engine_store_later(place, value, WHERE);
}

/* ---- Checks ---------------------------------------------------------------------------------- */

void balloon_check_failed(const char *what, const char *file, int line)
{
	const char *name = strrchr(file, '/');
	engine_fail(ENGINE_ASSERTION, "%s:%d: %s", name ? name + 1 : file, line, what);
}

void balloon_check_acquire(const void *word, enum balloon_lock_rank rank)
{
	engine_held_check(word, rank, balloon_rank_is_plural(rank));
}

void balloon_check_acquired(const void *word, enum balloon_lock_rank rank)
{
	engine_held_add(word, rank);
}

void balloon_check_released(const void *word)
{
	engine_held_remove(word);
}

bool balloon_check_held(const void *word)
{
	return engine_held(word);
}
