/* SPDX-License-Identifier: MIT */
/* Claims about size: fill, leak, step, run, floor, counts. */

#include "claims.h"

DRIVER_CLAIM(driver, fill_and_leak_move_one_request_of_pages)
{
	struct fixture fixture;
	open_fixture(&fixture, strategy, design, NULL);
	CHECK_EQ(balloon_driver_leak(fixture.driver, 5), 0);
	CHECK_EQ(balloon_driver_fill(fixture.driver, 5), 5);
	CHECK_EQ(balloon_driver_fill(fixture.driver, 1000), FIXTURE_REQUEST);
	struct balloon_driver_progress progress = fixture_progress(&fixture);
	CHECK_EQ(progress.n_enqueued, 5 + FIXTURE_REQUEST);
	CHECK_EQ(progress.n_acknowledged, 5 + FIXTURE_REQUEST);
	CHECK_EQ(progress.n_inflated, 5 + FIXTURE_REQUEST);
	CHECK_EQ(host_n_held(&fixture.host), 5 + FIXTURE_REQUEST);
	check_fixture(&fixture);
	CHECK_EQ(balloon_driver_leak(fixture.driver, 2), 2);
	CHECK_EQ(balloon_driver_leak(fixture.driver, 1000), FIXTURE_REQUEST);
	CHECK_EQ(balloon_driver_leak(fixture.driver, 1000), 3);
	CHECK_EQ(balloon_driver_leak(fixture.driver, 1000), 0);
	CHECK_EQ(fixture_progress(&fixture).n_deflated, 5 + FIXTURE_REQUEST);
	CHECK_EQ(fixture.host.largest, FIXTURE_REQUEST);
	close_fixture(&fixture);
}

DRIVER_CLAIM(driver, a_run_reaches_its_target_and_a_step_moves_towards_it)
{
	struct fixture fixture;
	open_fixture(&fixture, strategy, design, NULL);
	CHECK_EQ(balloon_driver_step(fixture.driver), 0);
	CHECK_EQ(balloon_driver_set_target(fixture.driver, 20), 0);
	CHECK_EQ(balloon_driver_step(fixture.driver), FIXTURE_REQUEST);
	CHECK_EQ(fixture_progress(&fixture).state, BALLOON_DRIVER_PROGRESSING);
	CHECK_EQ(balloon_driver_step(fixture.driver), 20 - FIXTURE_REQUEST);
	CHECK_EQ(balloon_driver_step(fixture.driver), 0);
	CHECK_EQ(fixture_progress(&fixture).state, BALLOON_DRIVER_IDLE);
	const uint64_t targets[] = {100, 100, 1, 0, FIXTURE_PAGES, 37};
	for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
		reach(&fixture, targets[i]);
		CHECK_EQ(fixture_progress(&fixture).n_enqueued, targets[i]);
		CHECK_EQ(host_n_held(&fixture.host), targets[i]);
		check_fixture(&fixture);
	}
	close_fixture(&fixture);
}

static void keep_100(struct balloon_driver_config *config)
{
	config->floor_pages = 100;
}

DRIVER_CLAIM(driver, fills_leave_the_floor_to_the_system)
{
	struct fixture fixture;
	open_fixture(&fixture, strategy, design, keep_100);
	balloon_driver_set_target(fixture.driver, FIXTURE_PAGES);
	CHECK_EQ(balloon_driver_run(fixture.driver, in_ms(100), NULL, NULL), -ETIMEDOUT);
	struct balloon_driver_progress progress = fixture_progress(&fixture);
	CHECK_EQ(progress.n_enqueued, FIXTURE_PAGES - 100);
	CHECK_EQ(progress.last_error < 0, true);
	CHECK(progress.state == BALLOON_DRIVER_STALLED ||
		progress.state == BALLOON_DRIVER_HELD_OFF);
	CHECK(progress.n_allocation_failures > 0);
	CHECK_EQ(source_n_free(&fixture.source), 100);
	close_fixture(&fixture);
}

static void fill_to_the_floor(void *shared, size_t thread)
{
	struct fixture *fixture = shared;
	(void)thread;
	for (int i = 0; i < 6; i++)
		balloon_driver_fill(fixture->driver, FIXTURE_REQUEST);
}

/* Each looks how many frames are free, and takes some: none takes what another one has counted on. */
DRIVER_CLAIM(driver, eight_fills_at_once_leave_the_floor_to_the_system)
{
	struct fixture fixture;
	open_fixture(&fixture, strategy, design, keep_100);
	fixture.source.max_per_call = 1 + engine_choose(ENGINE_CHOOSE_VALUE, FIXTURE_REQUEST);
	run_together(8, fill_to_the_floor, &fixture);
	CHECK(fixture.source.least_free >= 100);
	balloon_driver_set_target(fixture.driver, FIXTURE_PAGES);
	CHECK_EQ(balloon_driver_run(fixture.driver, in_ms(100), NULL, NULL), -ETIMEDOUT);
	CHECK_EQ(fixture.source.least_free, 100);
	check_fixture(&fixture);
	close_fixture(&fixture);
}

