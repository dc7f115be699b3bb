/* SPDX-License-Identifier: MIT */
/* Claims about what programs build on a driver: loops of events, threads that serve, hooks. */

#include "claims.h"
#include "driver/driver.h"

#include <string.h>

/* ---- Serving --------------------------------------------------------------------------------- */

struct serving {
	struct rig rig;
	int result;
	uint64_t returned_ns;
	bool is_over;
	uint64_t awaited;
};

static void serve(void *context)
{
	struct serving *s = context;
	s->result = balloon_driver_serve(s->rig.driver, NULL, NULL);
	s->returned_ns = engine_now_ns();
	s->is_over = true;
}

static bool is_reached(void *context)
{
	const struct serving *s = context;
	const struct life_counts *counts = &s->rig.driver->state.counts;
	return counts->places[PLACE_ENQUEUED] == s->awaited && counts->n_busy == 0;
}

static void follow(struct serving *s, uint64_t target)
{
	s->awaited = target;
	balloon_driver_set_target(s->rig.driver, target);
	engine_wait_until(is_reached, s);
	CHECK(!s->is_over);
}

DRIVER_CLAIM(programs, a_thread_that_serves_follows_the_target_until_it_is_stopped)
{
	struct serving s = {.result = 1};
	open_rig(&s.rig, strategy, design, NULL);
	engine_spawn("server", serve, &s);
	follow(&s, 50);
	follow(&s, 0);
	follow(&s, RIG_PAGES);
	/* Quiesced, it waits. */
	CHECK_EQ(balloon_driver_quiesce(s.rig.driver, BALLOON_NEVER), 0);
	balloon_driver_set_target(s.rig.driver, 10);
	sleep_ms(1000);
	CHECK_EQ(rig_progress(&s.rig).n_enqueued, RIG_PAGES);
	CHECK(!s.is_over);
	uint64_t begin_ns = engine_now_ns();
	CHECK_EQ(balloon_driver_resume(s.rig.driver), 0);
	follow(&s, 10);
	CHECK_EQ(engine_now_ns(), begin_ns);
	CHECK_EQ(balloon_driver_stop(s.rig.driver, BALLOON_NEVER), 0);
	engine_join_all();
	CHECK_EQ(s.result, -ECANCELED);
	CHECK_EQ(s.returned_ns, begin_ns);
	close_rig(&s.rig);
}

DRIVER_CLAIM(programs, a_thread_that_serves_ends_with_its_host)
{
	struct serving s = {.result = 1};
	open_rig(&s.rig, strategy, design, NULL);
	engine_spawn("server", serve, &s);
	follow(&s, 50);
	sleep_ms(100);
	uint64_t begin_ns = engine_now_ns();
	balloon_channel_fail(&s.rig.host.channel, -EPIPE);
	engine_join_all();
	CHECK_EQ(s.result, -ENODEV);
	CHECK_EQ(s.returned_ns, begin_ns);
	CHECK_EQ(rig_progress(&s.rig).host_error, -EPIPE);
	close_rig(&s.rig);
}

/* ---- A loop of events ------------------------------------------------------------------------ */

static void loop_to(struct rig *rig, uint64_t target)
{
	struct balloon_driver_next next;
	balloon_driver_set_target(rig->driver, target);
	for (uint32_t i = 0;; i++) {
		uint64_t begin_ns = engine_now_ns();
		int result = balloon_driver_poll(rig->driver, &next);
		CHECK_EQ(engine_now_ns(), begin_ns); /* it waits for nothing */
		if (result == 0)
			break;
		CHECK_EQ(result, 1);
		CHECK(i < 1000);
		CHECK_EQ(next.descriptor, -1);
		CHECK(next.at_ns <= in_ms(100)); /* there is nothing else to wait for */
		engine_sleep_until(next.at_ns);
	}
	CHECK_EQ(rig_progress(rig).n_enqueued, target);
	CHECK_EQ(balloon_driver_poll(rig->driver, &next), 0);
	CHECK_EQ(balloon_driver_poll(rig->driver, NULL), 0);
}

DRIVER_CLAIM(programs, a_loop_of_events_reaches_its_target)
{
	struct rig rig;
	open_rig(&rig, strategy, design, NULL);
	loop_to(&rig, 100);
	answer_after(&rig, 100000);
	loop_to(&rig, 200);
	loop_to(&rig, 3);
	source_fail_at(&rig.source, 2);
	loop_to(&rig, RIG_PAGES);
	CHECK(rig.host.most_kept > 1); /* as many requests as the host may have */
	close_rig(&rig);
}

