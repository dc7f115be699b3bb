/* SPDX-License-Identifier: MIT */
/*
 * A strategy from outside of another shape than the built-in ones: no descriptors, no lists, no order, several
 * locks, counts in parts. It shows that the interface serves such designs, and is no faster than it has to be.
 *
 * The design. Each device slot has two bits for each page of the map, in its area:
 *   listed, isolated       at most one of them is set, and of all slots one's at most
 * A page that has neither bit anywhere is its caller's. The words of the bitmaps are dealt out to N_SHARDS shards
 * in turn, and a shard of the map is a lock. It protects its words in all bitmaps, and its part of each device's
 * counts. Scanners read listed words without (atomic).
 *
 * Lock order: shards in ascending order, which is that of their addresses.
 *
 *   I1-I3, I7  the bits of a page and the counts of its shard change in one hold of its lock. Who wants a moment
 *              of a whole device (its counts, whether it is empty, closing it) holds all of them;
 *   I4-I6      the bit that an operation starts from is tested in the hold that clears it. A migration holds
 *              the locks of both pages;
 *   I8         there is no descriptor: a page that is out has no bit;
 *   I9         a scanner reads words of the map, which live as long as it does;
 *   I10        what does not fit is refused before anything is written.
 * A device closes under all locks, so an insert either comes before, and it is not empty, or finds it closed.
 * Dequeue takes what it finds shard by shard, each thread from another one on (the platform's hint); that there
 * is nothing it says only of a moment in which it held all.
 */
#include <balloon/strategy.h>

enum { N_SHARDS = 4, WORD_BITS = 32 };

struct map_area {
	struct {
		BALLOON_ALIGNED struct balloon_lock lock;
	} shards[N_SHARDS];
};

/* Followed by the words of `listed`, and of `isolated`. */
struct device_area {
	struct {
		BALLOON_ALIGNED struct balloon_device_stats stats; /* its shard's lock */
	} shards[N_SHARDS];
};

/* ---- Where things are ------------------------------------------------------------------------ */

static uint32_t n_words(uint32_t n_pages)
{
	return n_pages / WORD_BITS + (n_pages % WORD_BITS ? 1 : 0);
}

static struct balloon_atomic_u32 *listed(struct balloon_device *device)
{
	struct device_area *area = (struct device_area *)balloon_device_area(device);
	return (struct balloon_atomic_u32 *)(void *)(area + 1);
}

static struct balloon_atomic_u32 *isolated(struct balloon_device *device)
{
	return listed(device) + n_words(device->map->descriptors.n_pages);
}

static uint32_t shard_of(struct balloon_page page)
{
	return page.index / WORD_BITS % N_SHARDS;
}

static struct balloon_lock *lock_of(const struct balloon_memmap *map, uint32_t shard)
{
	return &((struct map_area *)balloon_memmap_area(map))->shards[shard].lock;
}

static struct balloon_device_stats *stats_of(struct balloon_device *device, uint32_t shard)
{
	return &((struct device_area *)balloon_device_area(device))->shards[shard].stats;
}

static bool is_set(const struct balloon_atomic_u32 *words, struct balloon_page page)
{
	uint32_t word = balloon_atomic_load(&words[page.index / WORD_BITS], BALLOON_RELAXED);
	return word >> page.index % WORD_BITS & 1;
}

/* The caller holds the lock of the page's shard, so nobody else writes the word. */
static void set(struct balloon_atomic_u32 *words, struct balloon_page page, bool is_in)
{
	struct balloon_atomic_u32 *word = &words[page.index / WORD_BITS];
	uint32_t bit = UINT32_C(1) << page.index % WORD_BITS;
	uint32_t others = balloon_atomic_load(word, BALLOON_RELAXED) & ~bit;
	balloon_atomic_store(word, is_in ? others | bit : others, BALLOON_RELAXED);
}

/* The device that has the page in one of its bitmaps; NULL. */
static struct balloon_device *find(struct balloon_memmap *map, struct balloon_page page,
	struct balloon_atomic_u32 *(*words_of)(struct balloon_device *))
{
	for (uint32_t slot = 0; slot < map->n_devices; slot++)
		if (is_set(words_of(balloon_memmap_slot(map, slot)), page))
			return balloon_memmap_slot(map, slot);
	return NULL;
}

/* ---- Locks ----------------------------------------------------------------------------------- */

