/* SPDX-License-Identifier: MIT */
/* Claims about what programs build on a driver: loops of events, threads that serve, hooks. */

#include "claims.h"
#include "driver/driver.h"

#include <string.h>

/* ---- Serving --------------------------------------------------------------------------------- */

struct serving {
	struct fixture fixture;
	int result;
	uint64_t returned_ns;
	bool is_over;
	uint64_t awaited;
};

static void serve(void *context)
{
	struct serving *s = context;
	s->result = balloon_driver_serve(s->fixture.driver, NULL, NULL);
	s->returned_ns = engine_now_ns();
	s->is_over = true;
}

static bool is_reached(void *context)
{
	const struct serving *s = context;
	const struct life_counts *counts = &s->fixture.driver->state.counts;
	return counts->places[PLACE_ENQUEUED] == s->awaited && counts->n_busy == 0;
}

static void follow(struct serving *s, uint64_t target)
{
	s->awaited = target;
	balloon_driver_set_target(s->fixture.driver, target);
	engine_wait_until(is_reached, s);
	CHECK(!s->is_over);
}

DRIVER_CLAIM(programs, a_thread_that_serves_follows_the_target_until_it_is_stopped)
{
	struct serving s = {.result = 1};
	open_fixture(&s.fixture, strategy, design, NULL);
	engine_spawn("server", serve, &s);
	follow(&s, 50);
	follow(&s, 0);
	follow(&s, FIXTURE_PAGES);
	/* Quiesced, it waits. */
	CHECK_EQ(balloon_driver_quiesce(s.fixture.driver, BALLOON_NEVER), 0);
	balloon_driver_set_target(s.fixture.driver, 10);
	sleep_ms(1000);
	CHECK_EQ(fixture_progress(&s.fixture).n_enqueued, FIXTURE_PAGES);
	CHECK(!s.is_over);
	uint64_t begin_ns = engine_now_ns();
	CHECK_EQ(balloon_driver_resume(s.fixture.driver), 0);
	follow(&s, 10);
	CHECK_EQ(engine_now_ns(), begin_ns);
	CHECK_EQ(balloon_driver_stop(s.fixture.driver, BALLOON_NEVER), 0);
	engine_join_all();
	CHECK_EQ(s.result, -ECANCELED);
	CHECK_EQ(s.returned_ns, begin_ns);
	close_fixture(&s.fixture);
}

DRIVER_CLAIM(programs, a_thread_that_serves_ends_with_its_host)
{
	struct serving s = {.result = 1};
	open_fixture(&s.fixture, strategy, design, NULL);
	engine_spawn("server", serve, &s);
	follow(&s, 50);
	sleep_ms(100);
	uint64_t begin_ns = engine_now_ns();
	balloon_channel_fail(&s.fixture.host.channel, -EPIPE);
	engine_join_all();
	CHECK_EQ(s.result, -ENODEV);
	CHECK_EQ(s.returned_ns, begin_ns);
	CHECK_EQ(fixture_progress(&s.fixture).host_error, -EPIPE);
	close_fixture(&s.fixture);
}

/* ---- A loop of events ------------------------------------------------------------------------ */

static void loop_to(struct fixture *fixture, uint64_t target)
{
	struct balloon_driver_next next;
	balloon_driver_set_target(fixture->driver, target);
	for (uint32_t i = 0;; i++) {
		uint64_t begin_ns = engine_now_ns();
		int result = balloon_driver_poll(fixture->driver, &next);
		CHECK_EQ(engine_now_ns(), begin_ns); /* it waits for nothing */
		if (result == 0)
			break;
		CHECK_EQ(result, 1);
		CHECK(i < 1000);
		CHECK_EQ(next.descriptor, -1);
		CHECK(next.at_ns <= in_ms(100)); /* there is nothing else to wait for */
		engine_sleep_until(next.at_ns);
	}
	CHECK_EQ(fixture_progress(fixture).n_enqueued, target);
	CHECK_EQ(balloon_driver_poll(fixture->driver, &next), 0);
	CHECK_EQ(balloon_driver_poll(fixture->driver, NULL), 0);
}

DRIVER_CLAIM(programs, a_loop_of_events_reaches_its_target)
{
	struct fixture fixture;
	open_fixture(&fixture, strategy, design, NULL);
	loop_to(&fixture, 100);
	answer_after(&fixture, 100000);
	loop_to(&fixture, 200);
	loop_to(&fixture, 3);
	source_fail_at(&fixture.source, 2);
	loop_to(&fixture, FIXTURE_PAGES);
	CHECK(fixture.host.most_kept > 1); /* as many requests as the host may have */
	close_fixture(&fixture);
}

static bool is_readable(void *context)
{
	const struct fixture *fixture = context;
	return fixture->host.n_ready > 0;
}