static bool is_readable(void *context)
{
	const struct rig *rig = context;
	return rig->host.n_ready > 0;
}

/* Where there is a descriptor, the loop sleeps on that, and loses no time. */
DRIVER_CLAIM(programs, a_loop_of_events_sleeps_on_a_descriptor)
{
	struct rig rig;
	struct balloon_driver_next next;
	open_rig(&rig, strategy, design, be_polled);
	answer_after(&rig, 100000);
	balloon_driver_set_target(rig.driver, RIG_PAGES);
	uint64_t begin_ns = engine_now_ns();
	while (balloon_driver_poll(rig.driver, &next) == 1) {
		CHECK_EQ(next.descriptor, HOST_DESCRIPTOR);
		engine_wait_for(is_readable, &rig, next.at_ns);
	}
	CHECK_EQ(rig_progress(&rig).n_enqueued, RIG_PAGES);
	/* Six requests at a time, of sixteen. */
	CHECK_EQ(engine_now_ns() - begin_ns, 3 * 100000);
	close_rig(&rig);
}

DRIVER_CLAIM(programs, a_loop_of_events_is_told_why_it_ends)
{
	struct rig rig;
	struct balloon_driver_next next;
	open_rig(&rig, strategy, design, NULL);
	CHECK_EQ(balloon_driver_poll(NULL, &next), -EINVAL);
	CHECK_EQ(balloon_driver_quiesce(rig.driver, 0), 0);
	CHECK_EQ(balloon_driver_poll(rig.driver, &next), -EBUSY);
	CHECK_EQ(balloon_driver_resume(rig.driver), 0);
	balloon_driver_set_target(rig.driver, 9);
	balloon_channel_fail(&rig.host.channel, -EPIPE);
	CHECK_EQ(balloon_driver_poll(rig.driver, &next), -ENODEV);
	CHECK_EQ(balloon_driver_stop(rig.driver, 0), 0);
	CHECK_EQ(balloon_driver_poll(rig.driver, &next), -ECANCELED);
	close_rig(&rig);
}

/* ---- Tuning ---------------------------------------------------------------------------------- */

DRIVER_CLAIM(programs, numbers_change_while_it_runs)
{
	struct rig rig;
	open_rig(&rig, strategy, design, NULL);
	CHECK_EQ(balloon_driver_tune(NULL, &(struct balloon_driver_tuning){0}), -EINVAL);
	CHECK_EQ(balloon_driver_tune(rig.driver, NULL), -EINVAL);
	CHECK_EQ(balloon_driver_tune(rig.driver,
			 &(struct balloon_driver_tuning){.request_pages = RIG_REQUEST + 1}),
		-EINVAL);
	CHECK_EQ(balloon_driver_tune(rig.driver,
			 &(struct balloon_driver_tuning){.host_timeout_ns = UINT64_MAX}),
		-EINVAL);
	CHECK_EQ(balloon_driver_fill(rig.driver, 100), RIG_REQUEST);
	struct balloon_driver_tuning tuning = {.request_pages = 5,
		.host_timeout_ns = 70 * RIG_MS,
		.allocation_backoff_ns = 40 * RIG_MS,
		.relief_holdoff_ns = 50 * RIG_MS,
		.floor_pages = 200};
	CHECK_EQ(balloon_driver_tune(rig.driver, &tuning), 0);
	CHECK_EQ(balloon_driver_fill(rig.driver, 100), 5);
	CHECK_EQ(balloon_driver_leak(rig.driver, 100), 5);
	CHECK_EQ(balloon_driver_relieve(rig.driver, 1, NULL), 1);
	uint64_t begin_ns = engine_now_ns();
	reach(&rig, 40);
	CHECK_EQ(engine_now_ns() - begin_ns, 50 * RIG_MS);
	balloon_driver_set_target(rig.driver, 100);
	CHECK_EQ(balloon_driver_run(rig.driver, in_ms(500), NULL, NULL), -ETIMEDOUT);
	CHECK_EQ(source_n_free(&rig.source), 200);
	host_always(&rig.host, HOST_KEEPS);
	begin_ns = engine_now_ns();
	CHECK_EQ(balloon_driver_leak(rig.driver, 1), -ETIMEDOUT);
	CHECK_EQ(engine_now_ns() - begin_ns, 70 * RIG_MS);
	CHECK_EQ(balloon_driver_tune(rig.driver, &(struct balloon_driver_tuning){0}), 0);
	close_rig(&rig);
}

