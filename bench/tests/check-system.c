/* SPDX-License-Identifier: MIT */
/* The inside of balloon-bench system: its arithmetic, and whether it finds what goes wrong. */
#define _GNU_SOURCE 1 /* madvise() */

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "common/clock.h"
#include "expect.h"
#include "host.h"
#include "system/heap-patterns.h"
#include "system/release.h"
#include "system/fixture.h"
#include "system/source.h"

enum { PAGES = 1024 };

/* ---- Orders ---------------------------------------------------------------------------------- */

static uint32_t n_neighbours(const struct region *region)
{
	uint32_t n = 0;
	for (uint32_t i = 1; i < region->n_pages; i++)
		n += region->order[i].index == region->order[i - 1].index + 1;
	return n;
}

static bool is_permutation(const struct region *region)
{
	unsigned char *seen = calloc(region->n_pages, 1);
	bool is_one = seen != NULL;
	for (uint32_t i = 0; is_one && i < region->n_pages; i++)
		is_one = !seen[region->order[i].index]++;
	free(seen);
	return is_one;
}

static void check_order(enum page_order order, uint32_t least, uint32_t most)
{
	struct problem problem;
	struct region region;
	CHECK(region_init(&region, order, PAGES, false, &problem) == 0);
	CHECK(is_permutation(&region));
	CHECK(n_neighbours(&region) >= least && n_neighbours(&region) <= most);
	CHECK(region_n_resident(&region) == 0);
	region_touch(&region, region.order, 1);
	CHECK(region_n_resident(&region) >= 1);
	region_touch(&region, region.order, region.n_pages);
	CHECK(region_n_resident(&region) == PAGES);
	for (size_t i = 0; i < PAGES; i++)
		CHECK(region.base[i * SMALL_PAGE] == 1);
	CHECK(region_small_pages(&region, region.n_pages) == PAGES);
	region_fini(&region);
}

/* ---- A heap that mixes blocks up ------------------------------------------------------------- */

static uint32_t only_block;

static void *allocate_twice(const struct place *place, size_t size)
{
	(void)place;
	(void)size;
	return &only_block;
}

static void *allocate_nothing(const struct place *place, size_t size)
{
	(void)place;
	(void)size;
	return NULL;
}

static void free_nothing(const struct place *place, void *block)
{
	(void)place;
	(void)block;
}

static void check_heap(void)
{
	static const struct allocator twice = {allocate_twice, free_nothing};
	static const struct allocator none = {allocate_nothing, free_nothing};
	static const struct shape shape = {.size_min = 16, .size_max = 1008, .n_slots = 64};
	static struct crew crew = {.shape = &shape};
	struct member member = {.crew = &crew, .set = &crew.sets[0], .random = 1};
	run_shape(&twice, &member, 256);
	CHECK(member.problem && strcmp(member.problem, "a block has lost its contents") == 0);
	run_shape(&none, &member, 1);
	CHECK(member.problem && strcmp(member.problem, "an allocation failed") == 0);
}

/* ---- A release that does not do what it says ------------------------------------------------- */

static struct releaser faulty;

static int release_but(struct trial *trial, uint32_t n_left)
{
	const struct region *region = region_of(trial);
	size_t n_bytes = region->n_bytes - (size_t)n_left * SMALL_PAGE;
	return madvise(region->base, n_bytes, MADV_DONTNEED) < 0 ? -errno : 0;
}

static int release_all(struct trial *trial)
{
	return release_but(trial, 0);
}

static int release_nothing(struct trial *trial)
{
	(void)trial;
	return 0;
}

static int release_all_but_one(struct trial *trial)
{
	return release_but(trial, 1);
}

static int refuse(struct trial *trial)
{
	(void)trial;
	return -EPERM;
}

static int release_too_much(struct trial *trial, uint32_t first, uint32_t n)
{
	(void)first;
	(void)n;
	return release_all(trial);
}

static int refuse_request(struct trial *trial, uint32_t first, uint32_t n)
{
	(void)first;
	(void)n;
	return refuse(trial);
}

static const char *accuse(struct trial *trial)
{
	(void)trial;
	return "a page is lost";
}

static bool is_memfd; /* the memory that is released */
static bool has_neighbour;

static void end_release(struct round *round)
{
	region_fini(&release_of(&round->trials[0])->region);
}

static int make_release(struct round *round, size_t number)
{
	struct release *release = round_share(round, sizeof *release);
	(void)number;
	*release = (struct release){.request = 64, .has_neighbour = has_neighbour};
	if (region_init(&release->region, ORDER_RANDOM, PAGES, is_memfd, round->problem) < 0)
		exit(1);
	round->end = end_release;
	round_add(round, "faulty", "raw", &release_ops, &faulty);
	return 0;
}

static void expect_release(int expected, const char *words)
{
	static const struct workload faults = {
		"release", NULL, NULL, NULL, NULL, make_release, NULL, 1};
	expect_round(&faults, expected, words);
}

static void check_release(void)
{
	faulty = (struct releaser){.inflate = release_all};
	expect_release(0, "");
	faulty.inflate = release_nothing;
	expect_release(-1, "after the release 1024 pages are in memory, not 0");
	faulty.inflate = release_all_but_one;
	expect_release(-1, "after the release 1 pages are in memory, not 0");
	faulty.inflate = refuse;
	expect_release(-1, "the release failed: Operation not permitted");
	faulty = (struct releaser){.inflate = release_all, .deflate = refuse};
	expect_release(-1, "taking pages back failed");
	faulty = (struct releaser){.inflate = release_all, .check = accuse};
	expect_release(-1, "a page is lost");
	faulty = (struct releaser){.inflate = release_all, .cycle = refuse_request};
	expect_release(-1, "a single request failed");
	faulty = (struct releaser){.inflate = release_all, .cycle = release_too_much};
	expect_release(-1, "after single requests");
	faulty = (struct releaser){.inflate = release_all, .open = refuse};
	expect_release(-1, "opening failed");
}

