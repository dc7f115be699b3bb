/* SPDX-License-Identifier: MIT */
/*
 * The two cursors. What becomes of the pages that the lower one finds: haul.c.
 *
 * A thread claims the compactor for a step. The claim is under a lock, the step is not: it waits
 * for drivers and their hosts.
 */
#include "haul.h"

enum { TRIES = 10 };

/* ---- A part of a map ------------------------------------------------------------------------- */

static void begin_pass(struct balloon_compactor *compactor)
{
	BALLOON_WRITE(compactor->migrate_cursor, compactor->config.first);
	BALLOON_WRITE(compactor->free_cursor, compactor->config.end);
}

static bool drivers_are_sane(const struct balloon_compactor_config *config)
{
	if (!config->drivers || config->n_drivers == 0 || config->n_drivers >= HAUL_DONE)
		return false;
	for (size_t i = 0; i < config->n_drivers; i++)
		if (!config->drivers[i] || balloon_driver_memmap(config->drivers[i]) != config->map)
			return false;
	return true;
}

static bool part_is_sane(const struct balloon_compactor_config *config)
{
	uint32_t n_pages = balloon_memmap_n_pages(config->map);
	uint32_t end = config->end ? config->end : n_pages;
	return config->map && config->first < end && end <= n_pages;
}

static bool frames_are_sane(const struct balloon_frames *frames)
{
	return frames && frames->ops && frames->ops->take_highest && frames->ops->free;
}

int balloon_compactor_size(const struct balloon_compactor_config *config, size_t *size_bytes)
{
	if (!config || !size_bytes || !part_is_sane(config))
		return -EINVAL;
	*size_bytes = (sizeof(struct balloon_compactor) + BALLOON_MEMORY_ALIGN - 1) &
		      ~(size_t)(BALLOON_MEMORY_ALIGN - 1);
	return 0;
}

int balloon_compactor_init(void *memory, size_t size_bytes,
	const struct balloon_compactor_config *config, struct balloon_compactor **compactor)
{
	size_t needed;
	int result = balloon_compactor_size(config, &needed);
	if (result < 0)
		return result;
	if (!frames_are_sane(config->frames) || !drivers_are_sane(config))
		return -EINVAL;
	if (!memory || !compactor || (uintptr_t)memory % BALLOON_MEMORY_ALIGN ||
		size_bytes < needed)
		return -EINVAL;
	memset(memory, 0, needed);
	struct balloon_compactor *c = memory;
	c->config = *config;
	if (!config->end)
		c->config.end = balloon_memmap_n_pages(config->map);
	if (!config->n_tries)
		c->config.n_tries = TRIES;
	balloon_atomic_init(&c->n_contended, 0, BALLOON_SHARED_COUNTER);
	balloon_lock_init(&c->lock, BALLOON_RANK_BOOKS, &c->n_contended);
	begin_pass(c);
	*compactor = c;
	return 0;
}

int balloon_compactor_fini(struct balloon_compactor *compactor)
{
	if (!compactor)
		return -EINVAL;
	if (compactor->is_at_work)
		return -EBUSY;
	balloon_lock_fini(&compactor->lock);
	return 0;
}

/* ---- The claim ------------------------------------------------------------------------------- */

static bool claim(struct balloon_compactor *compactor)
{
	balloon_lock_acquire(&compactor->lock);
	bool is_ours = !BALLOON_READ(compactor->is_at_work);
	if (is_ours)
		BALLOON_WRITE(compactor->is_at_work, true);
	balloon_lock_release(&compactor->lock);
	return is_ours;
}

static void release(struct balloon_compactor *compactor)
{
	balloon_lock_acquire(&compactor->lock);
	BALLOON_WRITE(compactor->stats, BALLOON_READ(compactor->counts));
	BALLOON_WRITE(compactor->is_at_work, false);
	balloon_lock_release(&compactor->lock);
}

int balloon_compactor_stats(
	struct balloon_compactor *compactor, struct balloon_compactor_stats *stats)
{
	if (!compactor || !stats)
		return -EINVAL;
	balloon_lock_acquire(&compactor->lock);
	*stats = BALLOON_READ(compactor->stats);
	balloon_lock_release(&compactor->lock);
	return 0;
}

