/* SPDX-License-Identifier: MIT */

#include "explore/clocks.h"

#include <string.h>

#include "engine-internal.h"

enum { THREADS_MAX = 4, LOCKS_MAX = 32, BYTES_MAX = 1 << 13 };

/* How far each thread had come: its time goes on when it releases a lock. All times of a run lie after those of the
 * runs before it, so that nothing is to be forgotten between them. */
struct vector {
	uint64_t of[THREADS_MAX];
};

/* The last plain accesses to a byte, of each thread: its time then. */
struct byte {
	uint64_t read_at[THREADS_MAX];
	uint64_t written_at[THREADS_MAX];
	uintptr_t read_where[THREADS_MAX];
	uintptr_t written_where[THREADS_MAX];
};

static struct {
	const struct search_subject *subject;
	struct search_subject watched;
	uintptr_t memory;
	size_t n_bytes;
	uint64_t start; /* before all times of the run */
	struct vector threads[THREADS_MAX];
	struct {
		const void *word;
		struct vector released;
	} locks[LOCKS_MAX];
	uint32_t n_locks;
	struct byte bytes[BYTES_MAX];
	struct clocks_race race;
} clocks;

/* ---- Locks ----------------------------------------------------------------------------------- */

static struct vector *lock_of(const void *word)
{
	uint32_t i = 0;
	while (i < clocks.n_locks && clocks.locks[i].word != word)
		i++;
	if (i == LOCKS_MAX)
		engine_fail(ENGINE_CLAIM, "more than %u locks", (unsigned)LOCKS_MAX);
	if (i == clocks.n_locks) {
		clocks.n_locks++;
		clocks.locks[i].word = word;
		memset(&clocks.locks[i].released, 0, sizeof(clocks.locks[i].released));
	}
	return &clocks.locks[i].released;
}

static void acquired(uint32_t thread, const void *word)
{
	const struct vector *released = lock_of(word);
	struct vector *own = &clocks.threads[thread];
	for (uint32_t i = 0; i < THREADS_MAX; i++)
		if (own->of[i] < released->of[i])
			own->of[i] = released->of[i];
}

static void released(uint32_t thread, const void *word)
{
	*lock_of(word) = clocks.threads[thread];
	clocks.threads[thread].of[thread]++;
}

/* ---- Accesses -------------------------------------------------------------------------------- */

static _Noreturn void race(uint32_t other, bool did_write, uint32_t thread, bool writes,
	uintptr_t first, uintptr_t second)
{
	clocks.race = (struct clocks_race){first, second};
	engine_fail(ENGINE_RACE, "race: a plain %s of %c and a plain %s of %c, that no lock orders",
		did_write ? "write" : "read", 'a' + (int)other, writes ? "write" : "read",
		'a' + (int)thread);
}

static void look_at_byte(uint32_t thread, uint32_t at, bool writes, uintptr_t where)
{
	struct byte *byte = &clocks.bytes[at];
	const struct vector *own = &clocks.threads[thread];
	for (uint32_t i = 0; i < clocks.subject->n_threads; i++) {
		if (i == thread)
			continue;
		if (byte->written_at[i] > own->of[i])
			race(i, true, thread, writes, byte->written_where[i], where);
		if (writes && byte->read_at[i] > own->of[i])
			race(i, false, thread, writes, byte->read_where[i], where);
	}
	if (writes) {
		byte->written_at[thread] = own->of[thread];
		byte->written_where[thread] = where;
	} else {
		byte->read_at[thread] = own->of[thread];
		byte->read_where[thread] = where;
	}
}

static void access(uint32_t thread, const volatile void *place, size_t size_bytes, unsigned kind,
	uintptr_t where)
{
	uintptr_t at = (uintptr_t)place - clocks.memory;
	bool is_plain = kind == ENGINE_POINT_READ || kind == ENGINE_POINT_WRITE;
	if (clocks.subject->access)
		clocks.subject->access(thread, place, size_bytes, kind, where);
	for (size_t i = 0; is_plain && i < size_bytes && at + i < clocks.n_bytes; i++)
		look_at_byte(thread, (uint32_t)(at + i), kind == ENGINE_POINT_WRITE, where);
}

/* ---- Runs ------------------------------------------------------------------------------------ */

static void begin(void)
{
	for (uint32_t i = 0; i < clocks.subject->n_threads; i++)
		if (clocks.start < clocks.threads[i].of[i])
			clocks.start = clocks.threads[i].of[i];
	for (uint32_t i = 0; i < THREADS_MAX; i++)
		for (uint32_t j = 0; j < THREADS_MAX; j++)
			clocks.threads[i].of[j] = clocks.start + (i == j);
	clocks.n_locks = 0;
	if (clocks.subject->begin)
		clocks.subject->begin();
}

const struct search_subject *clocks_watch(
	const struct search_subject *subject, const void *memory, size_t n_bytes)
{
	clocks.subject = subject;
	clocks.memory = (uintptr_t)memory;
	clocks.n_bytes = n_bytes < BYTES_MAX ? n_bytes : BYTES_MAX;
	clocks.watched = *subject;
	clocks.watched.begin = begin;
	clocks.watched.access = access;
	clocks.watched.acquired = acquired;
	clocks.watched.released = released;
	return &clocks.watched;
}

struct clocks_race clocks_last_race(void)
{
	return clocks.race;
}