/* A source that waits must not do so for a poll, nor while it keeps everybody else from the design's lock. */
DRIVER_CLAIM(driver, a_source_may_reclaim_where_the_call_waits_and_no_lock_is_held)
{
	struct fixture fixture;
	struct balloon_driver_next next = {0, 0};
	open_fixture(&fixture, strategy, design, NULL);
	bool is_locked = design->fill.lock != BALLOON_DRIVER_NO_LOCK &&
			 design->fill.from == BALLOON_LOCK_FROM_PAGES;
	unsigned may = is_locked ? 0 : BALLOON_ALLOCATION_MAY_RECLAIM;
	fixture.source.last_allocation = ~0u;
	CHECK(balloon_driver_fill(fixture.driver, 1) == 1);
	CHECK_EQ(fixture.source.last_allocation, may);
	balloon_driver_set_target(fixture.driver, 2);
	fixture.source.last_allocation = ~0u;
	CHECK(balloon_driver_step(fixture.driver) > 0);
	CHECK_EQ(fixture.source.last_allocation, may);
	balloon_driver_set_target(fixture.driver, 3);
	fixture.source.last_allocation = ~0u;
	CHECK_EQ(balloon_driver_run(fixture.driver, in_ms(100), NULL, NULL), 0);
	CHECK_EQ(fixture.source.last_allocation, may);
	balloon_driver_set_target(fixture.driver, 4);
	fixture.source.last_allocation = ~0u;
	CHECK(balloon_driver_poll(fixture.driver, &next) >= 0);
	CHECK_EQ(fixture.source.last_allocation, 0);
	CHECK_EQ(balloon_driver_run(fixture.driver, in_ms(100), NULL, NULL), 0);
	close_fixture(&fixture);
}

struct watch {
	unsigned n_calls;
	unsigned stop_at;
	uint64_t seen;
};

static bool watch(void *context, const struct balloon_driver_progress *progress)
{
	struct watch *w = context;
	w->seen = progress->n_enqueued;
	return ++w->n_calls != w->stop_at;
}

DRIVER_CLAIM(driver, a_run_says_how_far_it_is_and_can_be_ended)
{
	struct fixture fixture;
	struct watch w = {0, 0, 0};
	open_fixture(&fixture, strategy, design, NULL);
	balloon_driver_set_target(fixture.driver, 100);
	CHECK_EQ(balloon_driver_run(fixture.driver, BALLOON_NEVER, watch, &w), 0);
	CHECK_EQ(w.seen, 100);
	CHECK(w.n_calls >= 100 / FIXTURE_REQUEST);
	balloon_driver_set_target(fixture.driver, 0);
	w = (struct watch){0, 2, 0};
	CHECK_EQ(balloon_driver_run(fixture.driver, BALLOON_NEVER, watch, &w), -ECANCELED);
	CHECK_EQ(w.n_calls, 2);
	CHECK_EQ(fixture_progress(&fixture).n_enqueued, 100 - 2 * FIXTURE_REQUEST);
	CHECK_EQ(balloon_driver_run(fixture.driver, 0, NULL, NULL), -ETIMEDOUT);
	close_fixture(&fixture);
}

static void one_request(struct balloon_driver_config *config)
{
	config->request_pages = 100;
}

/* What is adjacent goes to the host as one range, whatever the order in which it was allocated. */
DRIVER_CLAIM(driver, adjacent_pages_are_one_range)
{
	struct fixture fixture;
	open_fixture(&fixture, strategy, design, one_request);
	CHECK_EQ(balloon_driver_fill(fixture.driver, 96), 96);
	CHECK_EQ(fixture.host.n_ranges, 1);
	close_fixture(&fixture);
}

DRIVER_CLAIM(driver, sources_may_give_few_frames_at_a_time)
{
	struct fixture fixture;
	open_fixture(&fixture, strategy, design, NULL);
	fixture.source.max_per_call = 3;
	CHECK_EQ(balloon_driver_fill(fixture.driver, FIXTURE_REQUEST), FIXTURE_REQUEST);
	source_fail_at(&fixture.source, 3);
	CHECK_EQ(balloon_driver_fill(fixture.driver, FIXTURE_REQUEST), 6);
	CHECK_EQ(fixture_progress(&fixture).n_pending, 0);
	close_fixture(&fixture);
}

