/* SPDX-License-Identifier: MIT */
/*
 * From isolated pages to migrated ones: targets, passes, outcomes.
 *
 * The pages go to their drivers in reverse order, the highest first, and so to the heads of their
 * balloons' lists: whoever leaks next gets the lowest of them, close to what is free already.
 */
#include "haul.h"

static const uint64_t nap_ns = 100000;

/* Pages of one driver in one call, descending. */
struct call {
	struct balloon_page old_pages[HAUL_MAX];
	struct balloon_page new_pages[HAUL_MAX];
	uint8_t items[HAUL_MAX];
	uint8_t outcomes[HAUL_MAX];
	uint32_t n;
};

static void give_frames(
	struct balloon_compactor *compactor, const struct balloon_page *pages, uint32_t n)
{
	struct balloon_frames *frames = compactor->config.frames;
	if (n > 0)
		frames->ops->free(frames, pages, n);
}

void balloon_haul_put_back(struct balloon_compactor *compactor, struct balloon_page page)
{
	if (balloon_page_putback(compactor->config.map, page) == 0)
		BALLOON_BOOK(compactor->counts.n_put_back, 1);
}

/* ---- Targets --------------------------------------------------------------------------------- */

static void reverse(struct balloon_page *pages, uint32_t n)
{
	for (uint32_t i = 0; i < n / 2; i++) {
		struct balloon_page page = pages[i];
		pages[i] = pages[n - 1 - i];
		pages[n - 1 - i] = page;
	}
}

/* The free cursor moves down to the lowest target; if there were too few, the cursors meet. */
static void move_free_cursor(struct haul *haul, uint32_t n)
{
	struct balloon_compactor *compactor = haul->compactor;
	uint32_t to =
		n == haul->n ? haul->targets[0].index : BALLOON_READ(compactor->migrate_cursor);
	if (to < BALLOON_READ(compactor->free_cursor))
		BALLOON_WRITE(compactor->free_cursor, to);
}

/* The highest page gets the highest target. Pages for which there is none go back, the highest. */
static void supply(struct haul *haul)
{
	struct balloon_compactor *compactor = haul->compactor;
	struct balloon_frames *frames = compactor->config.frames;
	int got = frames->ops->take_highest(frames, BALLOON_READ(compactor->migrate_cursor),
		BALLOON_READ(compactor->free_cursor), haul->targets, haul->n);
	uint32_t n = got > 0 ? (uint32_t)got : 0;
	reverse(haul->targets, n);
	move_free_cursor(haul, n);
	for (uint32_t i = n; i < haul->n; i++)
		balloon_haul_put_back(compactor, haul->pages[i]);
	haul->n = n;
}

/* Targets that were of no use, ascending, are free again: the free cursor goes up behind them. */
static void give_targets(
	struct balloon_compactor *compactor, const struct balloon_page *pages, uint32_t n)
{
	give_frames(compactor, pages, n);
	if (n > 0 && pages[n - 1].index >= BALLOON_READ(compactor->free_cursor))
		BALLOON_WRITE(compactor->free_cursor, pages[n - 1].index + 1);
}

/* ---- Outcomes -------------------------------------------------------------------------------- */

static void count_left(struct balloon_compactor_stats *counts, uint8_t outcome)
{
	if (!(outcome & BALLOON_MIGRATED_GAVE_OLD))
		BALLOON_BOOK(counts->n_kept, 1);
	else if (outcome & BALLOON_MIGRATED_TOOK_NEW)
		BALLOON_BOOK(counts->n_migrated, 1);
	else
		BALLOON_BOOK(counts->n_shrunk, 1);
}

static void settle_page(struct haul *haul, const struct call *call, uint32_t i)
{
	struct balloon_compactor *compactor = haul->compactor;
	haul->drivers[call->items[i]] = HAUL_DONE;
	if (call->outcomes[i] & BALLOON_MIGRATED_KEPT_OLD) {
		BALLOON_BOOK(compactor->counts.n_refused, 1);
		balloon_haul_put_back(compactor, call->old_pages[i]);
	} else {
		count_left(&compactor->counts, call->outcomes[i]);
	}
}

