/* SPDX-License-Identifier: MIT */
/**
 * Lua on a heap.
 *
 *     lua_State *state = lua_newstate(balloon_lua_allocate, heap);
 *
 * The state's memory is the heap's from then on, until lua_close(). The heap outlives it. Needs no
 * header of Lua's: a lua_Alloc is a function of these types, in 5.1 to 5.4.
 */
#ifndef BALLOON_ADAPTERS_LUA_H
#define BALLOON_ADAPTERS_LUA_H

#include <balloon/heap.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Allocate, change or free a block, as Lua says it.
 *
 * heap: a struct balloon_heap. pointer: NULL, or a block of old_size bytes. new_size 0: free it.
 * Returns the block; NULL: freed, or no memory, which Lua answers with a collection and another try. A
 * block that becomes no larger is never refused, as Lua 5.1 to 5.3 rely on.
 * Threads: one for each lua_State, as Lua wants; any number on one heap.
 */
static inline void *balloon_lua_allocate(
	void *heap, void *pointer, size_t old_size, size_t new_size)
{
	struct balloon_heap *memory = (struct balloon_heap *)heap;
	if (new_size == 0) {
		balloon_heap_free(memory, pointer);
		return NULL;
	}
	void *result = balloon_heap_reallocate(memory, pointer, new_size);
	return !result && pointer && new_size <= old_size ? pointer : result;
}

#ifdef __cplusplus
}
#endif

#endif
