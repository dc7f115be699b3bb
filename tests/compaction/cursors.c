/* SPDX-License-Identifier: MIT */
/* The two cursors: where they begin, how far a step goes, where they meet. */

#include "suite.h"
#include "machine.h"

enum { FRAMES = 2048, HALF = FRAMES / 2 };

struct cursors {
	struct machine machine;
	struct balloon_compactor *compactor;
};

static void open(struct cursors *c)
{
	struct machine_config config = {.n_frames = FRAMES};
	machine_open(&c->machine, &config);
	machine_fill(&c->machine, HALF);
	c->compactor = machine_compactor(&c->machine);
}

static void finish(struct cursors *c)
{
	CHECK_EQ(balloon_compactor_destroy(c->compactor), 0);
	machine_close(&c->machine);
}

static uint32_t highest_ballooned(struct machine *machine)
{
	uint32_t i = FRAMES;
	while (i > 0 && !machine_is_ballooned(machine, i - 1))
		i--;
	return i - 1;
}

Test(cursors, meet_and_the_next_call_begins_another_pass)
{
	struct cursors c;
	int result;
	open(&c);
	while ((result = balloon_compactor_step(c.compactor, 0)) >= 0)
		machine_check(&c.machine);
	CHECK_EQ(result, -ENOENT);
	struct balloon_compactor_stats first = machine_stats(c.compactor);
	CHECK_EQ(first.n_passes, 1);
	CHECK(first.n_migrated > HALF / 4);
	/* They met in the middle, to a page. */
	CHECK_EQ(highest_ballooned(&c.machine), HALF - 1);
	CHECK(first.n_scanned < FRAMES);
	CHECK_EQ(balloon_compactor_run(c.compactor, BALLOON_NEVER), 0);
	struct balloon_compactor_stats second = machine_stats(c.compactor);
	CHECK_EQ(second.n_passes, 2);
	CHECK(second.n_scanned > first.n_scanned);
	CHECK_EQ(second.n_isolated, first.n_isolated);
	finish(&c);
}

/* The survey looks at what is in use, and the cursor at a cluster of it. */
Test(cursors, meet_at_once_where_nothing_is_free_or_nothing_is_ballooned)
{
	struct cursors c;
	open(&c);
	machine_fill(&c.machine, FRAMES);
	CHECK_EQ(balloon_compactor_step(c.compactor, 0), 0);
	CHECK_EQ(machine_stats(c.compactor).n_isolated, 0);
	CHECK_EQ(balloon_compactor_step(c.compactor, 0), -ENOENT);
	machine_fill(&c.machine, 0);
	CHECK_EQ(balloon_compactor_step(c.compactor, 0), 0);
	CHECK_EQ(balloon_compactor_step(c.compactor, 0), -ENOENT);
	CHECK_EQ(machine_stats(c.compactor).n_scanned, FRAMES + BALLOON_COMPACTOR_CLUSTER);
	finish(&c);
}

/* A block that the survey has begun is looked at to its end. */
Test(cursors, move_as_far_as_a_step_may)
{
	enum { BLOCK = 512 };
	struct cursors c;
	uint64_t n_scanned = 0;
	uint64_t n_moved = 0;
	open(&c);
	for (uint64_t i = 1; i <= FRAMES / BLOCK + 20; i++) {
		uint32_t n_over = i <= FRAMES / BLOCK ? BLOCK : 0;
		int n = balloon_compactor_step(c.compactor, 16);
		CHECK(n >= 0);
		n_moved += (uint64_t)n;
		CHECK(machine_stats(c.compactor).n_scanned > n_scanned);
		CHECK(machine_stats(c.compactor).n_scanned <= n_scanned + 16 + n_over);
		n_scanned = machine_stats(c.compactor).n_scanned;
		CHECK_EQ(machine_stats(c.compactor).n_migrated, n_moved);
	}
	CHECK(n_moved > 0);
	uint64_t n_isolated = machine_stats(c.compactor).n_isolated;
	CHECK_EQ(balloon_compactor_step(c.compactor, 0), BALLOON_COMPACTOR_CLUSTER);
	CHECK_EQ(machine_stats(c.compactor).n_isolated, n_isolated + BALLOON_COMPACTOR_CLUSTER);
	/* Stopped here, half way. */
	machine_check(&c.machine);
	finish(&c);
}

