/* SPDX-License-Identifier: MIT */
/**
 * A malloc of a program's own on a heap: functions by a prefix, which count the memory in use and end
 * the program where there is none, as servers in C have them.
 *
 *     BALLOON_MALLOC_DECLARE(z)     in a header of the program
 *     BALLOON_MALLOC_DEFINE(z)      in one of its files
 *     zset_heap(heap);              before the first allocation; the heap outlives the last free
 *
 * gives
 *
 *     void *zmalloc(size), *zcalloc(n, size), *zrealloc(pointer, size); char *zstrdup(string);
 *                                   never NULL: the handler is called, then the program is aborted
 *     void *ztrymalloc(size), *ztrycalloc(n, size), *ztryrealloc(pointer, size);
 *                                   NULL: no memory
 *     void zfree(pointer);
 *     size_t zmalloc_usable_size(pointer);
 *     size_t zused_memory(void);    bytes usable in all blocks: what is allocated, rounded up
 *     void zset_oom_handler(handler); told of a size that there was no memory for; may end the program
 *
 * For sources that call malloc() and may not be changed: define BALLOON_MALLOC_NAMES as the prefix before
 * this header, and include it after the system's headers. malloc(), calloc(), realloc(), free(), strdup() and
 * malloc_usable_size() are then macros for the functions that may return NULL. What libraries allocate for
 * their callers (getline(), say) is not the heap's: by its address it goes back to where it came from.
 *
 * Threads: any, but for the set functions. Cost: that of the heap, one look at the block's size, and one
 * addition to a word that all threads share.
 */
#ifndef BALLOON_ADAPTERS_MALLOC_H
#define BALLOON_ADAPTERS_MALLOC_H

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include <balloon/heap.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What stands behind a prefix; its fields are those of the functions below. */
struct balloon_malloc {
	struct balloon_heap *heap;
	void (*oom_handler)(size_t size);
	size_t used; /* bytes; by relaxed atomics */
};

static inline void *balloon_malloc_count(struct balloon_malloc *m, void *block)
{
	if (block)
		__atomic_fetch_add(
			&m->used, balloon_heap_usable_size(m->heap, block), __ATOMIC_RELAXED);
	return block;
}

static inline void balloon_malloc_free(struct balloon_malloc *m, void *block)
{
	if (block && !balloon_heap_owns(m->heap, block)) {
		(free)(block);
		return;
	}
	__atomic_fetch_sub(&m->used, balloon_heap_usable_size(m->heap, block), __ATOMIC_RELAXED);
	balloon_heap_free(m->heap, block);
}

static inline size_t balloon_malloc_usable_size(const struct balloon_malloc *m, void *block)
{
	if (block && !balloon_heap_owns(m->heap, block))
		return (malloc_usable_size)(block);
	return balloon_heap_usable_size(m->heap, block);
}

static inline void *balloon_malloc_realloc(struct balloon_malloc *m, void *block, size_t size)
{
	if (block && !balloon_heap_owns(m->heap, block))
		return (realloc)(block, size);
	size_t before = balloon_heap_usable_size(m->heap, block);
	void *result = balloon_heap_reallocate(m->heap, block, size);
	if (result)
		__atomic_fetch_sub(&m->used, before, __ATOMIC_RELAXED);
	return balloon_malloc_count(m, result);
}

/* A block that there has to be. */
static inline void *balloon_malloc_must(struct balloon_malloc *m, void *block, size_t size)
{
	if (block)
		return block;
	if (m->oom_handler)
		m->oom_handler(size);
	abort();
}

#define BALLOON_MALLOC_DEFINE(prefix) struct balloon_malloc prefix##malloc_state;

/* A program need not use them all. */
#define BALLOON_MALLOC_FUNCTION static inline __attribute__((unused))