/* Where there is a descriptor, the loop sleeps on that, and loses no time. */
DRIVER_CLAIM(programs, a_loop_of_events_sleeps_on_a_descriptor)
{
	struct fixture fixture;
	struct balloon_driver_next next;
	open_fixture(&fixture, strategy, design, be_polled);
	answer_after(&fixture, 100000);
	balloon_driver_set_target(fixture.driver, FIXTURE_PAGES);
	uint64_t begin_ns = engine_now_ns();
	while (balloon_driver_poll(fixture.driver, &next) == 1) {
		CHECK_EQ(next.descriptor, HOST_DESCRIPTOR);
		engine_wait_for(is_readable, &fixture, next.at_ns);
	}
	CHECK_EQ(fixture_progress(&fixture).n_enqueued, FIXTURE_PAGES);
	/* Six requests at a time, of sixteen. */
	CHECK_EQ(engine_now_ns() - begin_ns, 3 * 100000);
	close_fixture(&fixture);
}

DRIVER_CLAIM(programs, a_loop_of_events_is_told_why_it_ends)
{
	struct fixture fixture;
	struct balloon_driver_next next;
	open_fixture(&fixture, strategy, design, NULL);
	CHECK_EQ(balloon_driver_poll(NULL, &next), -EINVAL);
	CHECK_EQ(balloon_driver_quiesce(fixture.driver, 0), 0);
	CHECK_EQ(balloon_driver_poll(fixture.driver, &next), -EBUSY);
	CHECK_EQ(balloon_driver_resume(fixture.driver), 0);
	balloon_driver_set_target(fixture.driver, 9);
	balloon_channel_fail(&fixture.host.channel, -EPIPE);
	CHECK_EQ(balloon_driver_poll(fixture.driver, &next), -ENODEV);
	CHECK_EQ(balloon_driver_stop(fixture.driver, 0), 0);
	CHECK_EQ(balloon_driver_poll(fixture.driver, &next), -ECANCELED);
	close_fixture(&fixture);
}

/* ---- Tuning ---------------------------------------------------------------------------------- */

DRIVER_CLAIM(programs, numbers_change_while_it_runs)
{
	struct fixture fixture;
	open_fixture(&fixture, strategy, design, NULL);
	CHECK_EQ(balloon_driver_tune(NULL, &(struct balloon_driver_tuning){0}), -EINVAL);
	CHECK_EQ(balloon_driver_tune(fixture.driver, NULL), -EINVAL);
	CHECK_EQ(balloon_driver_tune(fixture.driver,
			 &(struct balloon_driver_tuning){.request_pages = FIXTURE_REQUEST + 1}),
		-EINVAL);
	CHECK_EQ(balloon_driver_tune(fixture.driver,
			 &(struct balloon_driver_tuning){.host_timeout_ns = UINT64_MAX}),
		-EINVAL);
	CHECK_EQ(balloon_driver_fill(fixture.driver, 100), FIXTURE_REQUEST);
	struct balloon_driver_tuning tuning = {.request_pages = 5,
		.host_timeout_ns = 70 * MS,
		.allocation_backoff_ns = 40 * MS,
		.relief_holdoff_ns = 50 * MS,
		.floor_pages = 200};
	CHECK_EQ(balloon_driver_tune(fixture.driver, &tuning), 0);
	CHECK_EQ(balloon_driver_fill(fixture.driver, 100), 5);
	CHECK_EQ(balloon_driver_leak(fixture.driver, 100), 5);
	CHECK_EQ(balloon_driver_relieve(fixture.driver, 1, NULL), 1);
	uint64_t begin_ns = engine_now_ns();
	reach(&fixture, 40);
	CHECK_EQ(engine_now_ns() - begin_ns, 50 * MS);
	balloon_driver_set_target(fixture.driver, 100);
	CHECK_EQ(balloon_driver_run(fixture.driver, in_ms(500), NULL, NULL), -ETIMEDOUT);
	CHECK_EQ(source_n_free(&fixture.source), 200);
	host_always(&fixture.host, HOST_KEEPS);
	begin_ns = engine_now_ns();
	CHECK_EQ(balloon_driver_leak(fixture.driver, 1), -ETIMEDOUT);
	CHECK_EQ(engine_now_ns() - begin_ns, 70 * MS);
	CHECK_EQ(balloon_driver_tune(fixture.driver, &(struct balloon_driver_tuning){0}), 0);
	close_fixture(&fixture);
}

/* ---- Hooks ----------------------------------------------------------------------------------- */

struct watch {
	struct fixture fixture;
	uint64_t n_pages; /* with the highest sequence */
	uint64_t sequence;
	uint64_t n_calls;
	unsigned char is_in[FIXTURE_PAGES];
	uint32_t n_in;
};

static struct watch *watch;

