/* SPDX-License-Identifier: MIT */
/*
 * Thread caches: blocks that were freed, kept for the next allocation of their size on this thread.
 *
 * Two layers. In front a few blocks of each size class in an array, which cost no call of jemalloc's; they
 * are exchanged with an explicit cache of jemalloc's behind them, which deals with the arena in batches.
 * jemalloc has some 4,000 of those in a process: a thread that comes later has the front layer alone.
 *
 * Who may touch a cache. Its owner while is_busy is set and is_wanted was not; another thread, under the
 * mutex, while is_wanted is set and is_busy is not. Each stores its own word and looks at the other's. A
 * thread that wants caches makes all threads pass a fence in between (V3), so the owner, whose calls are
 * many, needs none, nor a read-modify-write:
 *
 *   V1  owner, entering     is_busy = 1; look at is_wanted (acquire)
 *   V2  owner, leaving      is_busy = 0 (release); look at is_wanted
 *   V3  other, of all       is_wanted = 1; fence in every thread; look at each is_busy (acquire)
 *   V4  other, done         is_wanted = 0 (release)
 *
 * An owner that entered before the fence is seen as busy: the other leaves it alone and is_wanted set, so
 * that the owner, which looks when it leaves, gives its blocks back itself. One that enters after the
 * fence finds is_wanted set and waits for the mutex. So no thread waits for an owner, and an owner waits
 * for no more than another thread's flush. Where the system has no such fence, owners are only asked.
 *
 * V2's release with V3's acquire hands the blocks to the other thread, V4's with V1's back.
 *
 * A block's class. One page has blocks of one class, as slabs have, or a large one. Which, is noted by page
 * when a block leaves jemalloc, whoever wanted it, and holds as long as a block lies there: so freeing asks
 * one byte and not jemalloc, which takes as long as all the rest.
 *
 * Lifetime. A cache is on the list of its heap and in the chain of its thread, both under the mutex. A
 * heap that ends takes the blocks out and leaves the cache, without a heap, to its thread; a thread that
 * ends takes all of its caches with it. A thread finds its cache by the heap's number, which is never
 * given out again.
 */

#define _GNU_SOURCE /* pthread keys under -std=c11 */

#include "caches.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "parts.h"

enum {
	GRAIN = 16, /* bytes: size classes from here on are multiples of it */
	N_GRAINS = BALLOON_CACHE_SIZE_MAX / GRAIN,
	N_CLASSES = 32,
	CLASS_NONE = 0, /* of pages whose blocks are not cached; the classes begin at 1 */
	N_SLOTS = 16,   /* blocks of a class in the front layer */
	LINE = 64,      /* bytes of a cache line */
	N_PLACES = 4,   /* heaps that a thread finds the cache of at once */
};

struct front {
	uint32_t n_blocks;
	void *blocks[N_SLOTS];
};

struct balloon_cache {
	struct balloon_atomic_u32 is_busy;   /* the owner's */
	struct balloon_atomic_u32 is_wanted; /* written under the mutex */
	int flags;                           /* of jemalloc's calls: its cache behind, or none */
	bool is_backed;
	unsigned back;
	struct balloon_heap *heap; /* NULL: it has ended */
	uint64_t heap_number;
	struct balloon_cache *next_of_heap;
	struct balloon_cache *next_of_thread;
	struct front fronts[N_CLASSES];
};

/* What most calls do not need is kept out of them, with the registers that it would want. */
#define RARE __attribute__((noinline, cold))

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER; /* all lists, and who wants a cache */
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t key; /* a thread's chain, for its end */
static bool has_key;
static bool can_fence;
static uint64_t last_number; /* under the mutex */

/* Constant after the first heap with caches. */
static uint8_t class_of_grains[N_GRAINS + 1];
static uint16_t class_bytes[N_CLASSES];

static _Thread_local __attribute__((tls_model("initial-exec"))) struct {
	uint64_t heap_number;
	struct balloon_cache *cache; /* NULL: there is none for this thread */
} places[N_PLACES];