/* The survey passes over each, and so does the cursor; one more look shows that this was all. */
Test(cursors, count_a_block_that_is_free_as_a_page)
{
	enum { BLOCKS = 12 };
	for (uint32_t n_scan = 1; n_scan <= BLOCKS; n_scan++) {
		if (BLOCKS % n_scan)
			continue;
		struct machine machine;
		struct machine_config config = {.n_frames = BLOCKS * 512};
		machine_open(&machine, &config);
		struct balloon_compactor *compactor = machine_compactor(&machine);
		for (uint32_t i = 0; i < 2 * BLOCKS / n_scan + 1; i++)
			CHECK_EQ(balloon_compactor_step(compactor, n_scan), 0);
		CHECK_EQ(balloon_compactor_step(compactor, n_scan), -ENOENT);
		CHECK_EQ(machine_stats(compactor).n_scanned, 0);
		CHECK_EQ(balloon_compactor_destroy(compactor), 0);
		machine_close(&machine);
	}
}

Test(cursors, stop_at_the_deadline)
{
	struct cursors c;
	open(&c);
	CHECK_EQ(balloon_compactor_run(c.compactor, 0), -ETIMEDOUT);
	CHECK_EQ(machine_stats(c.compactor).n_passes, 0);
	CHECK_EQ(machine_stats(c.compactor).n_isolated, BALLOON_COMPACTOR_CLUSTER);
	finish(&c);
}

/* Which pages of a stretch are ballooned, as a number that tells one picture from another. */
static uint64_t picture(struct machine *machine, uint32_t first, uint32_t end)
{
	uint64_t hash = 14695981039346656037u;
	for (uint32_t i = first; i < end; i++)
		hash = (hash ^ machine_is_ballooned(machine, i)) * 1099511628211u;
	return hash;
}

Test(cursors, leave_what_is_outside_of_their_part)
{
	enum { FIRST = 300, END = 1500 };
	struct cursors c;
	open(&c);
	uint64_t below = picture(&c.machine, 0, FIRST);
	uint64_t above = picture(&c.machine, END, FRAMES);
	struct balloon_compactor_config config = machine_compactor_config(&c.machine);
	CHECK_EQ(balloon_compactor_destroy(c.compactor), 0);
	config.first = FIRST;
	config.end = END;
	CHECK_EQ(balloon_compactor_create(&config, &c.compactor), 0);
	CHECK_EQ(balloon_compactor_run(c.compactor, BALLOON_NEVER), 0);
	CHECK(machine_stats(c.compactor).n_migrated > (END - FIRST) / 8);
	CHECK_EQ(picture(&c.machine, 0, FIRST), below);
	CHECK_EQ(picture(&c.machine, END, FRAMES), above);
	finish(&c);
}

/* The page that one leak takes. */
static uint32_t leak_one(struct machine *machine)
{
	static bool was_ballooned[FRAMES];
	uint32_t i = 0;
	for (uint32_t j = 0; j < FRAMES; j++)
		was_ballooned[j] = machine_is_ballooned(machine, j);
	CHECK_EQ(balloon_driver_leak(machine->driver, 1), 1);
	while (i < FRAMES && was_ballooned[i] == machine_is_ballooned(machine, i))
		i++;
	return i;
}

/* So that what leaks next is close to what is free. */
Test(cursors, leave_the_highest_of_the_moved_pages_to_leak_first)
{
	struct cursors c;
	open(&c);
	CHECK_EQ(balloon_compactor_step(c.compactor, 0), BALLOON_COMPACTOR_CLUSTER);
	uint32_t last = leak_one(&c.machine);
	for (int i = 1; i < BALLOON_COMPACTOR_CLUSTER; i++) {
		uint32_t page = leak_one(&c.machine);
		CHECK(page < last);
		last = page;
	}
	finish(&c);
}
