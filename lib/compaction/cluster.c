/* SPDX-License-Identifier: MIT */
/*
 * From candidates to migrated pages: targets, isolation, passes, outcomes.
 *
 * The last page in the order of compactor.h goes to the first free frame, as long as that lies before
 * it. Only pages that have such a target are isolated, so where nothing is to be gained nothing is
 * touched. What is moved is inserted in ascending order of the targets: whoever leaks next gets
 * the last of them, close to what is free already.
 */
#include "compaction/blocks.h"

static const uint64_t nap_ns = 100000;
enum { NAP_DOUBLED_MAX = 7 };

static void give_frames(
	struct balloon_compactor *compactor, const struct balloon_page *pages, uint32_t n)
{
	struct balloon_frames *frames = compactor->config.frames;
	if (n > 0)
		frames->ops->free(frames, pages, n);
}

static void put_back(struct balloon_compactor *compactor, struct balloon_page page)
{
	if (balloon_page_putback(compactor->config.map, page) == 0)
		BALLOON_ADD(compactor->counts.n_put_back, 1);
}

/* ---- Targets --------------------------------------------------------------------------------- */

/* Targets that nobody needed, ascending, are free again: the cursor goes back to the first. */
static void give_targets(
	struct balloon_compactor *compactor, const struct balloon_page *pages, uint32_t n)
{
	if (n == 0)
		return;
	struct place first = balloon_blocks_place(compactor, pages[0]);
	give_frames(compactor, pages, n);
	if (place_is_before(first, BALLOON_READ(compactor->target)))
		BALLOON_WRITE(compactor->target, first);
}

static bool is_a_gain(const struct cluster *cluster, uint32_t i)
{
	return place_is_before(balloon_blocks_place(cluster->compactor, cluster->targets[i]),
		balloon_blocks_place(cluster->compactor, cluster->pages[i]));
}

/* If there are fewer targets than candidates, all that is left is where it should be. */
static void supply(struct cluster *cluster)
{
	struct balloon_compactor *compactor = cluster->compactor;
	uint32_t n_taken = balloon_blocks_take(compactor,
		balloon_blocks_place(compactor, cluster->pages[0]), cluster->targets, cluster->n);
	uint32_t n = n_taken;
	while (n > 0 && !is_a_gain(cluster, n - 1))
		n--;
	give_targets(compactor, cluster->targets + n, n_taken - n);
	if (n < cluster->n)
		BALLOON_WRITE(compactor->is_over, true);
	cluster->n = n;
}

/* ---- Isolation ------------------------------------------------------------------------------- */

/* Into the cluster, if it is one of our drivers'. */
static void take_up(struct cluster *cluster, struct balloon_page page)
{
	struct balloon_compactor *compactor = cluster->compactor;
	const struct balloon_compactor_config *config = &compactor->config;
	const struct balloon_device *device = balloon_page_device(config->map, page);
	uint32_t i = 0;
	BALLOON_ADD(compactor->counts.n_isolated, 1);
	while (i < config->n_drivers && balloon_driver_device(config->drivers[i]) != device)
		i++;
	if (i == config->n_drivers) {
		put_back(compactor, page);
		return;
	}
	cluster->drivers[cluster->n] = i;
	cluster->pages[cluster->n++] = page;
}

/*
 * The candidates that can be had close up. One that somebody else has taken out is passed over; one that
 * somebody has hold of just now is left.
 */
static void isolate(struct cluster *cluster)
{
	struct balloon_compactor *compactor = cluster->compactor;
	uint32_t end = cluster->n;
	cluster->n = 0;
	for (uint32_t at = 0; at < end;) {
		int n = balloon_pages_isolate(compactor->config.map, cluster->pages + at, end - at);
		for (int i = 0; i < n; i++)
			take_up(cluster, cluster->pages[at + (uint32_t)i]);
		if (n == -EAGAIN)
			BALLOON_ADD(compactor->counts.n_left, 1);
		at += n > 0 ? (uint32_t)n : 1;
	}
	give_targets(compactor, cluster->targets + cluster->n, end - cluster->n);
}

/* ---- Outcomes -------------------------------------------------------------------------------- */

static void count_left(struct balloon_compactor_stats *counts, uint8_t outcome)
{
	if (!(outcome & BALLOON_MIGRATED_GAVE_OLD)) {
		BALLOON_ADD(counts->n_kept, 1);
		BALLOON_ADD(counts->n_left, 1);
	} else if (outcome & BALLOON_MIGRATED_TOOK_NEW) {
		BALLOON_ADD(counts->n_migrated, 1);
	} else {
		BALLOON_ADD(counts->n_shrunk, 1);
	}
}

static void finish_page(struct cluster *cluster, const struct cluster_call *call, uint32_t i)
{
	struct balloon_compactor *compactor = cluster->compactor;
	cluster->drivers[call->items[i]] = CLUSTER_DONE;
	if (call->outcomes[i] & BALLOON_MIGRATED_KEPT_OLD) {
		BALLOON_ADD(compactor->counts.n_refused, 1);
		BALLOON_ADD(compactor->counts.n_left, 1);
		put_back(compactor, call->old_pages[i]);
	} else {
		count_left(&compactor->counts, call->outcomes[i]);
	}
}

/* Keep those of a call's pages whose outcome has the bit, or has it not. */
static uint32_t keep(
	const struct cluster_call *call, struct balloon_page *pages, uint8_t bit, bool is_set)
{
	uint32_t n = 0;
	for (uint32_t i = 0; i < call->n; i++)
		if (((call->outcomes[i] & bit) != 0) == is_set)
			pages[n++] = pages[i];
	return n;
}