/* More than the analysis of compilers follows: the checking build does. */
BALLOON_LOCK_INTERNALS static void lock_shards(
	const struct balloon_memmap *map, uint32_t first, uint32_t last)
{
	balloon_lock_acquire(lock_of(map, first));
	if (last != first)
		balloon_lock_acquire(lock_of(map, last));
}

BALLOON_LOCK_INTERNALS static void unlock_shards(
	const struct balloon_memmap *map, uint32_t first, uint32_t last)
{
	balloon_lock_release(lock_of(map, first));
	if (last != first)
		balloon_lock_release(lock_of(map, last));
}

BALLOON_LOCK_INTERNALS static void lock_all(const struct balloon_memmap *map)
{
	for (uint32_t shard = 0; shard < N_SHARDS; shard++)
		balloon_lock_acquire(lock_of(map, shard));
}

BALLOON_LOCK_INTERNALS static void unlock_all(const struct balloon_memmap *map)
{
	for (uint32_t shard = 0; shard < N_SHARDS; shard++)
		balloon_lock_release(lock_of(map, shard));
}

/* ---- Set-up ---------------------------------------------------------------------------------- */

static uint64_t memmap_bytes(const struct balloon_memmap_geometry *geometry)
{
	(void)geometry;
	return sizeof(struct map_area);
}

static uint64_t device_bytes(const struct balloon_memmap_geometry *geometry)
{
	return sizeof(struct device_area) +
	       2 * n_words(geometry->n_pages) * sizeof(struct balloon_atomic_u32);
}

static void memmap_init(struct balloon_memmap *map)
{
	for (uint32_t shard = 0; shard < N_SHARDS; shard++)
		balloon_lock_init(lock_of(map, shard), BALLOON_RANK_PAGES, &map->n_contended);
}

static void memmap_fini(struct balloon_memmap *map)
{
	for (uint32_t shard = 0; shard < N_SHARDS; shard++)
		balloon_lock_fini(lock_of(map, shard));
}

static void device_init(struct balloon_device *device)
{
	struct balloon_atomic_u32 *words = listed(device);
	for (uint32_t i = 0; i < 2 * n_words(device->map->descriptors.n_pages); i++)
		balloon_atomic_init(&words[i], 0, BALLOON_SHARED_MARK);
}

/* ---- Devices --------------------------------------------------------------------------------- */

static void device_open(struct balloon_device *device, void *context)
{
	const struct balloon_device_stats none = {.n_listed = 0};
	lock_all(device->map);
	for (uint32_t shard = 0; shard < N_SHARDS; shard++)
		BALLOON_WRITE(*stats_of(device, shard), none);
	BALLOON_WRITE(device->context, context);
	balloon_atomic_store(&device->open, 1, BALLOON_RELAXED);
	unlock_all(device->map);
}

/* The caller holds all locks. */
static struct balloon_device_stats sum(struct balloon_device *device)
{
	struct balloon_device_stats sum = {.n_listed = 0};
	for (uint32_t shard = 0; shard < N_SHARDS; shard++) {
		const struct balloon_device_stats part = BALLOON_READ(*stats_of(device, shard));
		sum.n_listed += part.n_listed;
		sum.n_isolated += part.n_isolated;
		sum.n_inserted += part.n_inserted;
		sum.n_dequeued += part.n_dequeued;
		sum.n_isolates += part.n_isolates;
		sum.n_putbacks += part.n_putbacks;
		sum.n_migrated += part.n_migrated;
		sum.n_finalized += part.n_finalized;
	}
	return sum;
}

static int device_close(struct balloon_device *device)
{
	lock_all(device->map);
	const struct balloon_device_stats stats = sum(device);
	bool is_empty = stats.n_listed == 0 && stats.n_isolated == 0;
	if (is_empty)
		balloon_atomic_store(&device->open, 0, BALLOON_RELAXED);
	unlock_all(device->map);
	return is_empty ? 0 : -EBUSY;
}

static void device_stats(struct balloon_device *device, struct balloon_device_stats *stats)
{
	lock_all(device->map);
	*stats = sum(device);
	unlock_all(device->map);
}

/* ---- One page; the caller holds the lock of its shard ---------------------------------------- */

static bool is_owned(struct balloon_memmap *map, struct balloon_page page)
{
	return !find(map, page, listed) && !find(map, page, isolated);
}

static int enter(struct balloon_device *device, struct balloon_page page)
{
	if (!balloon_device_is_open(device))
		return -ENODEV;
	if (!is_owned(device->map, page))
		return -EEXIST;
	set(listed(device), page, true);
	return 0;
}

