/* SPDX-License-Identifier: MIT */
/* Claims that need threads: I4, I5, I6, and devices that come and go beside scanners. */

#include "suite.h"

#include <sched.h>

enum { N_THREADS = 4 };

struct race {
	struct fixture f;
	uint32_t n_rounds;
	void (*work)(struct race *race);    /* thread 0's, beside scanners */
	struct balloon_atomic_u32 done;     /* thread 0 is: scanners stop */
	uint32_t n_won[N_THREADS][N_PAGES]; /* each thread writes its own row */
};

static uint32_t n_won_by_all(const struct race *race, uint32_t index)
{
	uint32_t n = 0;
	for (size_t thread = 0; thread < N_THREADS; thread++)
		n += race->n_won[thread][index];
	return n;
}

static void race_open(struct race *race, const struct balloon_strategy *strategy)
{
	*race = (struct race){.n_rounds = scaled(500)};
	balloon_atomic_init(&race->done, 0, BALLOON_SHARED_COUNTER);
	fixture_open(&race->f, strategy);
}

/* A page that somebody else holds just now is tried again. */
static int isolate(struct balloon_memmap *map, uint32_t index)
{
	int result;
	while ((result = balloon_page_isolate(map, balloon_page(index))) == -EAGAIN)
		sched_yield();
	return result;
}

/* The same for a page that a scanner has isolated and will put back. */
static void isolate_in_the_end(struct balloon_memmap *map, uint32_t index)
{
	while (isolate(map, index) < 0)
		sched_yield();
}

static int insert(struct balloon_device *device, uint32_t index)
{
	int result;
	while ((result = balloon_page_insert(device, balloon_page(index))) == -EAGAIN)
		sched_yield();
	return result;
}

static void isolate_all(void *shared, size_t thread)
{
	struct race *race = shared;
	for (uint32_t i = 0; i < N_PAGES; i++)
		race->n_won[thread][i] += isolate(race->f.map, i) == 0;
}

CLAIM(contract, of_many_isolates_of_a_page_one_succeeds)
{
	struct race race;
	race_open(&race, strategy);
	for (uint32_t i = 0; i < N_PAGES; i++)
		put_into(&race.f, i, BALLOON_PAGE_LISTED);
	run_together(N_THREADS, isolate_all, &race);
	for (uint32_t i = 0; i < N_PAGES; i++)
		CHECK_EQ(n_won_by_all(&race, i), 1);
	CHECK_EQ(stats_of(race.f.devices[0]).n_isolates, N_PAGES);
	fixture_close(&race.f);
}

static void dequeue_all(void *shared, size_t thread)
{
	struct race *race = shared;
	struct balloon_page got[3];
	int n;
	while ((n = balloon_pages_dequeue(race->f.devices[0], got, 3)) > 0)
		for (int i = 0; i < n; i++)
			race->n_won[thread][got[i].index]++;
	CHECK_EQ(n, 0);
}

CLAIM(contract, no_page_is_dequeued_twice)
{
	struct race race;
	race_open(&race, strategy);
	for (uint32_t i = 0; i < N_PAGES; i++)
		put_into(&race.f, i, BALLOON_PAGE_LISTED);
	run_together(N_THREADS, dequeue_all, &race);
	for (uint32_t i = 0; i < N_PAGES; i++)
		CHECK_EQ(n_won_by_all(&race, i), 1);
	fixture_close(&race.f);
}

enum { CONTESTED = 2 };

/* A scanner that puts back what it isolates, until thread 0 is done. */
static void scan(struct race *race, size_t thread)
{
	uint32_t i = (uint32_t)thread;
	for (; !balloon_atomic_load(&race->done, BALLOON_RELAXED); i++) {
		struct balloon_page page = balloon_page(i % CONTESTED);
		if (!balloon_page_is_candidate(race->f.map, page) ||
			balloon_page_isolate(race->f.map, page) < 0) {
			sched_yield();
			continue;
		}
		CHECK(balloon_page_device(race->f.map, page) != NULL);
		CHECK_EQ(balloon_page_putback(race->f.map, page), 0);
	}
}

static void work_or_scan(void *shared, size_t thread)
{
	struct race *race = shared;
	if (thread == 0) {
		race->work(race);
		balloon_atomic_store(&race->done, 1, BALLOON_RELAXED);
	} else {
		scan(race, thread);
	}
}

