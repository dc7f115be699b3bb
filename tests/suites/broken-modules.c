/* SPDX-License-Identifier: MIT */
/*
 * What balloon-contract has to refuse: the strategy of the examples with one thing broken at a time,
 * each a table of its own name. balloon-contract-test says which claim has to find which.
 */

#include <stdlib.h>

#include "../../examples/own-strategy/coarse.c"

/* An isolated page is somebody's: here a second scanner gets it, too. */
static int isolate_again(
	struct balloon_memmap *map, const struct balloon_page *pages, size_t n_pages)
{
	int result = isolate(map, pages, n_pages);
	bool is_isolated = state_of(descriptor_of(map, pages[0])) == BALLOON_PAGE_ISOLATED;
	return result < 0 && is_isolated ? 1 : result;
}

static int finalize_twice_counted(
	struct balloon_device *device, const struct balloon_page *pages, size_t n_pages)
{
	int result = finalize(device, pages, n_pages);
	balloon_lock_acquire(lock_of(device->map));
	if (result > 0)
		device->stats.n_finalized++;
	balloon_lock_release(lock_of(device->map));
	return result;
}

/* The page is the caller's, and the scanner's word still says that it is listed. */
static int dequeue_forgetful(
	struct balloon_device *device, struct balloon_page *pages, size_t n_pages)
{
	int result = dequeue(device, pages, n_pages);
	for (int i = 0; i < result; i++)
		become(descriptor_of(device->map, pages[i]), BALLOON_PAGE_LISTED,
			balloon_device_owner(device));
	return result;
}

static int putback_by_exit(
	struct balloon_memmap *map, const struct balloon_page *pages, size_t n_pages)
{
	(void)map;
	(void)pages;
	(void)n_pages;
	exit(0);
}

static int putback_by_crash(
	struct balloon_memmap *map, const struct balloon_page *pages, size_t n_pages)
{
	(void)map;
	(void)pages;
	(void)n_pages;
	abort();
}

#define TABLE(name) BALLOON_EXPORT extern struct balloon_strategy name

TABLE(isolates_twice);
TABLE(books_twice);
TABLE(forgets);
TABLE(exits);
TABLE(crashes);
TABLE(incomplete);
TABLE(nameless);
TABLE(misaligned);
TABLE(of_tomorrow);

struct balloon_strategy isolates_twice, books_twice, forgets, exits, crashes, incomplete, nameless,
	misaligned, of_tomorrow;

/* No tables at all. */
BALLOON_EXPORT extern const uint32_t too_short;
const uint32_t too_short = BALLOON_STRATEGY_ABI;
BALLOON_EXPORT uint64_t no_data(uint64_t n);

uint64_t no_data(uint64_t n)
{
	return n * UINT64_C(0x123456789abcdef);
}

__attribute__((constructor)) static void break_tables(void)
{
	isolates_twice = books_twice = forgets = exits = crashes = balloon_strategy;
	incomplete = nameless = misaligned = of_tomorrow = balloon_strategy;
	isolates_twice.isolate = isolate_again;
	books_twice.finalize = finalize_twice_counted;
	forgets.dequeue = dequeue_forgetful;
	exits.putback = putback_by_exit;
	crashes.putback = putback_by_crash;
	incomplete.putback = NULL;
	nameless.name = "no name";
	misaligned.descriptor_align = 3;
	of_tomorrow.abi = BALLOON_STRATEGY_ABI + 1;
}
