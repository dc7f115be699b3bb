/* SPDX-License-Identifier: MIT */
/**
 * SQLite on a heap: its memory methods.
 *
 *     balloon_sqlite_use(heap);
 *     sqlite3_initialize();
 *     ... everything that SQLite allocates, the pages of its caches and of databases in memory
 *         above all, is the heap's ...
 *     sqlite3_shutdown();
 *
 * A process has one SQLite, so one heap at a time, which outlives it: shut it down before the heap ends.
 * Include this in one file of a program: that file holds the heap's name.
 */
#ifndef BALLOON_ADAPTERS_SQLITE_H
#define BALLOON_ADAPTERS_SQLITE_H

#include <limits.h>

#include <sqlite3.h>

#include <balloon/heap.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The methods are told of no context, but for the first. */
static inline struct balloon_heap **balloon_sqlite_heap(void)
{
	static struct balloon_heap *heap;
	return &heap;
}

static inline int balloon_sqlite_init(void *heap)
{
	*balloon_sqlite_heap() = (struct balloon_heap *)heap;
	return SQLITE_OK;
}

static inline void balloon_sqlite_shutdown(void *heap)
{
	(void)heap;
	*balloon_sqlite_heap() = NULL;
}

static inline void *balloon_sqlite_malloc(int size)
{
	return size > 0 ? balloon_heap_allocate(*balloon_sqlite_heap(), (size_t)size) : NULL;
}

static inline void balloon_sqlite_free(void *pointer)
{
	balloon_heap_free(*balloon_sqlite_heap(), pointer);
}

static inline void *balloon_sqlite_realloc(void *pointer, int size)
{
	return size > 0 ? balloon_heap_reallocate(*balloon_sqlite_heap(), pointer, (size_t)size)
			: NULL;
}

static inline int balloon_sqlite_size(void *pointer)
{
	return (int)balloon_heap_usable_size(*balloon_sqlite_heap(), pointer);
}

/* SQLite asks for what this says. Sizes that no heap has are refused when they are asked for. */
static inline int balloon_sqlite_roundup(int size)
{
	size_t good = balloon_heap_good_size(*balloon_sqlite_heap(), size > 0 ? (size_t)size : 1);
	return good > 0 && good <= INT_MAX ? (int)good : size;
}

/**
 * Say that SQLite is to allocate from this heap, from sqlite3_initialize() on.
 *
 * Returns SQLITE_OK; SQLITE_MISUSE: SQLite is initialised already (sqlite3_shutdown() first).
 * To go back, keep what sqlite3_config(SQLITE_CONFIG_GETMALLOC, ...) says before.
 * Threads: as sqlite3_config(), before any other.
 */
static inline int balloon_sqlite_use(struct balloon_heap *heap)
{
	sqlite3_mem_methods methods = {balloon_sqlite_malloc, balloon_sqlite_free,
		balloon_sqlite_realloc, balloon_sqlite_size, balloon_sqlite_roundup,
		balloon_sqlite_init, balloon_sqlite_shutdown, heap};
	return sqlite3_config(SQLITE_CONFIG_MALLOC, &methods);
}

#ifdef __cplusplus
}
#endif

#endif
