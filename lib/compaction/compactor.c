/* SPDX-License-Identifier: MIT */
/*
 * Passes, a step at a time. The cursors: blocks.c. What becomes of the pages that one of them finds: cluster.c.
 *
 * A thread acquires the compactor for a step. It does so under a lock, the step is outside of it: it waits for
 * drivers and their hosts.
 */
#include "compaction/blocks.h"
#include "core/probe.h"

enum { TRIES = 10, BLOCK_ORDER = 9, BLOCK_ORDER_MAX = 16 };

/* Looked at before a clock is looked at, or a fill goes on. */
enum { SCAN_PAGES = 1 << 16 };

/* ---- A compactor ----------------------------------------------------------------------------- */

static bool drivers_are_sane(const struct balloon_compactor_config *config)
{
	if (!config->drivers || config->n_drivers == 0 || config->n_drivers >= CLUSTER_DONE)
		return false;
	for (size_t i = 0; i < config->n_drivers; i++)
		if (!config->drivers[i] || balloon_driver_memmap(config->drivers[i]) != config->map)
			return false;
	return true;
}

static struct balloon_compactor_config with_defaults(const struct balloon_compactor_config *config)
{
	struct balloon_compactor_config full = *config;
	if (!full.end)
		full.end = balloon_memmap_n_pages(config->map);
	if (!full.n_tries)
		full.n_tries = TRIES;
	if (!full.block_order)
		full.block_order = BLOCK_ORDER;
	return full;
}

static bool part_is_sane(const struct balloon_compactor_config *config)
{
	uint32_t n_pages = balloon_memmap_n_pages(config->map);
	uint32_t end = config->end ? config->end : n_pages;
	return config->map && config->first < end && end <= n_pages &&
	       config->block_order <= BLOCK_ORDER_MAX;
}

static bool frames_are_sane(const struct balloon_frames *frames)
{
	return frames && frames->ops && frames->ops->which_free && frames->ops->take_lowest &&
	       frames->ops->free;
}

static void reset_pass(struct balloon_compactor *compactor)
{
	struct place source = {compactor->config.end, false};
	struct place target = {compactor->config.first, true};
	BALLOON_WRITE(compactor->is_begun, false);
	BALLOON_WRITE(compactor->is_over, false);
	BALLOON_WRITE(compactor->survey, compactor->config.first);
	BALLOON_WRITE(compactor->source, source);
	BALLOON_WRITE(compactor->target, target);
}