/* ---- The scanner ----------------------------------------------------------------------------- */

/* Look at pages without locks, *n_scan at most. Returns how many of them are worth isolating. */
static uint32_t find(struct balloon_compactor *compactor, struct balloon_page *pages,
	uint32_t n_max, uint32_t *n_scan)
{
	const struct balloon_memmap *map = compactor->config.map;
	const uint32_t begin = BALLOON_READ(compactor->migrate_cursor);
	const uint32_t end = BALLOON_READ(compactor->free_cursor);
	uint32_t at = begin;
	uint32_t n = 0;
	for (; *n_scan > 0 && n < n_max && at < end; at++, (*n_scan)--)
		if (balloon_page_is_candidate(map, balloon_page(at)))
			pages[n++] = balloon_page(at);
	BALLOON_WRITE(compactor->migrate_cursor, at);
	BALLOON_BOOK(compactor->counts.n_scanned, at - begin);
	return n;
}

/* Into the haul, if it is one of our drivers'. */
static void take_up(struct haul *haul, struct balloon_page page)
{
	struct balloon_compactor *compactor = haul->compactor;
	const struct balloon_compactor_config *config = &compactor->config;
	const struct balloon_device *device = balloon_page_device(config->map, page);
	uint32_t i = 0;
	BALLOON_BOOK(compactor->counts.n_isolated, 1);
	while (i < config->n_drivers && balloon_driver_device(config->drivers[i]) != device)
		i++;
	if (i == config->n_drivers) {
		balloon_haul_put_back(compactor, page);
		return;
	}
	haul->drivers[haul->n] = i;
	haul->pages[haul->n++] = page;
}

/*
 * The candidates lie where the haul goes on, and close up. One that somebody else was faster with
 * is passed over.
 */
static void isolate(struct haul *haul, uint32_t n_found)
{
	uint32_t end = haul->n + n_found;
	for (uint32_t at = haul->n; at < end;) {
		int n = balloon_pages_isolate(
			haul->compactor->config.map, haul->pages + at, end - at);
		for (int i = 0; i < n; i++)
			take_up(haul, haul->pages[at + (uint32_t)i]);
		at += n > 0 ? (uint32_t)n : 1;
	}
}

static void scan(struct haul *haul, uint32_t n_scan)
{
	uint32_t n;
	do {
		n = find(haul->compactor, haul->pages + haul->n, HAUL_MAX - haul->n, &n_scan);
		isolate(haul, n);
	} while (n > 0 && haul->n < HAUL_MAX);
}

/* ---- Steps ----------------------------------------------------------------------------------- */

static int step(struct balloon_compactor *compactor, uint32_t n_scan)
{
	struct haul haul;
	if (BALLOON_READ(compactor->migrate_cursor) >= BALLOON_READ(compactor->free_cursor)) {
		BALLOON_BOOK(compactor->counts.n_passes, 1);
		begin_pass(compactor);
		return -ENOENT;
	}
	haul.compactor = compactor;
	haul.n = 0;
	scan(&haul, n_scan ? n_scan : UINT32_MAX);
	return haul.n > 0 ? balloon_haul_migrate(&haul) : 0;
}

int balloon_compactor_step(struct balloon_compactor *compactor, uint32_t n_scan)
{
	if (!compactor)
		return -EINVAL;
	if (!claim(compactor))
		return -EBUSY;
	int result = step(compactor, n_scan);
	release(compactor);
	return result;
}

int balloon_compactor_run(struct balloon_compactor *compactor, uint64_t deadline_ns)
{
	/* So many at a time that a deadline is not far away, however few of them are candidates. */
	enum { SCAN_PAGES = 1 << 16 };
	for (;;) {
		int result = balloon_compactor_step(compactor, SCAN_PAGES);
		if (result == -ENOENT)
			return 0;
		if (result < 0 && result != -EAGAIN)
			return result;
		if (balloon_platform_now_ns() >= deadline_ns)
			return -ETIMEDOUT;
	}
}

void balloon_compactor_prepare(void *compactor, size_t n_pages)
{
	size_t n_moved = 0;
	while (n_moved < n_pages) {
		int n = balloon_compactor_step(compactor, 0);
		if (n < 0)
			return;
		n_moved += (size_t)n;
	}
}