/* ---- Hooks ----------------------------------------------------------------------------------- */

struct watch {
	struct rig rig;
	uint64_t n_pages; /* with the highest sequence */
	uint64_t sequence;
	uint64_t n_calls;
	unsigned char is_in[RIG_PAGES];
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
		CHECK_EQ(w->rig.strategy->inspect(w->rig.map, pages[i]).state, BALLOON_PAGE_OWNED);
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
	open_rig(&w->rig, strategy, design, with_hooks);
}

static void check_watch(struct watch *w)
{
	struct balloon_driver_progress progress = rig_progress(&w->rig);
	CHECK_EQ(w->n_pages, progress.n_acknowledged);
	CHECK_EQ(w->sequence, w->n_calls);
	CHECK_EQ(w->n_in, progress.n_enqueued);
}

DRIVER_CLAIM(programs, hooks_are_told_once_for_each_answer)
{
	struct watch w;
	open_watch(&w, strategy, design);
	CHECK_EQ(balloon_driver_fill(w.rig.driver, 10), 10);
	CHECK_EQ(w.n_calls, 1);
	check_watch(&w);
	CHECK_EQ(balloon_driver_leak(w.rig.driver, 3), 3);
	CHECK_EQ(w.n_calls, 2);
	check_watch(&w);
	host_at(&w.rig.host, 1, HOST_REFUSES);
	CHECK_EQ(balloon_driver_fill(w.rig.driver, 1), -EIO);
	CHECK_EQ(w.n_calls, 2);
	/* Both sides in one. */
	CHECK_EQ(rig_migrate(&w.rig, 4), 4);
	CHECK_EQ(w.n_calls, 3);
	check_watch(&w);
	/* What is refused comes back. */
	host_at(&w.rig.host, 1, HOST_REFUSES);
	CHECK_EQ(balloon_driver_leak(w.rig.driver, 1), -EIO);
	CHECK_EQ(w.n_calls, 3);
	check_watch(&w);
	host_at(&w.rig.host, 1, HOST_KEEPS);
	CHECK_EQ(balloon_driver_leak(w.rig.driver, 2), -ETIMEDOUT);
	CHECK_EQ(w.n_calls, 3);
	host_answer(&w.rig.host, UINT32_MAX);
	check_watch(&w);
	CHECK_EQ(w.n_calls, 4);
	close_rig(&w.rig);
	CHECK_EQ(w.n_in, 0);
	CHECK_EQ(w.n_pages, 0);
}

static void move_pages(void *shared, size_t thread)
{
	struct watch *w = shared;
	for (uint32_t i = 0; i < 12; i++) {
		uint32_t n = 1 + engine_choose(ENGINE_CHOOSE_WORLD, RIG_REQUEST);
		if (thread == 0)
			balloon_driver_fill(w->rig.driver, n);
		else if (thread == 1)
			balloon_driver_leak(w->rig.driver, n);
		else
			rig_migrate(&w->rig, n);
	}
}

DRIVER_CLAIM(programs, hooks_of_many_threads_tell_one_story)
{
	struct watch w;
	open_watch(&w, strategy, design);
	reach(&w.rig, 30);
	place_run_together(4, move_pages, &w);
	check_watch(&w);
	close_rig(&w.rig);
	CHECK_EQ(w.n_in, 0);
}

/* ---- What is configured away ----------------------------------------------------------------- */

static void without_relief(struct balloon_driver_config *config)
{
	config->no_relief = true;
}

DRIVER_CLAIM(programs, relief_may_be_somebody_elses)
{
	struct rig rig;
	uint64_t bytes = 1;
	open_rig(&rig, strategy, design, without_relief);
	reach(&rig, 20);
	CHECK_EQ(balloon_driver_relieve(rig.driver, 5, &bytes), -EOPNOTSUPP);
	CHECK_EQ(bytes, 0);
	CHECK_EQ(rig_progress(&rig).n_enqueued, 20);
	close_rig(&rig);
}
