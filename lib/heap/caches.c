/* SPDX-License-Identifier: MIT */
/*
 * Thread caches: blocks that were freed, kept for the next allocation of their size on this thread.
 *
 * Two layers. In front some blocks of each size class in an array, which cost no call of jemalloc's (one of
 * mallocx() takes longer than malloc() as a whole); they are exchanged with an explicit cache of jemalloc's
 * behind them, which deals with the arena in batches. jemalloc has some 4,000 of those in a process: a thread
 * that comes later has the front layer alone.
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

#define _GNU_SOURCE 1 /* pthread keys under -std=c11 */

#include "heap/caches.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum {
	CLASS_NONE = 0,      /* of pages whose blocks are not cached; the classes begin at 1 */
	SLOTS_MIN = 16,      /* blocks of a class in the front layer */
	SLOTS_MAX = 128,     /* as many as are ... */
	SLOTS_BYTES = 65536, /* ... no more than this together */
	LINE = 64,           /* bytes of a cache line */
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
uint8_t balloon_cache_class_of_grains[BALLOON_CACHE_GRAINS + 1];
static uint32_t class_bytes[BALLOON_CACHE_CLASSES];

_Thread_local __attribute__((tls_model(
	"initial-exec"))) struct balloon_cache_place balloon_cache_places[BALLOON_CACHE_PLACES];

/* ---- Giving back, by whoever may touch the cache ----------------------------------------------- */