int balloon_compactor_size(const struct balloon_compactor_config *config, size_t *size_bytes)
{
	if (!config || !size_bytes || !part_is_sane(config))
		return -EINVAL;
	struct balloon_compactor_config full = with_defaults(config);
	size_t size =
		sizeof(struct balloon_compactor) +
		balloon_blocks_words(full.first, full.end, full.block_order) * sizeof(uint64_t);
	*size_bytes = (size + BALLOON_MEMORY_ALIGN - 1) & ~(size_t)(BALLOON_MEMORY_ALIGN - 1);
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
	c->config = with_defaults(config);
	c->whole = c->config.first;
	balloon_atomic_init(&c->n_contended, 0, BALLOON_SHARED_COUNTER);
	balloon_lock_init(&c->lock, BALLOON_RANK_LEAF, &c->n_contended);
	reset_pass(c);
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

/* ---- Acquiring it ---------------------------------------------------------------------------- */

static bool acquire(struct balloon_compactor *compactor)
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

/* ---- Passes ---------------------------------------------------------------------------------- */

static uint64_t n_events(struct balloon_driver *driver)
{
	struct balloon_device_stats stats;
	if (balloon_device_stats(balloon_driver_device(driver), &stats) < 0)
		return 0;
	return stats.n_inserted + stats.n_dequeued + stats.n_isolates + stats.n_putbacks +
	       stats.n_migrated + stats.n_finalized;
}

static struct stamp stamp_of(const struct balloon_compactor *compactor)
{
	const struct balloon_compactor_config *config = &compactor->config;
	struct stamp stamp = {0, 0};
	if (config->frames->ops->n_changes)
		stamp.frames = config->frames->ops->n_changes(config->frames);
	for (size_t i = 0; i < config->n_drivers; i++)
		stamp.pages += n_events(config->drivers[i]);
	return stamp;
}

static void begin_pass(struct balloon_compactor *compactor)
{
	struct stamp stamp = stamp_of(compactor);
	BALLOON_WRITE(compactor->stamp, stamp);
	BALLOON_WRITE(compactor->begin, BALLOON_READ(compactor->counts));
	BALLOON_WRITE(compactor->is_begun, true);
}

/*
 * What a pass has found out: whether there is anything to do as long as nothing changes; and how many pages
 * it looked at for each that it moved, which is what the next one may cost.
 */
static void end_pass(struct balloon_compactor *compactor)
{
	enum { LOOKS_A_PAGE = 4 };
	struct balloon_compactor_stats begin = BALLOON_READ(compactor->begin);
	struct balloon_compactor_stats end = BALLOON_READ(compactor->counts);
	uint64_t n_scanned = (end.n_scanned - begin.n_scanned) / LOOKS_A_PAGE;
	uint64_t n_moved = end.n_migrated - begin.n_migrated + end.n_shrunk - begin.n_shrunk;
	bool is_idle = end.n_isolated == begin.n_isolated && end.n_left == begin.n_left &&
		       compactor->config.frames->ops->n_changes;
	BALLOON_ADD(compactor->counts.n_passes, 1);
	BALLOON_WRITE(compactor->n_owed, n_scanned > n_moved ? n_scanned - n_moved : 0);
	BALLOON_WRITE(compactor->is_idle, is_idle);
	BALLOON_WRITE(compactor->idle_stamp, BALLOON_READ(compactor->stamp));
	reset_pass(compactor);
}

/* Looks at *n_scan pages, and counts them down. */
static int step(struct balloon_compactor *compactor, uint32_t *n_scan, uint64_t wait_until_ns)
{
	struct cluster *cluster = &compactor->cluster;
	if (BALLOON_READ(compactor->is_over)) {
		end_pass(compactor);
		return -ENOENT;
	}
	if (!BALLOON_READ(compactor->is_begun))
		begin_pass(compactor);
	balloon_blocks_survey(compactor, n_scan);
	cluster->compactor = compactor;
	cluster->wait_until_ns = wait_until_ns;
	cluster->n = balloon_blocks_find(
		compactor, cluster->pages, balloon_cluster_size(cluster), n_scan);
	return cluster->n > 0 ? balloon_cluster_move(cluster) : 0;
}

/* ---- Calls ----------------------------------------------------------------------------------- */

int balloon_compactor_step(struct balloon_compactor *compactor, uint32_t n_scan)
{
	if (!compactor)
		return -EINVAL;
	if (!acquire(compactor))
		return -EBUSY;
	if (!n_scan)
		n_scan = UINT32_MAX;
	int result = step(compactor, &n_scan, 0);
	release(compactor);
	BALLOON_PROBE(compactor__step, compactor, result);
	return result;
}

/* A step of a run. *n_left receives what the pass has left, if this was its end. */
static int step_of_run(struct balloon_compactor *compactor, uint64_t deadline_ns, uint64_t *n_left)
{
	uint32_t n_scan = SCAN_PAGES;
	if (!acquire(compactor))
		return -EBUSY;
	*n_left = BALLOON_READ(compactor->counts.n_left) - BALLOON_READ(compactor->begin.n_left);
	int result = step(compactor, &n_scan, deadline_ns);
	release(compactor);
	BALLOON_PROBE(compactor__step, compactor, result);
	return result;
}

int balloon_compactor_run(struct balloon_compactor *compactor, uint64_t deadline_ns)
{
	uint64_t n_left;
	if (!compactor)
		return -EINVAL;
	for (;;) {
		int result = step_of_run(compactor, deadline_ns, &n_left);
		if (result == -ENOENT)
			return n_left < INT32_MAX ? (int)n_left : INT32_MAX;
		if (result < 0 && result != -EAGAIN)
			return result;
		if (balloon_platform_now_ns() >= deadline_ns)
			return -ETIMEDOUT;
	}
}

/* Is there anything to be had, and is it worth a look? From the cheapest answer to the dearest. */
static bool is_worth_while(struct balloon_compactor *compactor, size_t n_pages)
{
	uint64_t n_owed = BALLOON_READ(compactor->n_owed);
	BALLOON_WRITE(compactor->n_owed, n_owed > n_pages ? n_owed - n_pages : 0);
	if (n_owed > n_pages || balloon_blocks_are_free(compactor, n_pages))
		return false;
	struct stamp now = stamp_of(compactor);
	struct stamp idle = BALLOON_READ(compactor->idle_stamp);
	return !BALLOON_READ(compactor->is_idle) || now.frames != idle.frames ||
	       now.pages != idle.pages;
}

void balloon_compactor_prepare(void *context, size_t n_pages)
{
	struct balloon_compactor *compactor = context;
	uint32_t n_scan = SCAN_PAGES;
	size_t n_moved = 0;
	if (!compactor || !acquire(compactor))
		return;
	BALLOON_PROBE(compactor__prepare__begin, compactor, n_pages);
	if (is_worth_while(compactor, n_pages)) {
		while (n_moved < n_pages && n_scan > 0) {
			int n = step(compactor, &n_scan, 0);
			if (n < 0)
				break;
			n_moved += (size_t)n;
		}
	}
	BALLOON_PROBE(compactor__prepare__end, compactor, n_moved);
	release(compactor);
}