/* ---- Giving back, by whoever may touch the cache ----------------------------------------------- */

static void give_back(struct balloon_cache *cache)
{
	for (uint32_t size_class = 0; size_class < N_CLASSES; size_class++) {
		struct front *front = &cache->fronts[size_class];
		while (front->n_blocks)
			dallocx(front->blocks[--front->n_blocks], cache->flags);
	}
	if (cache->is_backed)
		mallctl("tcache.flush", NULL, NULL, &cache->back, sizeof(cache->back));
}

/* The mutex is held. */
static void flush_if_wanted(struct balloon_cache *cache)
{
	if (!balloon_atomic_load(&cache->is_wanted, BALLOON_RELAXED))
		return;
	give_back(cache);
	balloon_hook_published(&cache->is_wanted);
	balloon_atomic_store(&cache->is_wanted, 0, BALLOON_RELEASE); /* V4 */
}

void balloon_caches_flush(struct balloon_heap *heap)
{
	if (!heap->number)
		return;
	pthread_mutex_lock(&mutex);
	for (struct balloon_cache *c = heap->caches; c; c = c->next_of_heap)
		balloon_atomic_store(&c->is_wanted, 1, BALLOON_RELAXED);
	if (can_fence)
		balloon_platform_fence_threads(); /* V3 */
	for (struct balloon_cache *c = heap->caches; can_fence && c; c = c->next_of_heap)
		if (!balloon_atomic_load(&c->is_busy, BALLOON_ACQUIRE)) {
			balloon_hook_observed(&c->is_busy);
			flush_if_wanted(c);
		}
	pthread_mutex_unlock(&mutex);
}

/* ---- The owner --------------------------------------------------------------------------------- */

static inline void leave(struct balloon_cache *cache);

/* Somebody wants the blocks: either has them by now, or the owner gives them. */
RARE static void yield_to_other(struct balloon_cache *cache)
{
	pthread_mutex_lock(&mutex);
	balloon_hook_observed(&cache->is_wanted);
	flush_if_wanted(cache);
	pthread_mutex_unlock(&mutex);
}

static inline void enter(struct balloon_cache *cache)
{
	for (;;) {
		balloon_atomic_store(&cache->is_busy, 1, BALLOON_RELAXED); /* V1 */
		balloon_compiler_fence();
		if (__builtin_expect(!balloon_atomic_load(&cache->is_wanted, BALLOON_ACQUIRE), 1))
			break;
		leave(cache);
	}
	balloon_hook_observed(&cache->is_wanted);
}

static inline void leave(struct balloon_cache *cache)
{
	balloon_hook_published(&cache->is_busy);
	balloon_atomic_store(&cache->is_busy, 0, BALLOON_RELEASE); /* V2 */
	balloon_compiler_fence();
	if (__builtin_expect(balloon_atomic_load(&cache->is_wanted, BALLOON_RELAXED) != 0, 0))
		yield_to_other(cache);
}

/* ---- Coming and going -------------------------------------------------------------------------- */

/* The mutex is held, and the owner is not inside. */
static void take_from_heap(struct balloon_cache *cache)
{
	give_back(cache);
	if (cache->is_backed)
		mallctl("tcache.destroy", NULL, NULL, &cache->back, sizeof(cache->back));
	cache->heap = NULL;
}

static void unlink_from_heap(struct balloon_cache *cache)
{
	struct balloon_cache **place = &cache->heap->caches;
	while (*place != cache)
		place = &(*place)->next_of_heap;
	*place = cache->next_of_heap;
}

/* Of the chain, what has no heap any more, or all of it. Returns what is left. The mutex is held. */
static struct balloon_cache *drop(struct balloon_cache *chain, bool is_all)
{
	struct balloon_cache *left = NULL;
	while (chain) {
		struct balloon_cache *cache = chain;
		chain = cache->next_of_thread;
		if (is_all && cache->heap) {
			unlink_from_heap(cache);
			take_from_heap(cache);
		}
		if (cache->heap) {
			cache->next_of_thread = left;
			left = cache;
		} else {
			free(cache);
		}
	}
	return left;
}

