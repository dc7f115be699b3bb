/* SPDX-License-Identifier: MIT */
/* What the kernel says of the process, and what the balloon has to be for that. */

#define _POSIX_C_SOURCE 200809L /* nanosleep(), sysconf() */

#include "cache.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { PAGE = BALLOON_HEAP_PAGE_SIZE, LOOK_MS = 10, HOLD_MS = 300 };
enum { EVICT_STEP = MIB }; /* bytes: what is evicted at once for the balloon */

/* What the kernel counts as resident, in bytes. */
static int64_t resident_bytes(void)
{
	long long n_pages = -1;
	FILE *file = fopen("/proc/self/statm", "r");
	if (!file || fscanf(file, "%*s %lld", &n_pages) != 1)
		fail("cannot read /proc/self/statm");
	fclose(file);
	return n_pages * sysconf(_SC_PAGESIZE);
}

static double in_mib(int64_t bytes)
{
	return (double)bytes / MIB;
}

static int64_t tolerance(int64_t target)
{
	return target / 100 > 2 * MIB ? target / 100 : 2 * MIB;
}

/* Between two steps of the driver: if it finds no frames, the cache has to be smaller. */
static bool evict_for_balloon(void *context, const struct balloon_driver_progress *progress)
{
	struct cache *c = context;
	bool is_waiting = progress->state == BALLOON_DRIVER_HELD_OFF ||
			  progress->state == BALLOON_DRIVER_STALLED;
	if (progress->n_enqueued >= progress->target || !is_waiting)
		return true;
	uint64_t bytes = table_counts(c->table).bytes;
	table_limit(c->table, bytes > EVICT_STEP ? bytes - EVICT_STEP : 0);
	table_evict(c->table, c->heap, EVICT_STEP);
	return true;
}

/* A balloon so large that the rest of the heap, used up, makes the process as large as wanted. */
static void set_balloon(struct cache *c, int64_t target, uint64_t deadline_ns)
{
	int64_t heap_bytes = (int64_t)(c->heap_mib * MIB);
	int64_t bytes = heap_bytes - (target - c->other_bytes);
	if (bytes < 0 || bytes > heap_bytes)
		fail("this target is out of reach with a heap of this size");
	balloon_driver_set_target(c->driver, (uint64_t)bytes / PAGE);
	int result = balloon_driver_run(c->driver, deadline_ns, evict_for_balloon, c);
	if (result < 0)
		fail(strerror(-result));
	table_limit(c->table, UINT64_MAX);
}

static void wait_until_full(struct cache *c, uint64_t deadline_ns)
{
	const struct timespec moment = {.tv_nsec = 1000000};
	uint64_t before = n_full(c, NULL);
	/* Several entries: the first may have been one of the largest. */
	while (n_full(c, NULL) < before + 100) {
		if (balloon_platform_now_ns() > deadline_ns)
			fail("the cache has not grown into its memory in time");
		nanosleep(&moment, NULL);
	}
}

static uint64_t balloon_pages(struct cache *c)
{
	struct balloon_driver_progress progress;
	balloon_driver_progress(c->driver, &progress);
	return progress.n_enqueued;
}

static void report(struct cache *c, int64_t target, int64_t worst, uint64_t took_ns)
{
	struct table_counts counts = table_check(c->table);
	printf("target %6.1f MiB: reached in %.2f s, at most %.2f off; balloon %6.1f, %" PRIu64
	       " entries, %" PRIu64 " hits, %" PRIu64 " evicted\n",
		in_mib(target), (double)took_ns / (double)NS_PER_S, in_mib(worst),
		in_mib((int64_t)balloon_pages(c) * PAGE), counts.n_entries, counts.n_hits,
		counts.n_evicted);
	fflush(stdout);
	if (counts.n_lost || counts.n_damaged)
		fail("entries were lost or damaged");
}

static bool is_told_to_go_on(struct cache *c, uint64_t until_ns)
{
	struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
	int n_ready = poll(&input, c->is_waiting ? 1 : 0, LOOK_MS);
	if (!c->is_waiting)
		return balloon_platform_now_ns() >= until_ns;
	return n_ready > 0 && (getchar() == '\n' || feof(stdin));
}

/* Bring the process to its target. What else it has is known better with each look, and so is what the
 * target means for the balloon. */
static void steer(struct cache *c, int64_t target)
{
	uint64_t deadline_ns = balloon_platform_now_ns() + c->deadline_s * NS_PER_S;
	for (;;) {
		set_balloon(c, target, deadline_ns);
		wait_until_full(c, deadline_ns);
		int64_t off = resident_bytes() - target;
		if (llabs(off) <= tolerance(target) / 4)
			return;
		c->other_bytes += off;
	}
}

/* Serve at the target for a while. The process still changes: jemalloc's own data grow, frames are used
 * for the first time. Returns how far off it was at worst. */
static int64_t hold(struct cache *c, int64_t target)
{
	uint64_t until_ns = balloon_platform_now_ns() + HOLD_MS * NS_PER_MS;
	int64_t worst = 0;
	if (c->is_waiting)
		printf("holding %" PRId64 "\n", target);
	fflush(stdout);
	while (!is_told_to_go_on(c, until_ns)) {
		int64_t off = resident_bytes() - target;
		worst = llabs(off) > llabs(worst) ? off : worst;
		if (llabs(off) > tolerance(target))
			fail("the process has left its target");
		if (llabs(off) > tolerance(target) / 4) {
			c->other_bytes += off;
			steer(c, target);
		}
	}
	return worst;
}

void go_to(struct cache *c, int64_t target)
{
	uint64_t began_ns = balloon_platform_now_ns();
	steer(c, target);
	uint64_t took_ns = balloon_platform_now_ns() - began_ns;
	report(c, target, hold(c, target), took_ns);
}

/* The first target holds before there are entries: so the process never was larger. */
void begin_at(struct cache *c, int64_t target)
{
	c->other_bytes = resident_bytes();
	printf("heap %" PRIu64 " MiB, %" PRIu32 " threads; process without entries %.1f MiB\n",
		c->heap_mib, c->n_threads, in_mib(c->other_bytes));
	set_balloon(c, target, balloon_platform_now_ns() + c->deadline_s * NS_PER_S);
}