/* How much processor time others of this process get while it sleeps. */
static double others_share;

static int watch_others(struct trial *trial)
{
	uint64_t own_ns = thread_cpu_ns(), all_ns = clock_read_ns(CLOCK_PROCESS_CPUTIME_ID);
	uint64_t begin_ns = now_ns();
	nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
	all_ns = clock_read_ns(CLOCK_PROCESS_CPUTIME_ID) - all_ns;
	own_ns = thread_cpu_ns() - own_ns;
	others_share = ((double)all_ns - (double)own_ns) / (double)(now_ns() - begin_ns);
	return release_all(trial);
}

static void check_neighbour(void)
{
	faulty = (struct releaser){.inflate = watch_others};
	expect_release(0, "");
	CHECK(others_share < 0.02);
	has_neighbour = true;
	expect_release(0, "");
	CHECK(others_share > 0.05); /* how much depends on what else the machine does */
	has_neighbour = false;
}

/* A host that does not do all of it. */
static void check_partial_answer(void)
{
	struct problem problem;
	struct host host;
	struct by_channel by_channel = {.channel = &host.channel};
	struct release release = {.request = 64};
	static struct round round;
	round.shared = &release;
	struct trial trial = {.round = &round, .own = &by_channel};
	host_init(&host, 0);
	host.reason = -ENOSPC;
	host_always(&host, HOST_HALVES);
	CHECK(region_init(&release.region, ORDER_RANDOM, PAGES, false, &problem) == 0);
	CHECK(by_channel_init(&by_channel, 64) == 0);
	CHECK(by_channel_inflate(&trial) == -ENOSPC && by_channel_deflate(&trial) == -ENOSPC);
	by_channel_fini(&by_channel);
	region_fini(&release.region);
	CHECK(host_fini(&host) == 0);
}

/* Shared memory: what its host did not do is noticed as well. */
static void check_shared_memory(void)
{
	is_memfd = true;
	faulty = *memfd_releasers[0];
	expect_release(0, "");
	faulty.inflate = release_nothing;
	expect_release(-1, "after the release 1024 pages are in memory, not 0");
	is_memfd = false;
}

/* ---- Frames ---------------------------------------------------------------------------------- */

static void check_source(void)
{
	const struct balloon_page order[4] = {{2}, {0}, {3}, {1}};
	struct balloon_page got[8];
	struct source source;
	CHECK(source_init(&source, order, 4) == 0);
	const struct balloon_frames_ops *ops = source.frames.ops;
	CHECK(ops->allocate(&source.frames, got, 3, 0) == 3);
	CHECK(got[0].index == 2 && got[1].index == 0 && got[2].index == 3);
	CHECK(ops->allocate(&source.frames, got + 3, 3, 0) == 1 && source.n_out == 4);
	CHECK(ops->allocate(&source.frames, got, 1, 0) == -ENOMEM);
	ops->free(&source.frames, got, 4);
	CHECK(source.n_out == 0 && !source.violation);
	source.next = 2;
	CHECK(ops->allocate(&source.frames, got, 4, 0) == 2 && got[0].index == 3);
	ops->free(&source.frames, got, 1);
	ops->free(&source.frames, got, 1); /* twice */
	CHECK(source.violation && source.n_out == 1);
	source_fini(&source);
}

/* ---- A fixture whose counts are wrong ------------------------------------------------------------ */

static void check_fixture(uint32_t host_us)
{
	static const struct workload none = {.name = "fixture"};
	static struct round round;
	struct problem problem;
	round.workload = &none;
	round.problem = &problem;
	struct trial trial = {.round = &round,
		.subject = "fixture",
		.labels = {{{"driver", .text = driver_names()[0]},
			{"strategy", .text = strategy_names()[0]},
			{"channel", .text = host_us > 0 ? "slow" : "null"},
			{"request", .number = 64}, {"pages", .number = PAGES},
			{"host_us", .number = host_us}}}};
	struct balloon_page page;
	struct fixture fixture;
	CHECK(fixture_open(&fixture, &trial, 0) == 0);
	uint64_t begin_ns = now_ns();
	CHECK(fixture_reach(&fixture, 128) == 0);
	CHECK(now_ns() - begin_ns >= (uint64_t)host_us * 1000);
	CHECK(fixture_check(&fixture, &trial, 128, 0) == 0);
	CHECK(fixture_check(&fixture, &trial, 127, 0) == -1);
	CHECK(fixture_check(&fixture, &trial, 127, 1) == -1);
	CHECK(balloon_zone_allocate(fixture.zone, 0, &page) == 0);
	CHECK(fixture_check(&fixture, &trial, 128, 0) == -1);
	CHECK(fixture_check(&fixture, &trial, 128, 1) == 0);
	CHECK(balloon_zone_free(fixture.zone, page, 0) == 0);
	fixture_close(&fixture);
}

int main(void)
{
	check_heap();
	check_order(ORDER_CONTIGUOUS, PAGES - 1, PAGES - 1);
	check_order(ORDER_CLUSTERS, PAGES - PAGES / CLUSTER_PAGES, PAGES - 8);
	check_order(ORDER_RANDOM, 0, 16);
	check_order(ORDER_BLOCKS, 0, 1);
	check_release();
	check_neighbour();
	check_partial_answer();
	check_shared_memory();
	check_source();
	check_fixture(0);
	check_fixture(2000);
	return n_failed > 0;
}