static void see_acknowledged(void *context, uint64_t n_pages, uint64_t sequence)
{
	struct watch *w = *(struct watch **)context;
	w->n_calls++;
	CHECK(sequence != w->sequence);
	if (sequence < w->sequence)
		return;
	w->sequence = sequence;
	w->n_pages = n_pages;
}

static void see_moved(void *context, const struct balloon_page *pages, size_t n_pages, bool is_in)
{
	struct watch *w = *(struct watch **)context;
	for (size_t i = 0; i < n_pages; i++) {
		uint32_t index = pages[i].index;
		/* Before it is inserted, after it has left. */
		CHECK_EQ(w->fixture.strategy->inspect(w->fixture.map, pages[i]).state,
			BALLOON_PAGE_OWNED);
		CHECK_EQ(w->is_in[index], !is_in);
		w->is_in[index] = is_in;
		w->n_in += is_in ? 1u : -1u;
	}
}

static void with_hooks(struct balloon_driver_config *config)
{
	config->acknowledged = see_acknowledged;
	config->acknowledged_context = &watch;
	config->moved = see_moved;
	config->moved_context = &watch;
}

static void open_watch(struct watch *w, const struct balloon_strategy *strategy,
	const struct balloon_driver_design *design)
{
	memset(w, 0, sizeof(*w));
	watch = w;
	open_fixture(&w->fixture, strategy, design, with_hooks);
}

static void check_watch(struct watch *w)
{
	struct balloon_driver_progress progress = fixture_progress(&w->fixture);
	CHECK_EQ(w->n_pages, progress.n_acknowledged);
	CHECK_EQ(w->sequence, w->n_calls);
	CHECK_EQ(w->n_in, progress.n_enqueued);
}

DRIVER_CLAIM(programs, hooks_are_told_once_for_each_answer)
{
	struct watch w;
	open_watch(&w, strategy, design);
	CHECK_EQ(balloon_driver_fill(w.fixture.driver, 10), 10);
	CHECK_EQ(w.n_calls, 1);
	check_watch(&w);
	CHECK_EQ(balloon_driver_leak(w.fixture.driver, 3), 3);
	CHECK_EQ(w.n_calls, 2);
	check_watch(&w);
	host_at(&w.fixture.host, 1, HOST_REFUSES);
	CHECK_EQ(balloon_driver_fill(w.fixture.driver, 1), -EIO);
	CHECK_EQ(w.n_calls, 2);
	/* Both sides in one. */
	CHECK_EQ(fixture_migrate(&w.fixture, 4), 4);
	CHECK_EQ(w.n_calls, 3);
	check_watch(&w);
	/* What is refused comes back. */
	host_at(&w.fixture.host, 1, HOST_REFUSES);
	CHECK_EQ(balloon_driver_leak(w.fixture.driver, 1), -EIO);
	CHECK_EQ(w.n_calls, 3);
	check_watch(&w);
	host_at(&w.fixture.host, 1, HOST_KEEPS);
	CHECK_EQ(balloon_driver_leak(w.fixture.driver, 2), -ETIMEDOUT);
	CHECK_EQ(w.n_calls, 3);
	host_answer(&w.fixture.host, UINT32_MAX);
	check_watch(&w);
	CHECK_EQ(w.n_calls, 4);
	close_fixture(&w.fixture);
	CHECK_EQ(w.n_in, 0);
	CHECK_EQ(w.n_pages, 0);
}

static void move_pages(void *shared, size_t thread)
{
	struct watch *w = shared;
	for (uint32_t i = 0; i < 12; i++) {
		uint32_t n = 1 + engine_choose(ENGINE_CHOOSE_VALUE, FIXTURE_REQUEST);
		if (thread == 0)
			balloon_driver_fill(w->fixture.driver, n);
		else if (thread == 1)
			balloon_driver_leak(w->fixture.driver, n);
		else
			fixture_migrate(&w->fixture, n);
	}
}

DRIVER_CLAIM(programs, hooks_of_many_threads_tell_one_story)
{
	struct watch w;
	open_watch(&w, strategy, design);
	reach(&w.fixture, 30);
	run_together(4, move_pages, &w);
	check_watch(&w);
	close_fixture(&w.fixture);
	CHECK_EQ(w.n_in, 0);
}

/* ---- What is configured away ----------------------------------------------------------------- */

static void without_relief(struct balloon_driver_config *config)
{
	config->no_relief = true;
}

DRIVER_CLAIM(programs, relief_may_be_somebody_elses)
{
	struct fixture fixture;
	uint64_t bytes = 1;
	open_fixture(&fixture, strategy, design, without_relief);
	reach(&fixture, 20);
	CHECK_EQ(balloon_driver_relieve(fixture.driver, 5, &bytes), -EOPNOTSUPP);
	CHECK_EQ(bytes, 0);
	CHECK_EQ(fixture_progress(&fixture).n_enqueued, 20);
	close_fixture(&fixture);
}
