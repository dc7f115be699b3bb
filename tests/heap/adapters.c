/* SPDX-License-Identifier: MIT */
/* The adapters that want nothing but a heap: a malloc by a prefix, and Lua's. */

#define _GNU_SOURCE 1 /* strdup(), getline() */

#include "claims.h"

#include <setjmp.h>
#include <string.h>

#include <balloon/adapters/lua.h>

#define BALLOON_MALLOC_NAMES my
#include <balloon/adapters/malloc.h>

BALLOON_MALLOC_DECLARE(z)
BALLOON_MALLOC_DEFINE(z)
BALLOON_MALLOC_DECLARE(my)
BALLOON_MALLOC_DEFINE(my)

enum { N_PAGES = 4096, MIB = 1 << 20 };

static void memory_in_use_is_counted(void)
{
	struct balloon_heap *heap = make_heap((struct balloon_heap_config){0}, N_PAGES);
	zset_heap(heap);
	CHECK_EQ(zused_memory(), 0);
	char *a = zmalloc(1000);
	char *b = zcalloc(30, 100);
	char *c = zstrdup("balloon");
	size_t used = zmalloc_usable_size(a) + zmalloc_usable_size(b) + zmalloc_usable_size(c);
	CHECK(zmalloc_usable_size(a) >= 1000 && strcmp(c, "balloon") == 0 && b[2999] == 0);
	CHECK_EQ(zused_memory(), used);
	memcpy(a, "contents", 9);
	a = zrealloc(a, MIB);
	CHECK(zused_memory() > MIB && strcmp(a, "contents") == 0);
	a = ztryrealloc(a, 1000);
	CHECK_EQ(zused_memory(), used);
	CHECK(!ztrymalloc(N_PAGES * 4096) && !ztryrealloc(a, N_PAGES * 4096));
	CHECK(!ztrycalloc(SIZE_MAX / 2, 3) && strcmp(a, "contents") == 0);
	CHECK_EQ(zused_memory(), used);
	CHECK_EQ(usage_of(heap).allocated_bytes, used);
	zfree(a);
	zfree(b);
	zfree(c);
	zfree(NULL);
	CHECK_EQ(zused_memory(), 0);
	end_heap(heap);
}

static jmp_buf out_of_memory;
static volatile size_t missing;

static void note_size(size_t size)
{
	missing = size;
	longjmp(out_of_memory, 1);
}

/* The wanted size, by what failed. */
static size_t missing_for(void *(*allocate)(size_t size), size_t size)
{
	missing = 0;
	if (setjmp(out_of_memory) == 0)
		allocate(size);
	return missing;
}

static void *clear_some(size_t size)
{
	return zcalloc(size, 3);
}

static void who_must_have_memory_is_told_that_there_is_none(void)
{
	struct balloon_heap *heap = make_heap((struct balloon_heap_config){0}, N_PAGES);
	zset_heap(heap);
	zset_oom_handler(note_size);
	CHECK_EQ(missing_for(zmalloc, N_PAGES * 4096), N_PAGES * 4096);
	CHECK_EQ(missing_for(clear_some, N_PAGES * 4096), N_PAGES * 4096 * 3);
	CHECK(missing_for(clear_some, SIZE_MAX / 2) == SIZE_MAX);
	CHECK_EQ(missing_for(zmalloc, 1), 0);
	CHECK_EQ(balloon_heap_destroy(heap), 0); /* with the byte that nobody freed */
	__atomic_store_n(&zmalloc_state.used, 0, __ATOMIC_RELAXED);
}

/* Sources that call malloc() as it is named in C, and get blocks from libraries, too. */
static void the_names_of_c_are_those_of_a_heap(void)
{
	struct balloon_heap *heap = make_heap((struct balloon_heap_config){0}, N_PAGES);
	myset_heap(heap);
	char *blocks[] = {malloc(10), calloc(10, 10), strdup("balloon"), realloc(NULL, 20)};
	for (int i = 0; i < 4; i++)
		CHECK(balloon_heap_owns(heap, blocks[i]) && malloc_usable_size(blocks[i]) >= 8);
	CHECK(!malloc(N_PAGES * 4096));
	char *line = NULL;
	size_t size = 0;
	FILE *file = fmemopen("a line\n", 7, "r");
	CHECK(file && getline(&line, &size, file) == 7);
	CHECK(!balloon_heap_owns(heap, line) && malloc_usable_size(line) >= size);
	line = realloc(line, 100000);
	CHECK(strcmp(line, "a line\n") == 0);
	free(line);
	fclose(file);
	for (int i = 0; i < 4; i++)
		free(blocks[i]);
	CHECK_EQ(myused_memory(), 0);
	CHECK_EQ(stats_of(heap).n_strays, 0);
	end_heap(heap);
}

static void lua_blocks_come_change_and_go(void)
{
	struct balloon_heap *heap = make_heap((struct balloon_heap_config){0}, N_PAGES);
	char *block = balloon_lua_allocate(heap, NULL, 4 /* a table, in its words */, 100);
	CHECK(block && balloon_heap_owns(heap, block));
	memcpy(block, "contents", 9);
	block = balloon_lua_allocate(heap, block, 100, MIB);
	CHECK(block && strcmp(block, "contents") == 0);
	CHECK(!balloon_lua_allocate(heap, block, MIB, N_PAGES * 4096));
	CHECK(strcmp(block, "contents") == 0);
	/* There is no room for a smaller block: it stays as it is, and is not refused. */
	void *rest[N_PAGES];
	uint32_t n_rest = 0;
	for (size_t size = MIB; size >= 8; size /= 2)
		while ((rest[n_rest] = balloon_heap_allocate(heap, size)))
			CHECK(++n_rest < N_PAGES);
	CHECK(balloon_lua_allocate(heap, block, MIB, 3000) && strcmp(block, "contents") == 0);
	CHECK(!balloon_lua_allocate(heap, block, 3000, 0));
	while (n_rest)
		balloon_heap_free(heap, rest[--n_rest]);
	CHECK(!balloon_lua_allocate(heap, NULL, 0, 0));
	end_heap(heap);
}

void adapters_claims(void)
{
	memory_in_use_is_counted();
	who_must_have_memory_is_told_that_there_is_none();
	the_names_of_c_are_those_of_a_heap();
	lua_blocks_come_change_and_go();
}
