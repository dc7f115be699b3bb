/* SPDX-License-Identifier: MIT */
/* Claims about size: fill, leak, step, run, floor, counts. */

#include "claims.h"

DRIVER_CLAIM(driver, fill_and_leak_move_one_request_of_pages)
{
	struct rig rig;
	open_rig(&rig, strategy, design, NULL);
	CHECK_EQ(balloon_driver_leak(rig.driver, 5), 0);
	CHECK_EQ(balloon_driver_fill(rig.driver, 5), 5);
	CHECK_EQ(balloon_driver_fill(rig.driver, 1000), RIG_REQUEST);
	struct balloon_driver_progress progress = rig_progress(&rig);
	CHECK_EQ(progress.n_enqueued, 5 + RIG_REQUEST);
	CHECK_EQ(progress.n_acknowledged, 5 + RIG_REQUEST);
	CHECK_EQ(progress.n_inflated, 5 + RIG_REQUEST);
	CHECK_EQ(host_n_held(&rig.host), 5 + RIG_REQUEST);
	check_rig(&rig);
	CHECK_EQ(balloon_driver_leak(rig.driver, 2), 2);
	CHECK_EQ(balloon_driver_leak(rig.driver, 1000), RIG_REQUEST);
	CHECK_EQ(balloon_driver_leak(rig.driver, 1000), 3);
	CHECK_EQ(balloon_driver_leak(rig.driver, 1000), 0);
	CHECK_EQ(rig_progress(&rig).n_deflated, 5 + RIG_REQUEST);
	CHECK_EQ(rig.host.largest, RIG_REQUEST);
	close_rig(&rig);
}

DRIVER_CLAIM(driver, a_run_reaches_its_target_and_a_step_moves_towards_it)
{
	struct rig rig;
	open_rig(&rig, strategy, design, NULL);
	CHECK_EQ(balloon_driver_step(rig.driver), 0);
	CHECK_EQ(balloon_driver_set_target(rig.driver, 20), 0);
	CHECK_EQ(balloon_driver_step(rig.driver), RIG_REQUEST);
	CHECK_EQ(rig_progress(&rig).state, BALLOON_DRIVER_PROGRESSING);
	CHECK_EQ(balloon_driver_step(rig.driver), 20 - RIG_REQUEST);
	CHECK_EQ(balloon_driver_step(rig.driver), 0);
	CHECK_EQ(rig_progress(&rig).state, BALLOON_DRIVER_IDLE);
	const uint64_t targets[] = {100, 100, 1, 0, RIG_PAGES, 37};
	for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
		reach(&rig, targets[i]);
		CHECK_EQ(rig_progress(&rig).n_enqueued, targets[i]);
		CHECK_EQ(host_n_held(&rig.host), targets[i]);
		check_rig(&rig);
	}
	close_rig(&rig);
}

static void keep_100(struct balloon_driver_config *config)
{
	config->floor_pages = 100;
}

DRIVER_CLAIM(driver, fills_leave_the_floor_to_the_system)
{
	struct rig rig;
	open_rig(&rig, strategy, design, keep_100);
	balloon_driver_set_target(rig.driver, RIG_PAGES);
	CHECK_EQ(balloon_driver_run(rig.driver, in_ms(100), NULL, NULL), -ETIMEDOUT);
	struct balloon_driver_progress progress = rig_progress(&rig);
	CHECK_EQ(progress.n_enqueued, RIG_PAGES - 100);
	CHECK_EQ(progress.last_error < 0, true);
	CHECK(progress.state == BALLOON_DRIVER_STALLED ||
		progress.state == BALLOON_DRIVER_HELD_OFF);
	CHECK(progress.n_allocation_failures > 0);
	CHECK_EQ(source_n_free(&rig.source), 100);
	close_rig(&rig);
}

static void fill_to_the_floor(void *shared, size_t thread)
{
	struct rig *rig = shared;
	(void)thread;
	for (int i = 0; i < 6; i++)
		balloon_driver_fill(rig->driver, RIG_REQUEST);
}