static void thread_ends(void *chain)
{
	for (int i = 0; i < N_PLACES; i++)
		places[i].heap_number = 0;
	pthread_mutex_lock(&mutex);
	drop(chain, true);
	pthread_mutex_unlock(&mutex);
}

static void prepare(void)
{
	uint32_t size_class = 1;
	for (uint32_t grains = 1; grains <= N_GRAINS; grains++) {
		uint16_t bytes = (uint16_t)nallocx((size_t)grains * GRAIN, 0);
		if (class_bytes[size_class] && class_bytes[size_class] != bytes)
			size_class++;
		class_bytes[size_class] = bytes;
		class_of_grains[grains] = (uint8_t)size_class;
	}
	BALLOON_ASSERT(size_class < N_CLASSES);
	can_fence = balloon_platform_has_fence();
	has_key = pthread_key_create(&key, thread_ends) == 0;
}

static struct balloon_cache *make_cache(struct balloon_heap *heap)
{
	/* Lines of its own: the owner's stores are its alone. */
	size_t bytes = (sizeof(struct balloon_cache) + LINE - 1) / LINE * LINE;
	struct balloon_cache *cache = aligned_alloc(LINE, bytes);
	size_t size = sizeof(cache->back);
	if (!cache)
		return NULL;
	memset(cache, 0, sizeof(*cache));
	cache->is_backed = mallctl("tcache.create", &cache->back, &size, NULL, 0) == 0;
	cache->flags = cache->is_backed ? (int)MALLOCX_TCACHE(cache->back) : MALLOCX_TCACHE_NONE;
	cache->heap = heap;
	cache->heap_number = heap->number;
	balloon_atomic_init(&cache->is_busy, 0, BALLOON_SHARED_CACHE);
	balloon_atomic_init(&cache->is_wanted, 0, BALLOON_SHARED_CACHE);
	return cache;
}

/* The chain of this thread, without those whose heaps are gone. */
static struct balloon_cache *look_through_chain(void)
{
	struct balloon_cache *chain = pthread_getspecific(key);
	pthread_mutex_lock(&mutex);
	chain = drop(chain, false);
	pthread_mutex_unlock(&mutex);
	pthread_setspecific(key, chain);
	return chain;
}

static struct balloon_cache *add_cache(struct balloon_heap *heap, struct balloon_cache *chain)
{
	struct balloon_cache *cache = make_cache(heap);
	if (!cache)
		return NULL;
	if (pthread_setspecific(key, cache)) {
		take_from_heap(cache);
		free(cache);
		return NULL;
	}
	cache->next_of_thread = chain;
	pthread_mutex_lock(&mutex);
	cache->next_of_heap = heap->caches;
	heap->caches = cache;
	pthread_mutex_unlock(&mutex);
	return cache;
}

RARE static struct balloon_cache *find_or_add(struct balloon_heap *heap)
{
	struct balloon_cache *chain = look_through_chain();
	struct balloon_cache *cache = chain;
	while (cache && cache->heap_number != heap->number)
		cache = cache->next_of_thread;
	if (!cache)
		cache = add_cache(heap, chain);
	places[heap->number % N_PLACES].heap_number = heap->number;
	places[heap->number % N_PLACES].cache = cache;
	return cache;
}

static inline struct balloon_cache *cache_of(struct balloon_heap *heap)
{
	uint64_t place = heap->number % N_PLACES;
	if (__builtin_expect(places[place].heap_number == heap->number, 1))
		return places[place].cache;
	return find_or_add(heap);
}

int balloon_caches_init(struct balloon_heap *heap)
{
	pthread_once(&once, prepare);
	size_t n_pages = (size_t)heap->size_bytes / BALLOON_HEAP_PAGE_SIZE;
	if (has_key) /* of what is not touched there is no memory */
		heap->page_classes = calloc(n_pages, sizeof(*heap->page_classes));
	if (!heap->page_classes)
		return -ENOMEM;
	balloon_atomic_init_zeroed(heap->page_classes, n_pages, BALLOON_SHARED_PAGE_CLASS);
	pthread_mutex_lock(&mutex);
	heap->number = ++last_number;
	pthread_mutex_unlock(&mutex);
	return 0;
}