static void give_back(struct balloon_cache *cache)
{
	for (uint32_t size_class = 0; size_class < BALLOON_CACHE_CLASSES; size_class++) {
		struct balloon_cache_front *front = &cache->fronts[size_class];
		while (front->top != front->base)
			sdallocx(*--front->top, front->block_bytes, cache->flags);
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

RARE void *balloon_cache_yield(struct balloon_cache *cache, void *block)
{
	pthread_mutex_lock(&mutex);
	balloon_hook_observed(&cache->is_wanted);
	flush_if_wanted(cache);
	pthread_mutex_unlock(&mutex);
	return block;
}

static void enter(struct balloon_cache *cache)
{
	while (!balloon_cache_enter(cache))
		balloon_cache_yield(cache, NULL);
}

static void leave(struct balloon_cache *cache)
{
	if (!balloon_cache_leave(cache))
		balloon_cache_yield(cache, NULL);
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
	for (int i = 0; i < BALLOON_CACHE_PLACES; i++)
		balloon_cache_places[i] = (struct balloon_cache_place){0, NULL};
	pthread_mutex_lock(&mutex);
	drop(chain, true);
	pthread_mutex_unlock(&mutex);
}

static void prepare(void)
{
	uint32_t size_class = 1;
	for (uint32_t grains = 1; grains <= BALLOON_CACHE_GRAINS; grains++) {
		uint32_t bytes = (uint32_t)nallocx((size_t)grains * BALLOON_CACHE_GRAIN, 0);
		if (class_bytes[size_class] && class_bytes[size_class] != bytes)
			size_class++;
		class_bytes[size_class] = bytes;
		balloon_cache_class_of_grains[grains] = (uint8_t)size_class;
	}
	balloon_cache_class_of_grains[0] = balloon_cache_class_of_grains[1];
	BALLOON_ASSERT(size_class < BALLOON_CACHE_CLASSES);
	can_fence = balloon_platform_has_fence();
	has_key = pthread_key_create(&key, thread_ends) == 0;
}

static uint32_t n_slots_of(uint32_t size_class)
{
	uint32_t bytes = class_bytes[size_class];
	uint32_t n = bytes ? SLOTS_BYTES / bytes : 0;
	if (n > 0 && n < SLOTS_MIN)
		n = SLOTS_MIN;
	return n < SLOTS_MAX ? n : SLOTS_MAX;
}

static void make_fronts(struct balloon_cache *cache)
{
	void **slot = cache->slots;
	for (uint32_t size_class = 0; size_class < BALLOON_CACHE_CLASSES; size_class++) {
		void **full = slot + n_slots_of(size_class);
		cache->fronts[size_class] =
			(struct balloon_cache_front){slot, full, slot, class_bytes[size_class]};
		slot = full;
	}
}

static struct balloon_cache *make_cache(struct balloon_heap *heap)
{
	size_t bytes = sizeof(struct balloon_cache);
	for (uint32_t size_class = 0; size_class < BALLOON_CACHE_CLASSES; size_class++)
		bytes += n_slots_of(size_class) * sizeof(void *);
	/* Lines of its own: the owner's stores are its alone. */
	struct balloon_cache *cache = aligned_alloc(LINE, (bytes + LINE - 1) / LINE * LINE);
	size_t size = sizeof(cache->back);
	if (!cache)
		return NULL;
	memset(cache, 0, sizeof(*cache));
	make_fronts(cache);
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
	balloon_cache_places[heap->number % BALLOON_CACHE_PLACES] =
		(struct balloon_cache_place){heap->number, cache};
	return cache;
}

static struct balloon_cache *cache_of(struct balloon_heap *heap)
{
	const struct balloon_cache_place *place =
		&balloon_cache_places[heap->number % BALLOON_CACHE_PLACES];
	return place->heap_number == heap->number ? place->cache : find_or_add(heap);
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

/* Other threads write the same. */
static void note_class(struct balloon_heap *heap, const void *block, uint32_t size_class)
{
	balloon_atomic_store(
		balloon_cache_page_class(heap, block), (uint8_t)size_class, BALLOON_RELAXED);
}

void balloon_cache_note(struct balloon_heap *heap, const void *block)
{
	size_t size = sallocx(block, 0);
	bool is_cached = size >= BALLOON_CACHE_GRAIN && size <= BALLOON_CACHE_SIZE_MAX;
	note_class(heap, block,
		is_cached ? balloon_cache_class_of_grains[size / BALLOON_CACHE_GRAIN] : CLASS_NONE);
}

/* The front layer has none. */
static void *allocate_uncached(struct balloon_cache *cache, const struct balloon_cache_front *front)
{
	void *block =
		mallocx(front->block_bytes, cache->flags | (int)MALLOCX_ARENA(cache->heap->arena));
	if (block)
		note_class(cache->heap, block, (uint32_t)(front - cache->fronts));
	return block;
}

void *balloon_cache_allocate(struct balloon_heap *heap, size_t size)
{
	struct balloon_cache *cache = cache_of(heap);
	if (!cache)
		return NULL;
	struct balloon_cache_front *front = balloon_cache_front_of(cache, size);
	enter(cache);
	void *block = balloon_cache_pop(front);
	if (!block)
		block = allocate_uncached(cache, front);
	leave(cache);
	return block;
}

/* The older half goes to jemalloc. */
static void make_slots(struct balloon_cache *cache, struct balloon_cache_front *front)
{
	size_t n_old = (size_t)(front->full - front->base) / 2;
	for (size_t i = 0; i < n_old; i++)
		sdallocx(front->base[i], front->block_bytes, cache->flags);
	front->top -= n_old;
	memmove(front->base, front->base + n_old,
		(size_t)(front->top - front->base) * sizeof(void *));
}

bool balloon_cache_free(struct balloon_heap *heap, void *block)
{
	uint32_t size_class =
		balloon_atomic_load(balloon_cache_page_class(heap, block), BALLOON_RELAXED);
	struct balloon_cache *cache;
	if (size_class == CLASS_NONE || !(cache = cache_of(heap)))
		return false;
	struct balloon_cache_front *front = &cache->fronts[size_class];
	enter(cache);
	if (front->top == front->full)
		make_slots(cache, front);
	balloon_cache_push(front, block);
	leave(cache);
	return true;
}
