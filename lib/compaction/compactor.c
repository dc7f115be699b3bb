/* SPDX-License-Identifier: MIT */
/*
 * Passes, a step at a time. The cursors: blocks.c. What becomes of the pages that one of them finds: haul.c.
 *
 * A thread claims the compactor for a step. The claim is under a lock, the step is not: it waits
 * for drivers and their hosts.
 */
#include "compaction/blocks.h"
#include "haul.h"

enum { TRIES = 10, BLOCK_ORDER = 9, BLOCK_ORDER_MAX = 16 };

/* ---- A part of a map ------------------------------------------------------------------------- */

static void begin_pass(struct balloon_compactor *compactor)
{
	struct place source = {compactor->config.end, false};
	struct place target = {compactor->config.first, true};
	BALLOON_WRITE(compactor->is_over, false);
	BALLOON_WRITE(compactor->survey, compactor->config.first);
	BALLOON_WRITE(compactor->source, source);
	BALLOON_WRITE(compactor->target, target);
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

/* ---- Steps ----------------------------------------------------------------------------------- */

static int step(struct balloon_compactor *compactor, uint32_t n_scan)
{
	struct haul haul;
	if (BALLOON_READ(compactor->is_over)) {
		BALLOON_BOOK(compactor->counts.n_passes, 1);
		begin_pass(compactor);
		return -ENOENT;
	}
	if (!n_scan)
		n_scan = UINT32_MAX;
	if (!balloon_blocks_survey(compactor, &n_scan))
		return 0;
	haul.compactor = compactor;
	haul.n = balloon_blocks_find(compactor, haul.pages, HAUL_MAX, &n_scan);
	return haul.n > 0 ? balloon_haul_move(&haul) : 0;
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