/* Keep those of a call's pages whose outcome has the bit, or has it not; ascending. */
static uint32_t keep(const struct call *call, struct balloon_page *pages, uint8_t bit, bool is_set)
{
	uint32_t n = 0;
	for (uint32_t i = 0; i < call->n; i++)
		if (((call->outcomes[i] & bit) != 0) == is_set)
			pages[n++] = pages[i];
	reverse(pages, n);
	return n;
}

/* Each page ends where its outcome says. Returns how many came back. */
static uint32_t settle(struct haul *haul, struct call *call)
{
	struct balloon_compactor *compactor = haul->compactor;
	for (uint32_t i = 0; i < call->n; i++)
		settle_page(haul, call, i);
	uint32_t n_old = keep(call, call->old_pages, BALLOON_MIGRATED_GAVE_OLD, true);
	uint32_t n_new = keep(call, call->new_pages, BALLOON_MIGRATED_TOOK_NEW, false);
	give_frames(compactor, call->old_pages, n_old);
	give_targets(compactor, call->new_pages, n_new);
	return n_old;
}

/* ---- Passes ---------------------------------------------------------------------------------- */

/* Gather up to n_max pages of a driver among the items below `end`. Returns where to go on. */
static uint32_t gather(
	const struct haul *haul, struct call *call, uint32_t driver, uint32_t end, uint32_t n_max)
{
	call->n = 0;
	while (end > 0 && call->n < n_max) {
		if (haul->drivers[--end] != driver)
			continue;
		call->old_pages[call->n] = haul->pages[end];
		call->new_pages[call->n] = haul->targets[end];
		call->items[call->n++] = (uint8_t)end;
	}
	return end;
}

/* Ask a driver for all of its pages, once. *n_left counts those for which it was busy. */
static uint32_t ask(struct haul *haul, uint32_t index, uint32_t *n_left)
{
	struct balloon_compactor *compactor = haul->compactor;
	struct balloon_driver *driver = compactor->config.drivers[index];
	struct call call;
	uint32_t n_back = 0;
	for (uint32_t end = haul->n; end > 0;) {
		end = gather(haul, &call, index, end, balloon_driver_migrate_max(driver));
		if (call.n == 0)
			break;
		int result = balloon_driver_migrate(
			driver, call.new_pages, call.old_pages, call.n, call.outcomes);
		if (result == -EAGAIN) {
			BALLOON_BOOK(compactor->counts.n_again, call.n);
			*n_left += call.n;
		} else {
			n_back += settle(haul, &call);
		}
	}
	return n_back;
}

/* Whoever keeps a driver busy may need this processor. Nothing wakes this: the word is our own. */
static void nap(void)
{
	const uint32_t word = 0;
	uint64_t until_ns = balloon_platform_now_ns() + nap_ns;
	while (balloon_platform_now_ns() < until_ns)
		balloon_platform_wait_until(&word, 0, until_ns);
}

static void give_up(struct haul *haul)
{
	for (uint32_t i = 0; i < haul->n; i++) {
		if (haul->drivers[i] == HAUL_DONE)
			continue;
		balloon_haul_put_back(haul->compactor, haul->pages[i]);
		give_targets(haul->compactor, &haul->targets[i], 1);
	}
}

int balloon_haul_migrate(struct haul *haul)
{
	const struct balloon_compactor_config *config = &haul->compactor->config;
	uint32_t n_back = 0;
	supply(haul);
	uint32_t n_left = haul->n;
	for (uint32_t try = 0; n_left > 0 && try < config->n_tries; try++) {
		if (try > 0)
			nap();
		n_left = 0;
		for (uint32_t i = 0; i < config->n_drivers; i++)
			n_back += ask(haul, i, &n_left);
	}
	if (n_left > 0)
		give_up(haul);
	return n_back == 0 && n_left > 0 ? -EAGAIN : (int)n_back;
}