/*
 * Each page ends where its outcome says. New pages that the host refused stay below the cursor: it would
 * refuse them again. Returns how many came back.
 */
static uint32_t finish(struct cluster *cluster, struct cluster_call *call)
{
	struct balloon_compactor *compactor = cluster->compactor;
	for (uint32_t i = 0; i < call->n; i++)
		finish_page(cluster, call, i);
	uint32_t n_old = keep(call, call->old_pages, BALLOON_MIGRATED_GAVE_OLD, true);
	uint32_t n_new = keep(call, call->new_pages, BALLOON_MIGRATED_TOOK_NEW, false);
	give_frames(compactor, call->old_pages, n_old);
	give_frames(compactor, call->new_pages, n_new);
	return n_old;
}

/* ---- Passes ---------------------------------------------------------------------------------- */

/* Gather up to n_max pages of a driver among the items from `at` on. Returns where to go on. */
static uint32_t gather(const struct cluster *cluster, struct cluster_call *call, uint32_t driver,
	uint32_t at, uint32_t n_max)
{
	call->n = 0;
	for (; at < cluster->n && call->n < n_max; at++) {
		if (cluster->drivers[at] != driver)
			continue;
		call->old_pages[call->n] = cluster->pages[at];
		call->new_pages[call->n] = cluster->targets[at];
		call->items[call->n++] = (uint8_t)at;
	}
	return at;
}

/* A call that waits leaves the host what it has not answered by then, so the last one of all does not. */
static int migrate_call(
	const struct cluster *cluster, struct balloon_driver *driver, struct cluster_call *call)
{
	if (balloon_platform_now_ns() < cluster->wait_until_ns)
		return balloon_driver_migrate_until(driver, call->new_pages, call->old_pages,
			call->n, call->outcomes, cluster->wait_until_ns);
	return balloon_driver_migrate(
		driver, call->new_pages, call->old_pages, call->n, call->outcomes);
}

/* Ask a driver for all of its pages, once. *n_left counts those for which it was busy. */
static uint32_t ask(struct cluster *cluster, uint32_t index, uint32_t *n_left)
{
	struct balloon_compactor *compactor = cluster->compactor;
	struct balloon_driver *driver = compactor->config.drivers[index];
	struct cluster_call *call = &cluster->call;
	uint32_t n_back = 0;
	for (uint32_t at = 0;;) {
		at = gather(cluster, call, index, at, balloon_driver_migrate_max(driver));
		if (call->n == 0)
			return n_back;
		if (migrate_call(cluster, driver, call) == -EAGAIN) {
			BALLOON_ADD(compactor->counts.n_again, call->n);
			*n_left += call->n;
		} else {
			n_back += finish(cluster, call);
		}
	}
}

/* Whoever keeps a driver busy may need this processor. Nothing wakes this: the word is our own. */
static void nap(uint64_t until_ns)
{
	const uint32_t word = 0;
	while (balloon_platform_now_ns() < until_ns)
		balloon_platform_wait_until(&word, 0, until_ns);
}

/*
 * Before another try. A driver's lock was waited for in the try itself; but it may have been busy with
 * another migration, which takes as long as its host does. Returns false once it is time to give up.
 */
static bool rest(const struct cluster *cluster, uint32_t n_tried)
{
	uint64_t now_ns = balloon_platform_now_ns();
	uint64_t limit_ns = cluster->wait_until_ns;
	if (!limit_ns) {
		nap(now_ns + nap_ns);
		return true;
	}
	if (now_ns >= limit_ns)
		return false;
	uint64_t length_ns = nap_ns << (n_tried < NAP_DOUBLED_MAX ? n_tried : NAP_DOUBLED_MAX);
	nap(length_ns < limit_ns - now_ns ? now_ns + length_ns : limit_ns);
	return true;
}

static void give_up(struct cluster *cluster)
{
	for (uint32_t i = 0; i < cluster->n; i++) {
		if (cluster->drivers[i] == CLUSTER_DONE)
			continue;
		BALLOON_ADD(cluster->compactor->counts.n_left, 1);
		put_back(cluster->compactor, cluster->pages[i]);
		give_targets(cluster->compactor, &cluster->targets[i], 1);
	}
}

static int migrate(struct cluster *cluster)
{
	const struct balloon_compactor_config *config = &cluster->compactor->config;
	uint32_t n_back = 0;
	uint32_t n_left = cluster->n;
	for (uint32_t try = 0; n_left > 0 && try < config->n_tries; try++) {
		if (try > 0 && !rest(cluster, try))
			break;
		n_left = 0;
		for (uint32_t i = 0; i < config->n_drivers; i++)
			n_back += ask(cluster, i, &n_left);
	}
	if (n_left > 0)
		give_up(cluster);
	return n_back == 0 && n_left > 0 ? -EAGAIN : (int)n_back;
}

/*
 * Who waits for a driver has one turn, and then somebody else has one. With twice as many pages in it,
 * compaction beside a driver that is never idle gets on as fast as alone, but for the time of that turn.
 */
uint32_t balloon_cluster_size(const struct cluster *cluster)
{
	const struct balloon_compactor_config *config = &cluster->compactor->config;
	for (size_t i = 0; i < config->n_drivers && cluster->wait_until_ns; i++)
		if (balloon_driver_is_busy(config->drivers[i]))
			return CLUSTER_MAX;
	return BALLOON_COMPACTOR_CLUSTER;
}

int balloon_cluster_move(struct cluster *cluster)
{
	supply(cluster);
	isolate(cluster);
	return migrate(cluster);
}