/* Each looks how many frames are free, and takes some: none takes what another one has counted on. */
DRIVER_CLAIM(driver, eight_fills_at_once_leave_the_floor_to_the_system)
{
	struct rig rig;
	open_rig(&rig, strategy, design, keep_100);
	rig.source.max_per_call = 1 + engine_choose(ENGINE_CHOOSE_WORLD, RIG_REQUEST);
	place_run_together(8, fill_to_the_floor, &rig);
	CHECK(rig.source.least_free >= 100);
	balloon_driver_set_target(rig.driver, RIG_PAGES);
	CHECK_EQ(balloon_driver_run(rig.driver, in_ms(100), NULL, NULL), -ETIMEDOUT);
	CHECK_EQ(rig.source.least_free, 100);
	check_rig(&rig);
	close_rig(&rig);
}

/* A source that waits must not do so for a poll, nor while it keeps everybody else from the design's lock. */
DRIVER_CLAIM(driver, a_source_may_reclaim_where_the_call_waits_and_no_lock_is_held)
{
	struct rig rig;
	struct balloon_driver_next next = {0, 0};
	open_rig(&rig, strategy, design, NULL);
	bool is_locked = design->fill.lock != BALLOON_DRIVER_NO_LOCK &&
			 design->fill.from == BALLOON_LOCK_FROM_PAGES;
	unsigned may = is_locked ? 0 : BALLOON_ALLOCATION_MAY_RECLAIM;
	rig.source.last_allocation = ~0u;
	CHECK(balloon_driver_fill(rig.driver, 1) == 1);
	CHECK_EQ(rig.source.last_allocation, may);
	balloon_driver_set_target(rig.driver, 2);
	rig.source.last_allocation = ~0u;
	CHECK(balloon_driver_step(rig.driver) > 0);
	CHECK_EQ(rig.source.last_allocation, may);
	balloon_driver_set_target(rig.driver, 3);
	rig.source.last_allocation = ~0u;
	CHECK_EQ(balloon_driver_run(rig.driver, in_ms(100), NULL, NULL), 0);
	CHECK_EQ(rig.source.last_allocation, may);
	balloon_driver_set_target(rig.driver, 4);
	rig.source.last_allocation = ~0u;
	CHECK(balloon_driver_poll(rig.driver, &next) >= 0);
	CHECK_EQ(rig.source.last_allocation, 0);
	CHECK_EQ(balloon_driver_run(rig.driver, in_ms(100), NULL, NULL), 0);
	close_rig(&rig);
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
	struct rig rig;
	struct watch w = {0, 0, 0};
	open_rig(&rig, strategy, design, NULL);
	balloon_driver_set_target(rig.driver, 100);
	CHECK_EQ(balloon_driver_run(rig.driver, BALLOON_NEVER, watch, &w), 0);
	CHECK_EQ(w.seen, 100);
	CHECK(w.n_calls >= 100 / RIG_REQUEST);
	balloon_driver_set_target(rig.driver, 0);
	w = (struct watch){0, 2, 0};
	CHECK_EQ(balloon_driver_run(rig.driver, BALLOON_NEVER, watch, &w), -ECANCELED);
	CHECK_EQ(w.n_calls, 2);
	CHECK_EQ(rig_progress(&rig).n_enqueued, 100 - 2 * RIG_REQUEST);
	CHECK_EQ(balloon_driver_run(rig.driver, 0, NULL, NULL), -ETIMEDOUT);
	close_rig(&rig);
}

static void one_request(struct balloon_driver_config *config)
{
	config->request_pages = 100;
}

/* What is adjacent goes to the host as one range, whatever the order in which it was allocated. */
DRIVER_CLAIM(driver, adjacent_pages_are_one_range)
{
	struct rig rig;
	open_rig(&rig, strategy, design, one_request);
	CHECK_EQ(balloon_driver_fill(rig.driver, 96), 96);
	CHECK_EQ(rig.host.n_ranges, 1);
	close_rig(&rig);
}

DRIVER_CLAIM(driver, sources_may_give_few_frames_at_a_time)
{
	struct rig rig;
	open_rig(&rig, strategy, design, NULL);
	rig.source.max_per_call = 3;
	CHECK_EQ(balloon_driver_fill(rig.driver, RIG_REQUEST), RIG_REQUEST);
	source_fail_at(&rig.source, 3);
	CHECK_EQ(balloon_driver_fill(rig.driver, RIG_REQUEST), 6);
	CHECK_EQ(rig_progress(&rig).n_pending, 0);
	close_rig(&rig);
}

static void back_off(struct balloon_driver_config *config)
{
	config->allocation_backoff_ns = 150 * RIG_MS;
}