static void back_off(struct balloon_driver_config *config)
{
	config->allocation_backoff_ns = 150 * MS;
}

DRIVER_CLAIM(driver, after_a_failed_allocation_nothing_is_allocated_for_a_while)
{
	struct fixture fixture;
	open_fixture(&fixture, strategy, design, back_off);
	source_fail_at(&fixture.source, 1);
	uint64_t begin_ns = engine_now_ns();
	CHECK_EQ(balloon_driver_fill(fixture.driver, 1), -ENOMEM);
	CHECK_EQ(balloon_driver_fill(fixture.driver, 1), -EAGAIN);
	CHECK_EQ(fixture.source.n_calls, 1);
	balloon_driver_set_target(fixture.driver, 1);
	CHECK_EQ(fixture_progress(&fixture).state, BALLOON_DRIVER_HELD_OFF);
	reach(&fixture, 1);
	CHECK_EQ(engine_now_ns() - begin_ns, 150 * MS);
	CHECK_EQ(fixture.source.n_calls, 2);
	close_fixture(&fixture);
}

enum { N_ROUNDS = 4 };

/* Two threads that leak the last pages: neither takes an empty list for lost pages (H-21). */
struct emptying {
	struct fixture fixture;
	int64_t n[2];
};

static void leak_all(void *shared, size_t thread)
{
	struct emptying *e = shared;
	int n;
	while ((n = balloon_driver_leak(e->fixture.driver, 1 + (uint32_t)thread)) > 0)
		e->n[thread] += n;
	CHECK_EQ(n, 0);
}

DRIVER_CLAIM(driver, concurrent_leaks_of_the_last_pages_end_in_an_empty_balloon)
{
	struct emptying e = {.n = {0, 0}};
	open_fixture(&e.fixture, strategy, design, NULL);
	for (uint32_t round = 0; round < N_ROUNDS; round++) {
		reach(&e.fixture, 30);
		balloon_driver_set_target(e.fixture.driver, 0);
		run_together(2, leak_all, &e);
	}
	CHECK_EQ(e.n[0] + e.n[1], 30 * N_ROUNDS);
	close_fixture(&e.fixture);
}

static void run_to_target(void *shared, size_t thread)
{
	struct emptying *e = shared;
	(void)thread;
	CHECK_EQ(balloon_driver_run(e->fixture.driver, in_ms(60000), NULL, NULL), 0);
}

/* Each gap is filled by one of them: what is on its way counts (H-28). */
DRIVER_CLAIM(driver, concurrent_runs_do_not_overshoot)
{
	struct emptying e = {.n = {0, 0}};
	open_fixture(&e.fixture, strategy, design, NULL);
	for (uint32_t round = 0; round < N_ROUNDS; round++) {
		const uint64_t target = round % 2 ? 7 : 103;
		const struct balloon_driver_progress before = fixture_progress(&e.fixture);
		const uint64_t n_missing =
			target > before.n_enqueued ? target - before.n_enqueued : 0;
		balloon_driver_set_target(e.fixture.driver, target);
		run_together(3, run_to_target, &e);
		CHECK_EQ(fixture_progress(&e.fixture).n_enqueued, target);
		CHECK_EQ(fixture_progress(&e.fixture).n_inflated - before.n_inflated, n_missing);
	}
	close_fixture(&e.fixture);
}

/* ---- A leak beside a fill -------------------------------------------------------------------- */

static void short_timeout(struct balloon_driver_config *config)
{
	config->host_timeout_ns = 20 * MS;
}

static void fill_or_leak(void *shared, size_t thread)
{
	struct emptying *e = shared;
	if (thread == 0) {
		e->n[0] = balloon_driver_fill(e->fixture.driver, 5);
		return;
	}
	host_await_kept(&e->fixture.host, 1);
	e->n[1] = balloon_driver_leak(e->fixture.driver, 9);
}

/*
 * The host has not answered a fill: what it was told of is not in the balloon, and no leak asks for it
 * (H-18). What was there before may leak, as soon as the design lets it.
 */
DRIVER_CLAIM(driver, a_leak_gets_nothing_that_was_not_acknowledged)
{
	for (int n_before = 0; n_before <= 3; n_before += 3) {
		struct emptying e = {.n = {0, 0}};
		open_fixture(&e.fixture, strategy, design, short_timeout);
		reach(&e.fixture, (uint64_t)n_before);
		host_at(&e.fixture.host, 1, HOST_KEEPS);
		run_together(2, fill_or_leak, &e);
		CHECK_EQ(e.n[0], -ETIMEDOUT);
		CHECK(e.n[1] == n_before || e.n[1] == -EAGAIN);
		check_fixture(&e.fixture);
		close_fixture(&e.fixture);
	}
}
