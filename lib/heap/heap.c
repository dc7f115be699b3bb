/* SPDX-License-Identifier: MIT */
/* Heaps: made, ended, asked. */

#define _GNU_SOURCE 1 /* MAP_ANONYMOUS, MADV_NOHUGEPAGE */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "heap/arena.h"
#include "heap/caches.h"
#include "heap/fork.h"

enum { BASE_ALIGN = 4 << 20 };

static const uint64_t shortage_default_ms = 10000;
static const uint64_t ns_per_ms = 1000000;

/* ---- Address space --------------------------------------------------------------------------- */

/* More than is needed is mapped, and what lies before and past an aligned stretch unmapped. Until then
 * nothing of it can be written, so that a kernel that counts promises counts none, and one that locks all
 * memory of a process (MCL_FUTURE) brings none: what is locked cannot be given back. */
static char *reserve(size_t size, size_t align)
{
	size_t mapped = size + align;
	char *start =
		mmap(NULL, mapped, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (start == MAP_FAILED)
		return NULL;
	size_t before = (size_t)(-(uintptr_t)start % align);
	if (before)
		munmap(start, before);
	munmap(start + before + size, mapped - before - size);
	munlock(start + before, size);
	if (mprotect(start + before, size, PROT_READ | PROT_WRITE) == 0)
		return start + before;
	munmap(start + before, size);
	return NULL;
}

/* Frames are aligned by their numbers, so base decides how far an address can be: up to the heap's size,
 * where address space is not scarce. */
static void reserve_aligned(struct balloon_heap *heap)
{
	uint64_t align = BASE_ALIGN;
	while (align <= heap->size_bytes / 2)
		align *= 2;
	for (; !heap->base && align >= BASE_ALIGN; align /= 2) {
		heap->base = reserve((size_t)heap->size_bytes, (size_t)align);
		heap->align_bytes = align;
	}
}

static uint32_t unit_bytes(const struct balloon_heap_config *config)
{
	return config->unit_bytes ? config->unit_bytes : BALLOON_HEAP_PAGE_SIZE;
}

static bool unit_is_sane(const struct balloon_heap_config *config)
{
	uint32_t bytes = unit_bytes(config);
	return bytes >= BALLOON_HEAP_PAGE_SIZE && bytes <= BASE_ALIGN &&
	       (bytes & (bytes - 1)) == 0 && config->size_bytes % bytes == 0;
}

static bool config_is_sane(const struct balloon_heap_config *config)
{
	return config && config->size_bytes > 0 && unit_is_sane(config) &&
	       config->size_bytes / BALLOON_HEAP_PAGE_SIZE <= BALLOON_PAGES_MAX &&
	       config->size_bytes <= SIZE_MAX / 2 - BASE_ALIGN;
}

static int make_base(struct balloon_heap *heap, const struct balloon_heap_config *config)
{
	int saved = errno; /* the library leaves errno alone */
	heap->size_bytes = config->size_bytes;
	reserve_aligned(heap);
	if (heap->base) /* a kernel without huge pages refuses, and that is well */
		madvise(heap->base, (size_t)config->size_bytes,
			config->huge_pages ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
	errno = saved;
	return heap->base ? 0 : -ENOMEM;
}

/* ---- Making and ending ----------------------------------------------------------------------- */

static int make_map(struct balloon_heap *heap, const struct balloon_heap_config *config)
{
	const struct balloon_memmap_config map_config = {
		.strategy = config->strategy,
		.n_pages = (uint32_t)(config->size_bytes / unit_bytes(config)),
		.page_size_bytes = unit_bytes(config),
		.n_devices = config->n_devices ? config->n_devices : BALLOON_DRIVER_DEVICES,
	};
	return balloon_memmap_create(&map_config, &heap->map);
}

static int make_zone(struct balloon_heap *heap, const struct balloon_heap_config *config)
{
	while (unit_bytes(config) >> heap->unit_order > BALLOON_HEAP_PAGE_SIZE)
		heap->unit_order++;
	const struct balloon_zone_config zone_config = {
		.n_frames = (uint32_t)(heap->size_bytes / BALLOON_HEAP_PAGE_SIZE),
		.unit_order = heap->unit_order};
	return balloon_zone_create(&zone_config, &heap->zone);
}

/* What there is of a heap goes, but for its arena. */
static void take_apart(struct balloon_heap *heap)
{
	if (heap->zone)
		balloon_zone_destroy(heap->zone);
	if (heap->map)
		balloon_memmap_destroy(heap->map);
	if (heap->base)
		munmap(heap->base, (size_t)heap->size_bytes);
	balloon_lock_fini(&heap->lock);
	free(heap);
}

static struct balloon_heap *make_shell(const struct balloon_heap_config *config)
{
	struct balloon_heap *heap = calloc(1, sizeof(*heap));
	if (!heap)
		return NULL;
	heap->hooks = balloon_heap_hooks;
	heap->shortage_ns =
		ns_per_ms * (config->shortage_ms ? config->shortage_ms : shortage_default_ms);
	heap->shortage = config->shortage;
	heap->shortage_context = config->shortage_context;
	balloon_atomic_init(&heap->n_contended, 0, BALLOON_SHARED_COUNTER);
	balloon_lock_init_lasting(&heap->lock, BALLOON_RANK_LEAF, &heap->n_contended);
	balloon_atomic_init(&heap->has_parents_balloon, 0, BALLOON_SHARED_COUNTER);
	balloon_atomic_init(&heap->n_asking, 0, BALLOON_SHARED_COUNTER);
	balloon_atomic_init(&heap->n_shortages_now, 0, BALLOON_SHARED_COUNTER);
	balloon_atomic_init(&heap->n_stretches_begun, 0, BALLOON_SHARED_COUNTER);
	balloon_atomic_init(&heap->n_stretches_ended, 0, BALLOON_SHARED_COUNTER);
	balloon_atomic_init(&heap->freed_bytes, 0, BALLOON_SHARED_COUNTER);
	balloon_event_init(&heap->relieved);
	return heap;
}

int balloon_heap_create(const struct balloon_heap_config *config, struct balloon_heap **heap)
{
	if (!config_is_sane(config) || !heap)
		return -EINVAL;
	if (!config->strategy)
		return -ENOENT;
	struct balloon_heap *h = make_shell(config);
	if (!h)
		return -ENOMEM;
	int result = make_base(h, config);
	if (result == 0)
		result = make_map(h, config);
	if (result == 0)
		result = make_zone(h, config);
	if (result == 0)
		result = balloon_arena_create(h, config->decay_ms);
	if (result == 0) {
		result = config->thread_caches ? balloon_caches_init(h) : 0;
		if (result == 0)
			result = balloon_fork_add(h);
		if (result < 0)
			balloon_arena_destroy(h);
	}
	if (result < 0)
		take_apart(h);
	else
		*heap = h;
	return result;
}

static uint64_t n_free(struct balloon_heap *heap)
{
	struct balloon_frames *frames = balloon_zone_frames(heap->zone);
	return frames->ops->n_free(frames);
}

/* Are there frames in use that the arena does not hold? */
static bool others_have_frames(struct balloon_heap *heap)
{
	balloon_lock_acquire(&heap->lock);
	uint64_t n_held = BALLOON_READ(heap->n_held);
	balloon_lock_release(&heap->lock);
	return n_free(heap) + n_held != heap->size_bytes / BALLOON_HEAP_PAGE_SIZE;
}

int balloon_heap_destroy(struct balloon_heap *heap)
{
	if (!heap)
		return -EINVAL;
	if (others_have_frames(heap))
		return -EBUSY;
	int result = balloon_memmap_destroy(heap->map);
	if (result < 0)
		return result;
	heap->map = NULL;
	balloon_caches_fini(heap);
	balloon_arena_destroy(heap);
	balloon_fork_remove(heap);
	take_apart(heap);
	return 0;
}

/* ---- Asking ---------------------------------------------------------------------------------- */

struct balloon_memmap *balloon_heap_memmap(const struct balloon_heap *heap)
{
	return heap ? heap->map : NULL;
}

struct balloon_zone *balloon_heap_zone(const struct balloon_heap *heap)
{
	return heap ? heap->zone : NULL;
}

void *balloon_heap_base(const struct balloon_heap *heap)
{
	return heap ? heap->base : NULL;
}

int balloon_heap_set_driver(struct balloon_heap *heap, struct balloon_driver *driver)
{
	if (!heap)
		return -EINVAL;
	if (driver && balloon_driver_memmap(driver) != heap->map)
		return -EXDEV;
	if (driver && heap->is_inherited)
		return -EBUSY;
	heap->driver = driver;
	balloon_caches_flush(heap); /* what it is to inflate is not to lie there */
	return 0;
}

int balloon_heap_purge(struct balloon_heap *heap)
{
	return heap ? balloon_arena_purge(heap) : -EINVAL;
}

int balloon_heap_stats(struct balloon_heap *heap, struct balloon_heap_stats *stats)
{
	if (!heap || !stats)
		return -EINVAL;
	memset(stats, 0, sizeof(*stats));
	stats->n_frames = heap->size_bytes / BALLOON_HEAP_PAGE_SIZE;
	stats->n_free = n_free(heap);
	balloon_lock_acquire(&heap->lock);
	stats->n_held = BALLOON_READ(heap->n_held);
	stats->n_failures = BALLOON_READ(heap->n_failures);
	stats->n_reliefs = BALLOON_READ(heap->n_reliefs);
	stats->n_relieved = BALLOON_READ(heap->n_relieved);
	stats->n_moved = BALLOON_READ(heap->n_moved);
	stats->n_shortages = BALLOON_READ(heap->n_shortages);
	stats->n_strays = BALLOON_READ(heap->n_strays);
	balloon_lock_release(&heap->lock);
	return 0;
}