/* May this page leave the device without being listed? */
static int check_leaving(struct balloon_device *device, struct balloon_page page)
{
	struct balloon_device *home = find(device->map, page, isolated);
	if (!home)
		return -ESTALE;
	return home == device ? 0 : -EXDEV;
}

static int insert_one(struct balloon_device *device, struct balloon_page page)
{
	uint32_t shard = shard_of(page);
	balloon_lock_acquire(lock_of(device->map, shard));
	int result = enter(device, page);
	if (result == 0) {
		BALLOON_ADD(stats_of(device, shard)->n_inserted, 1);
		BALLOON_ADD(stats_of(device, shard)->n_listed, 1);
	}
	balloon_lock_release(lock_of(device->map, shard));
	return result;
}

/* From one bitmap of its device's to the other. */
static int move(struct balloon_memmap *map, struct balloon_page page, enum balloon_page_state to)
{
	bool is_isolation = to == BALLOON_PAGE_ISOLATED;
	uint32_t shard = shard_of(page);
	balloon_lock_acquire(lock_of(map, shard));
	struct balloon_device *device = find(map, page, is_isolation ? listed : isolated);
	if (device) {
		struct balloon_device_stats *stats = stats_of(device, shard);
		uint64_t n_more = is_isolation ? 1 : -(uint64_t)1;
		set(listed(device), page, !is_isolation);
		set(isolated(device), page, is_isolation);
		BALLOON_ADD(stats->n_isolates, is_isolation ? 1 : 0);
		BALLOON_ADD(stats->n_putbacks, is_isolation ? 0 : 1);
		BALLOON_ADD(stats->n_isolated, n_more);
		BALLOON_ADD(stats->n_listed, -n_more);
	}
	balloon_lock_release(lock_of(map, shard));
	return device ? 0 : -ESTALE;
}

static int isolate_one(struct balloon_memmap *map, struct balloon_page page)
{
	return move(map, page, BALLOON_PAGE_ISOLATED);
}

static int putback_one(struct balloon_memmap *map, struct balloon_page page)
{
	return move(map, page, BALLOON_PAGE_LISTED);
}

static int finalize_one(struct balloon_device *device, struct balloon_page page)
{
	uint32_t shard = shard_of(page);
	balloon_lock_acquire(lock_of(device->map, shard));
	int result = check_leaving(device, page);
	if (result == 0) {
		set(isolated(device), page, false);
		BALLOON_ADD(stats_of(device, shard)->n_finalized, 1);
		BALLOON_ADD(stats_of(device, shard)->n_isolated, -(uint64_t)1);
	}
	balloon_lock_release(lock_of(device->map, shard));
	return result;
}

static int migrate_one(
	struct balloon_device *device, struct balloon_page new_page, struct balloon_page old_page)
{
	uint32_t to = shard_of(new_page);
	uint32_t from = shard_of(old_page);
	lock_shards(device->map, to < from ? to : from, to < from ? from : to);
	int result = check_leaving(device, old_page);
	if (result == 0)
		result = enter(device, new_page);
	if (result == 0) {
		set(isolated(device), old_page, false);
		BALLOON_ADD(stats_of(device, from)->n_migrated, 1);
		BALLOON_ADD(stats_of(device, from)->n_isolated, -(uint64_t)1);
		BALLOON_ADD(stats_of(device, to)->n_listed, 1);
	}
	unlock_shards(device->map, to < from ? to : from, to < from ? from : to);
	return result;
}

/* ---- Dequeue --------------------------------------------------------------------------------- */

/* Take up to n listed pages of a shard, whose lock the caller holds. */
static size_t take(
	struct balloon_device *device, uint32_t shard, struct balloon_page *pages, size_t n)
{
	struct balloon_atomic_u32 *words = listed(device);
	size_t n_taken = 0;
	for (uint32_t i = shard; i < n_words(device->map->descriptors.n_pages); i += N_SHARDS) {
		uint32_t word = balloon_atomic_load(&words[i], BALLOON_RELAXED);
		for (; word && n_taken < n; word &= word - 1) {
			pages[n_taken] =
				balloon_page(i * WORD_BITS + (uint32_t)__builtin_ctz(word));
			set(words, pages[n_taken++], false);
		}
	}
	BALLOON_ADD(stats_of(device, shard)->n_dequeued, n_taken);
	BALLOON_ADD(stats_of(device, shard)->n_listed, -(uint64_t)n_taken);
	return n_taken;
}