#define BALLOON_MALLOC_DECLARE(prefix)                                                             \
	extern struct balloon_malloc prefix##malloc_state;                                         \
	BALLOON_MALLOC_FUNCTION void prefix##set_heap(struct balloon_heap *heap)                   \
	{                                                                                          \
		prefix##malloc_state.heap = heap;                                                  \
	}                                                                                          \
	BALLOON_MALLOC_FUNCTION void prefix##set_oom_handler(void (*handler)(size_t size))         \
	{                                                                                          \
		prefix##malloc_state.oom_handler = handler;                                        \
	}                                                                                          \
	BALLOON_MALLOC_FUNCTION size_t prefix##used_memory(void)                                   \
	{                                                                                          \
		return __atomic_load_n(&prefix##malloc_state.used, __ATOMIC_RELAXED);              \
	}                                                                                          \
	BALLOON_MALLOC_FUNCTION size_t prefix##malloc_usable_size(void *block)                     \
	{                                                                                          \
		return balloon_malloc_usable_size(&prefix##malloc_state, block);                   \
	}                                                                                          \
	BALLOON_MALLOC_FUNCTION void prefix##free(void *block)                                     \
	{                                                                                          \
		balloon_malloc_free(&prefix##malloc_state, block);                                 \
	}                                                                                          \
	BALLOON_MALLOC_FUNCTION void *prefix##trymalloc(size_t size)                               \
	{                                                                                          \
		return balloon_malloc_count(&prefix##malloc_state,                                 \
			balloon_heap_allocate(prefix##malloc_state.heap, size));                   \
	}                                                                                          \
	BALLOON_MALLOC_FUNCTION void *prefix##trycalloc(size_t n, size_t size)                     \
	{                                                                                          \
		return balloon_malloc_count(&prefix##malloc_state,                                 \
			balloon_heap_calloc(prefix##malloc_state.heap, n, size));                  \
	}                                                                                          \
	BALLOON_MALLOC_FUNCTION void *prefix##tryrealloc(void *block, size_t size)                 \
	{                                                                                          \
		return balloon_malloc_realloc(&prefix##malloc_state, block, size);                 \
	}                                                                                          \
	BALLOON_MALLOC_FUNCTION char *prefix##trystrdup(const char *string)                        \
	{                                                                                          \
		return (char *)balloon_malloc_count(&prefix##malloc_state,                         \
			balloon_heap_strdup(prefix##malloc_state.heap, string));                   \
	}                                                                                          \
	BALLOON_MALLOC_FUNCTION void *prefix##malloc(size_t size)                                  \
	{                                                                                          \
		return balloon_malloc_must(&prefix##malloc_state, prefix##trymalloc(size), size);  \
	}                                                                                          \
	BALLOON_MALLOC_FUNCTION void *prefix##calloc(size_t n, size_t size)                        \
	{                                                                                          \
		return balloon_malloc_must(&prefix##malloc_state, prefix##trycalloc(n, size),      \
			n && size > SIZE_MAX / n ? SIZE_MAX : n * size);                           \
	}                                                                                          \
	BALLOON_MALLOC_FUNCTION void *prefix##realloc(void *block, size_t size)                    \
	{                                                                                          \
		return balloon_malloc_must(                                                        \
			&prefix##malloc_state, prefix##tryrealloc(block, size), size);             \
	}                                                                                          \
	BALLOON_MALLOC_FUNCTION char *prefix##strdup(const char *string)                           \
	{                                                                                          \
		return (char *)balloon_malloc_must(                                                \
			&prefix##malloc_state, prefix##trystrdup(string), strlen(string) + 1);     \
	}

#ifdef __cplusplus
}
#endif

#ifdef BALLOON_MALLOC_NAMES
#define BALLOON_MALLOC_PASTE(prefix, name) prefix##name
#define BALLOON_MALLOC_NAME(prefix, name)  BALLOON_MALLOC_PASTE(prefix, name)
#undef strdup
#define malloc(size)         BALLOON_MALLOC_NAME(BALLOON_MALLOC_NAMES, trymalloc)(size)
#define calloc(n, size)      BALLOON_MALLOC_NAME(BALLOON_MALLOC_NAMES, trycalloc)(n, size)
#define realloc(block, size) BALLOON_MALLOC_NAME(BALLOON_MALLOC_NAMES, tryrealloc)(block, size)
#define free(block)          BALLOON_MALLOC_NAME(BALLOON_MALLOC_NAMES, free)(block)
#define strdup(string)       BALLOON_MALLOC_NAME(BALLOON_MALLOC_NAMES, trystrdup)(string)
#define malloc_usable_size(block)                                                                  \
	BALLOON_MALLOC_NAME(BALLOON_MALLOC_NAMES, malloc_usable_size)(block)
#endif

#endif