void balloon_caches_fini(struct balloon_heap *heap)
{
	if (!heap->number)
		return;
	pthread_mutex_lock(&mutex);
	for (struct balloon_cache *c = heap->caches; c; c = c->next_of_heap) {
		balloon_hook_observed(&c->is_busy);
		take_from_heap(c);
	}
	heap->caches = NULL;
	pthread_mutex_unlock(&mutex);
	free(heap->page_classes);
}

/* ---- Fork -------------------------------------------------------------------------------------- */

void balloon_caches_before_fork(void)
{
	pthread_mutex_lock(&mutex);
}

void balloon_caches_after_fork(void)
{
	pthread_mutex_unlock(&mutex);
}

/* Their owners, in the middle of a call perhaps, are not there. The mutex is held. */
void balloon_caches_abandon(struct balloon_heap *heap)
{
	struct balloon_cache *own = has_key ? pthread_getspecific(key) : NULL;
	while (own && own->heap != heap)
		own = own->next_of_thread;
	if (own)
		own->next_of_heap = NULL;
	heap->caches = own;
}

/* ---- Blocks ------------------------------------------------------------------------------------ */

static inline struct balloon_atomic_u8 *page_class(
	const struct balloon_heap *heap, const void *block)
{
	return &heap->page_classes[(size_t)((const char *)block - heap->base) /
				   BALLOON_HEAP_PAGE_SIZE];
}

/* Other threads write the same. */
static void note_class(struct balloon_heap *heap, const void *block, uint32_t size_class)
{
	balloon_atomic_store(page_class(heap, block), (uint8_t)size_class, BALLOON_RELAXED);
}

void balloon_cache_note(struct balloon_heap *heap, const void *block)
{
	size_t size = sallocx(block, 0);
	bool is_cached = size >= GRAIN && size <= BALLOON_CACHE_SIZE_MAX;
	note_class(heap, block, is_cached ? class_of_grains[size / GRAIN] : CLASS_NONE);
}

/* The front layer has none. */
RARE static void *allocate_behind(struct balloon_cache *cache, uint32_t size_class)
{
	void *block = mallocx(
		class_bytes[size_class], cache->flags | (int)MALLOCX_ARENA(cache->heap->arena));
	if (block)
		note_class(cache->heap, block, size_class);
	return block;
}

void *balloon_cache_allocate(struct balloon_heap *heap, size_t size)
{
	struct balloon_cache *cache = cache_of(heap);
	if (!cache)
		return NULL;
	uint32_t size_class = class_of_grains[(size + GRAIN - 1) / GRAIN];
	struct front *front = &cache->fronts[size_class];
	enter(cache);
	void *block = front->n_blocks ? front->blocks[--front->n_blocks]
				      : allocate_behind(cache, size_class);
	leave(cache);
	return block;
}

/* The older half goes behind. */
RARE static void make_slots(struct balloon_cache *cache, struct front *front)
{
	for (uint32_t i = 0; i < N_SLOTS / 2; i++) {
		dallocx(front->blocks[i], cache->flags);
		front->blocks[i] = front->blocks[i + N_SLOTS / 2];
	}
	front->n_blocks = N_SLOTS / 2;
}

bool balloon_cache_free(struct balloon_heap *heap, void *block)
{
	uint32_t size_class = balloon_atomic_load(page_class(heap, block), BALLOON_RELAXED);
	struct balloon_cache *cache;
	if (size_class == CLASS_NONE || !(cache = cache_of(heap)))
		return false;
	struct front *front = &cache->fronts[size_class];
	enter(cache);
	if (front->n_blocks == N_SLOTS)
		make_slots(cache, front);
	front->blocks[front->n_blocks++] = block;
	leave(cache);
	return true;
}