static int take_at_one_moment(
	struct balloon_device *device, struct balloon_page *pages, size_t n_pages)
{
	size_t n = 0;
	lock_all(device->map);
	for (uint32_t shard = 0; shard < N_SHARDS; shard++)
		n += take(device, shard, pages + n, n_pages - n);
	bool is_empty = sum(device).n_isolated == 0;
	unlock_all(device->map);
	return n > 0 || is_empty ? (int)n : -EAGAIN;
}

static int dequeue(struct balloon_device *device, struct balloon_page *pages, size_t n_pages)
{
	uint32_t first = balloon_platform_thread_hint();
	size_t n = 0;
	for (uint32_t i = 0; i < N_SHARDS && n < n_pages; i++) {
		uint32_t shard = (first + i) % N_SHARDS;
		balloon_lock_acquire(lock_of(device->map, shard));
		n += take(device, shard, pages + n, n_pages - n);
		balloon_lock_release(lock_of(device->map, shard));
	}
	return n > 0 ? (int)n : take_at_one_moment(device, pages, n_pages);
}

/* ---- Batches --------------------------------------------------------------------------------- */

static int insert(struct balloon_device *device, const struct balloon_page *pages, size_t n_pages)
{
	return balloon_each_of_device(device, insert_one, pages, n_pages);
}

static int isolate(struct balloon_memmap *map, const struct balloon_page *pages, size_t n_pages)
{
	return balloon_each_of_map(map, isolate_one, pages, n_pages);
}

static int putback(struct balloon_memmap *map, const struct balloon_page *pages, size_t n_pages)
{
	return balloon_each_of_map(map, putback_one, pages, n_pages);
}

static int migrate(struct balloon_device *device, const struct balloon_page *new_pages,
	const struct balloon_page *old_pages, size_t n_pages)
{
	return balloon_each_pair(device, migrate_one, new_pages, old_pages, n_pages);
}

static int finalize(struct balloon_device *device, const struct balloon_page *pages, size_t n_pages)
{
	return balloon_each_of_device(device, finalize_one, pages, n_pages);
}

/* ---- Looking at pages ------------------------------------------------------------------------ */

static bool is_candidate(const struct balloon_memmap *map, struct balloon_page page)
{
	for (uint32_t slot = 0; slot < map->n_devices; slot++)
		if (is_set(listed(balloon_memmap_slot(map, slot)), page))
			return true;
	return false;
}

static struct balloon_device *device_of(struct balloon_memmap *map, struct balloon_page page)
{
	balloon_lock_acquire(lock_of(map, shard_of(page)));
	struct balloon_device *device = find(map, page, isolated);
	balloon_lock_release(lock_of(map, shard_of(page)));
	return device;
}

static struct balloon_page_info inspect(struct balloon_memmap *map, struct balloon_page page)
{
	struct balloon_page_info info = {BALLOON_PAGE_OWNED, NULL, NULL};
	for (uint32_t slot = 0; slot < map->n_devices; slot++) {
		struct balloon_device *device = balloon_memmap_slot(map, slot);
		bool is_listed = is_set(listed(device), page);
		bool is_isolated = is_set(isolated(device), page);
		if ((is_listed || is_isolated) && (info.device || (is_listed && is_isolated)))
			info.defect = "I1: a page has more than one bit";
		if (is_listed || is_isolated) {
			info.state = is_listed ? BALLOON_PAGE_LISTED : BALLOON_PAGE_ISOLATED;
			info.device = device;
		}
	}
	return info;
}

BALLOON_EXPORT extern const struct balloon_strategy balloon_strategy;
const struct balloon_strategy balloon_strategy = {
	.abi = BALLOON_STRATEGY_ABI,
	.name = "bitmaps",
	.era = "a test",
	.descriptor_align = 1,
	.order = BALLOON_ORDER_ANY,
	.memmap_bytes = memmap_bytes,
	.device_bytes = device_bytes,
	.memmap_init = memmap_init,
	.memmap_fini = memmap_fini,
	.device_init = device_init,
	.device_open = device_open,
	.device_close = device_close,
	.device_stats = device_stats,
	.insert = insert,
	.dequeue = dequeue,
	.isolate = isolate,
	.putback = putback,
	.migrate = migrate,
	.finalize = finalize,
	.is_candidate = is_candidate,
	.device_of = device_of,
	.inspect = inspect,
};