/* What dequeue returned is the caller's: no scanner has it or gets it. */
static void inflate_and_deflate(struct race *race)
{
	struct balloon_page page;
	for (uint32_t i = 0; i < race->n_rounds / 4 + 1; i++) {
		CHECK_EQ(insert(race->f.devices[0], i % CONTESTED), 0);
		while (balloon_page_dequeue(race->f.devices[0], &page) == -EAGAIN)
			sched_yield();
		CHECK_EQ(page.index, i % CONTESTED);
		CHECK_EQ(isolate(race->f.map, page.index), -ESTALE);
		CHECK_EQ(balloon_page_putback(race->f.map, page), -ESTALE);
	}
}

CLAIM(contract, what_dequeue_returned_is_never_isolated)
{
	struct race race;
	race_open(&race, strategy);
	race.work = inflate_and_deflate;
	run_together(N_THREADS, work_or_scan, &race);
	CHECK_EQ(stats_of(race.f.devices[0]).n_dequeued, race.n_rounds / 4 + 1);
	fixture_close(&race.f);
}

/* I3 and I7, in the middle of it all. */
static void check_books(const struct balloon_device_stats *s)
{
	uint64_t n_ended = s->n_putbacks + s->n_migrated + s->n_finalized;
	CHECK_EQ(s->n_listed + s->n_isolated, s->n_inserted - s->n_dequeued - s->n_finalized);
	CHECK_EQ(s->n_isolated, s->n_isolates - n_ended);
}

static void read_statistics(struct race *race)
{
	for (uint32_t i = 0; i < race->n_rounds; i++) {
		struct balloon_device_stats stats = stats_of(race->f.devices[0]);
		check_books(&stats);
		stats = map_stats_of(race->f.map).devices; /* of one device, so of one moment too */
		check_books(&stats);
	}
}

static void work_read_or_scan(void *shared, size_t thread)
{
	if (thread == 1)
		read_statistics(shared);
	else
		work_or_scan(shared, thread);
}

CLAIM(contract, statistics_are_of_one_moment)
{
	struct race race;
	race_open(&race, strategy);
	race.work = inflate_and_deflate;
	run_together(N_THREADS, work_read_or_scan, &race);
	fixture_close(&race.f);
}

static void migrate_and_finalize(struct race *race)
{
	struct balloon_device *device = race->f.devices[0];
	for (uint32_t i = 0; i < race->n_rounds / 4 + 1; i++) {
		uint32_t old_page = i % CONTESTED;
		uint32_t new_page = (i + 1) % CONTESTED;
		int result;
		CHECK_EQ(insert(device, old_page), 0);
		isolate_in_the_end(race->f.map, old_page);
		while ((result = balloon_page_migrate(
				device, balloon_page(new_page), balloon_page(old_page))) == -EAGAIN)
			sched_yield();
		CHECK_EQ(result, 0);
		CHECK_EQ(isolate(race->f.map, old_page), -ESTALE);
		isolate_in_the_end(race->f.map, new_page);
		CHECK_EQ(balloon_page_finalize(device, balloon_page(new_page)), 0);
		CHECK_EQ(isolate(race->f.map, new_page), -ESTALE);
	}
}

CLAIM(contract, what_was_migrated_or_finalized_is_never_isolated)
{
	struct race race;
	race_open(&race, strategy);
	race.work = migrate_and_finalize;
	run_together(N_THREADS, work_or_scan, &race);
	CHECK_EQ(stats_of(race.f.devices[0]).n_migrated, race.n_rounds / 4 + 1);
	fixture_close(&race.f);
}

static void come_and_go(struct race *race)
{
	for (uint32_t i = 0; i < race->n_rounds / 8 + 1; i++) {
		struct balloon_device *device;
		struct balloon_page got[CONTESTED];
		int n = 0;
		CHECK_EQ(balloon_device_create(race->f.map, NULL, &device), 0);
		for (uint32_t index = 0; index < CONTESTED; index++)
			CHECK_EQ(insert(device, index), 0);
		while (n != CONTESTED) {
			int result = balloon_pages_dequeue(device, got, CONTESTED);
			CHECK(result > 0 || result == -EAGAIN);
			n += result > 0 ? result : 0;
		}
		CHECK_EQ(balloon_device_destroy(race->f.map, device), 0);
	}
}

CLAIM(contract, devices_come_and_go_beside_scanners)
{
	struct race race;
	race_open(&race, strategy);
	race.work = come_and_go;
	run_together(N_THREADS, work_or_scan, &race);
	CHECK_EQ(map_stats_of(race.f.map).devices.n_dequeued, (race.n_rounds / 8 + 1) * CONTESTED);
	fixture_close(&race.f);
}