DRIVER_CLAIM(driver, after_a_failed_allocation_nothing_is_allocated_for_a_while)
{
	struct rig rig;
	open_rig(&rig, strategy, design, back_off);
	source_fail_at(&rig.source, 1);
	uint64_t begin_ns = engine_now_ns();
	CHECK_EQ(balloon_driver_fill(rig.driver, 1), -ENOMEM);
	CHECK_EQ(balloon_driver_fill(rig.driver, 1), -EAGAIN);
	CHECK_EQ(rig.source.n_calls, 1);
	balloon_driver_set_target(rig.driver, 1);
	CHECK_EQ(rig_progress(&rig).state, BALLOON_DRIVER_HELD_OFF);
	reach(&rig, 1);
	CHECK_EQ(engine_now_ns() - begin_ns, 150 * RIG_MS);
	CHECK_EQ(rig.source.n_calls, 2);
	close_rig(&rig);
}

enum { N_ROUNDS = 4 };

/* Two threads that leak the last pages: neither takes an empty list for lost pages (H-21). */
struct emptying {
	struct rig rig;
	int64_t n[2];
};

static void leak_all(void *shared, size_t thread)
{
	struct emptying *e = shared;
	int n;
	while ((n = balloon_driver_leak(e->rig.driver, 1 + (uint32_t)thread)) > 0)
		e->n[thread] += n;
	CHECK_EQ(n, 0);
}

DRIVER_CLAIM(driver, concurrent_leaks_of_the_last_pages_end_in_an_empty_balloon)
{
	struct emptying e = {.n = {0, 0}};
	open_rig(&e.rig, strategy, design, NULL);
	for (uint32_t round = 0; round < N_ROUNDS; round++) {
		reach(&e.rig, 30);
		balloon_driver_set_target(e.rig.driver, 0);
		place_run_together(2, leak_all, &e);
	}
	CHECK_EQ(e.n[0] + e.n[1], 30 * N_ROUNDS);
	close_rig(&e.rig);
}

static void run_to_target(void *shared, size_t thread)
{
	struct emptying *e = shared;
	(void)thread;
	CHECK_EQ(balloon_driver_run(e->rig.driver, in_ms(60000), NULL, NULL), 0);
}

/* Each gap is filled by one of them: what is on its way counts (H-28). */
DRIVER_CLAIM(driver, concurrent_runs_do_not_overshoot)
{
	struct emptying e = {.n = {0, 0}};
	open_rig(&e.rig, strategy, design, NULL);
	for (uint32_t round = 0; round < N_ROUNDS; round++) {
		const uint64_t target = round % 2 ? 7 : 103;
		const struct balloon_driver_progress before = rig_progress(&e.rig);
		const uint64_t n_missing =
			target > before.n_enqueued ? target - before.n_enqueued : 0;
		balloon_driver_set_target(e.rig.driver, target);
		place_run_together(3, run_to_target, &e);
		CHECK_EQ(rig_progress(&e.rig).n_enqueued, target);
		CHECK_EQ(rig_progress(&e.rig).n_inflated - before.n_inflated, n_missing);
	}
	close_rig(&e.rig);
}

/* ---- A leak beside a fill -------------------------------------------------------------------- */

static void short_timeout(struct balloon_driver_config *config)
{
	config->host_timeout_ns = 20 * RIG_MS;
}

static void fill_or_leak(void *shared, size_t thread)
{
	struct emptying *e = shared;
	if (thread == 0) {
		e->n[0] = balloon_driver_fill(e->rig.driver, 5);
		return;
	}
	wait_kept(&e->rig, 1);
	e->n[1] = balloon_driver_leak(e->rig.driver, 9);
}

/*
 * The host has not answered a fill: what it was told of is not in the balloon, and no leak asks for it
 * (H-18). What was there before may leak, as soon as the design lets it.
 */
DRIVER_CLAIM(driver, a_leak_gets_nothing_that_was_not_acknowledged)
{
	for (int n_before = 0; n_before <= 3; n_before += 3) {
		struct emptying e = {.n = {0, 0}};
		open_rig(&e.rig, strategy, design, short_timeout);
		reach(&e.rig, (uint64_t)n_before);
		host_at(&e.rig.host, 1, HOST_KEEPS);
		place_run_together(2, fill_or_leak, &e);
		CHECK_EQ(e.n[0], -ETIMEDOUT);
		CHECK(e.n[1] == n_before || e.n[1] == -EAGAIN);
		check_rig(&e.rig);
		close_rig(&e.rig);
	}
}
