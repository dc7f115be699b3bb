/* SPDX-License-Identifier: MIT */
/* The arena, through mallctl(). */

#include <stdio.h>
#include <sys/types.h>

#include "core/probe.h"
#include "heap/arena.h"
#include "heap/caches.h"

enum { NAME_MAX_BYTES = 64 };

/* The name of a control of this arena. */
static const char *name_of(
	char *name, const struct balloon_heap *heap, const char *family, const char *control)
{
	snprintf(name, NAME_MAX_BYTES, "%s.%u.%s", family, heap->arena, control);
	return name;
}

static int write_control(
	const struct balloon_heap *heap, const char *control, void *value, size_t size)
{
	char name[NAME_MAX_BYTES];
	return mallctl(name_of(name, heap, "arena", control), NULL, NULL, value, size) ? -ENODEV
										       : 0;
}

/* jemalloc's metadata for the arena lie in ordinary memory where it can do that (since 5.3, by a
 * control that it calls experimental), else in the zone: 2 MiB and more, until the arena ends. */
static int make_arena(struct balloon_heap *heap)
{
	extent_hooks_t *hooks = &heap->hooks;
	struct {
		extent_hooks_t *hooks;
		bool metadata_use_hooks;
	} config = {hooks, false};
	size_t size = sizeof(heap->arena);
	if (mallctl("experimental.arenas_create_ext", &heap->arena, &size, &config,
		    sizeof(config)) == 0)
		return 0;
	size = sizeof(heap->arena);
	return mallctl("arenas.create", &heap->arena, &size, &hooks, sizeof(hooks)) ? -ENODEV : 0;
}

static int check_page_size(void)
{
	size_t page_size = 0;
	size_t size = sizeof(page_size);
	if (mallctl("arenas.page", &page_size, &size, NULL, 0))
		return -ENODEV;
	return page_size == BALLOON_HEAP_PAGE_SIZE ? 0 : -ENODEV;
}

int balloon_arena_create(struct balloon_heap *heap, uint32_t decay_ms)
{
	ssize_t dirty_ms = (ssize_t)decay_ms;
	ssize_t muzzy_ms = 0;
	int result = check_page_size();
	if (result == 0)
		result = make_arena(heap);
	if (result != 0)
		return result;
	result = write_control(heap, "dirty_decay_ms", &dirty_ms, sizeof(dirty_ms));
	if (result == 0)
		result = write_control(heap, "muzzy_decay_ms", &muzzy_ms, sizeof(muzzy_ms));
	if (result < 0)
		balloon_arena_destroy(heap);
	return result;
}

int balloon_arena_destroy(struct balloon_heap *heap)
{
	return write_control(heap, "destroy", NULL, 0);
}

int balloon_arena_purge(struct balloon_heap *heap)
{
	BALLOON_PROBE(heap__purge, heap);
	balloon_caches_flush(heap);
	return write_control(heap, "purge", NULL, 0);
}

static uint64_t read_count(const struct balloon_heap *heap, const char *control)
{
	char name[NAME_MAX_BYTES];
	size_t count = 0;
	size_t size = sizeof(count);
	if (mallctl(name_of(name, heap, "stats.arenas", control), &count, &size, NULL, 0))
		return 0; /* a jemalloc without statistics */
	return count;
}

void balloon_arena_usage(const struct balloon_heap *heap, struct balloon_heap_usage *usage)
{
	uint64_t epoch = 1; /* statistics are those of the last time that this was written */
	mallctl("epoch", NULL, NULL, &epoch, sizeof(epoch));
	usage->allocated_bytes =
		read_count(heap, "small.allocated") + read_count(heap, "large.allocated");
	usage->active_bytes = read_count(heap, "pactive") * BALLOON_HEAP_PAGE_SIZE;
}
