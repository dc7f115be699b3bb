/* SPDX-License-Identifier: MIT */
/*
 * Out of memory, deterministically: an allocation that fails at a chosen moment of a fill, on the
 * fill's own thread or on another one, and what the design declared for it.
 */
#include "claims.h"
#include "driver/driver.h"

#include <string.h>

static void long_holdoff(struct balloon_driver_config *config)
{
	config->relief_holdoff_ns = 150 * MS;
}

struct shortage {
	struct fixture fixture;
	uint64_t at_call; /* the allocation that runs out */
	bool comes_from_other_thread;
	uint32_t n_wanted;
	uint64_t goes_on_for_ms; /* the allocation, once memory was relieved */
	int result;
	uint64_t bytes;
	uint64_t took_ns;
	int filled;
	struct balloon_page used[6]; /* of what was relieved, by whoever ran out */
	uint32_t n_used;
};

static void run_out(struct shortage *s)
{
	uint64_t begin_ns = engine_now_ns();
	s->result = balloon_driver_relieve(s->fixture.driver, s->n_wanted, &s->bytes);
	s->took_ns = engine_now_ns() - begin_ns;
}

static void run_out_on(void *shared, size_t thread)
{
	(void)thread;
	run_out(shared);
}

/* In the middle of a fill's allocation: its frames so far are pending. */
static bool on_allocate(void *context, uint64_t n_calls)
{
	struct shortage *s = context;
	if (n_calls != s->at_call)
		return true;
	s->at_call = 0;
	if (s->comes_from_other_thread)
		run_together(1, run_out_on, s); /* and this thread waits for it, as if for memory */
	else
		run_out(s);
	sleep_ms(s->goes_on_for_ms);
	return true;
}

static void open_shortage(struct shortage *s, const struct balloon_strategy *strategy,
	const struct balloon_driver_design *design, uint64_t n_before)
{
	*s = (struct shortage){.n_wanted = 6};
	open_fixture(&s->fixture, strategy, design, long_holdoff);
	if (n_before)
		reach(&s->fixture, n_before);
	s->fixture.source.max_per_call = 1;
	s->fixture.source.on_allocate = on_allocate;
	s->fixture.source.context = s;
}

static bool promises_progress(const struct balloon_driver_design *design)
{
	struct balloon_driver_design_info info;
	CHECK_EQ(balloon_driver_design_describe(design, &info), 0);
	return info.relief == BALLOON_RELIEF_PROGRESS;
}

/* The allocation of the eleventh frame runs out: ten are pending, 30 in the balloon. */
static void run_out_in_a_fill(struct shortage *s, const struct balloon_strategy *strategy,
	const struct balloon_driver_design *design, bool comes_from_other_thread)
{
	open_shortage(s, strategy, design, 30);
	s->comes_from_other_thread = comes_from_other_thread;
	s->at_call = s->fixture.source.n_calls + 11;
	s->filled = balloon_driver_fill(s->fixture.driver, FIXTURE_REQUEST);
	CHECK_EQ(s->at_call, 0);
	CHECK_EQ(s->took_ns, 0); /* nobody waits for the lock that the fill holds */
}

static void check_shortage(struct shortage *s, const struct balloon_driver_design *design)
{
	const bool has_progress = promises_progress(design);
	CHECK_EQ(s->result, has_progress ? 6 : -EBUSY);
	CHECK_EQ(s->bytes, has_progress ? 6 * 4096 : 0);
	/* After a relief the fill takes no more, and goes on with what it has left. */
	CHECK_EQ(s->filled, has_progress ? 11 - 6 : FIXTURE_REQUEST);
	struct balloon_driver_progress progress = fixture_progress(&s->fixture);
	CHECK_EQ(progress.n_relieved, has_progress ? 6 : 0);
	CHECK_EQ(progress.n_enqueued, 30 + (uint64_t)s->filled);
	close_fixture(&s->fixture);
}

/* What a fill has in hand is found (H-13), and nobody waits for the lock that it holds (H-12). */
DRIVER_CLAIM(relief, a_fill_that_runs_out_of_memory_is_relieved_as_declared)
{
	struct shortage s;
	run_out_in_a_fill(&s, strategy, design, false);
	check_shortage(&s, design);
}

DRIVER_CLAIM(relief, a_thread_that_runs_out_during_a_fill_is_relieved_as_declared)
{
	struct shortage s;
	run_out_in_a_fill(&s, strategy, design, true);
	check_shortage(&s, design);
}

/* Nothing is pending yet: the balloon has to give. */
DRIVER_CLAIM(relief, the_first_allocation_of_a_fill_may_run_out)
{
	struct shortage s;
	open_shortage(&s, strategy, design, 30);
	s.at_call = s.fixture.source.n_calls + 1;
	s.filled = balloon_driver_fill(s.fixture.driver, FIXTURE_REQUEST);
	CHECK_EQ(s.result, promises_progress(design) ? 6 : -EBUSY);
	CHECK_EQ(s.filled, promises_progress(design) ? 1 : FIXTURE_REQUEST);
	check_fixture(&s.fixture);
	close_fixture(&s.fixture);
}

/* All that a fill has may be taken: it fails, and takes nothing from anybody. */
DRIVER_CLAIM(relief, a_fill_may_lose_all_that_it_has)
{
	struct shortage s;
	open_shortage(&s, strategy, design, 0);
	s.n_wanted = FIXTURE_REQUEST;
	s.at_call = s.fixture.source.n_calls + FIXTURE_REQUEST;
	s.filled = balloon_driver_fill(s.fixture.driver, FIXTURE_REQUEST);
	CHECK_EQ(s.result, promises_progress(design) ? FIXTURE_REQUEST - 1 : -EBUSY);
	CHECK_EQ(s.filled, promises_progress(design) ? 1 : FIXTURE_REQUEST);
	check_fixture(&s.fixture);
	close_fixture(&s.fixture);
}

/*
 * The hold-off is over when the source answers. What relief took is claimed no more: a fill that allocated it
 * again would make the balloon larger than any run expects, and nobody would be told.
 */
DRIVER_CLAIM(relief, a_fill_does_not_allocate_again_what_relief_took)
{
	struct shortage s;
	open_shortage(&s, strategy, design, 30);
	s.goes_on_for_ms = 200;
	s.at_call = s.fixture.source.n_calls + 11;
	s.filled = balloon_driver_fill(s.fixture.driver, FIXTURE_REQUEST);
	CHECK_EQ(s.filled, promises_progress(design) ? FIXTURE_REQUEST - 6 : FIXTURE_REQUEST);
	check_fixture(&s.fixture);
	close_fixture(&s.fixture);
}

/* Whoever ran out uses what it was given, so that the source has other frames for the fill. */
static bool use_what_is_relieved(void *context, uint64_t n_calls)
{
	struct shortage *s = context;
	bool runs_out = n_calls == s->at_call;
	on_allocate(context, n_calls);
	if (runs_out)
		s->n_used = source_take(&s->fixture.source, s->used, s->n_wanted);
	return true;
}

/* The fill closes up where relief took frames, and goes on with several at once. */
DRIVER_CLAIM(relief, a_fill_goes_on_with_several_frames_where_relief_took_some)
{
	struct shortage s;
	open_shortage(&s, strategy, design, 30);
	s.fixture.source.max_per_call = 4;
	s.fixture.source.on_allocate = use_what_is_relieved;
	s.goes_on_for_ms = 200;
	s.at_call = s.fixture.source.n_calls + 3;
	s.filled = balloon_driver_fill(s.fixture.driver, FIXTURE_REQUEST);
	CHECK_EQ(s.filled, promises_progress(design) ? FIXTURE_REQUEST - 6 : FIXTURE_REQUEST);
	source_give(&s.fixture.source, s.used, s.n_used);
	check_fixture(&s.fixture);
	close_fixture(&s.fixture);
}

/* ---- A fill that waits for its host ---------------------------------------------------------- */

static void long_timeout(struct balloon_driver_config *config)
{
	config->host_timeout_ns = 10000 * MS;
	config->relief_holdoff_ns = 1;
}

static void short_timeout(struct balloon_driver_config *config)
{
	config->host_timeout_ns = 150 * MS;
}

struct waiting {
	struct fixture fixture;
	int results[2];
};

static void fill_or_relieve(void *shared, size_t thread)
{
	struct waiting *w = shared;
	if (thread == 0) {
		w->results[0] = balloon_driver_fill(w->fixture.driver, 3);
		return;
	}
	host_await_kept(&w->fixture.host, 1);
	w->results[1] = balloon_driver_relieve(w->fixture.driver, 4, NULL);
}

/*
 * The host keeps the fill's request and takes all others. `split` does not wait for a fill's host;
 * `alloc-outside` waits for the lock until the fill gives up; `coarse` is busy. In time, all of them.
 */
DRIVER_CLAIM(relief, a_fill_that_waits_for_the_host_does_not_hold_relief_for_ever)
{
	struct waiting w = {.results = {0, 0}};
	open_fixture(&w.fixture, strategy, design, short_timeout);
	reach(&w.fixture, 20);
	host_at(&w.fixture.host, 1, HOST_KEEPS);
	uint64_t begin_ns = engine_now_ns();
	run_together(2, fill_or_relieve, &w);
	CHECK_EQ(engine_now_ns() - begin_ns, 150 * MS); /* the fill's time */
	CHECK_EQ(w.results[0], -ETIMEDOUT);
	if (promises_progress(design))
		CHECK(w.results[1] == 4 || w.results[1] == -EAGAIN);
	else
		CHECK_EQ(w.results[1], -EBUSY);
	if (design->relief == BALLOON_RELIEF_PROGRESS && design->name[0] == 's')
		CHECK_EQ(w.results[1], 4);
	check_fixture(&w.fixture);
	close_fixture(&w.fixture);
}

static void relieve(void *context)
{
	struct waiting *w = context;
	w->results[1] = balloon_driver_relieve(w->fixture.driver, 4, NULL);
}

/* Memory is short as long as the host has not given any back: what a fill would take is not there. */
DRIVER_CLAIM(relief, no_frame_is_allocated_meanwhile)
{
	struct waiting w = {.results = {0, 0}};
	open_fixture(&w.fixture, strategy, design, long_timeout);
	reach(&w.fixture, 20);
	host_at(&w.fixture.host, 1, HOST_KEEPS);
	engine_spawn("relieve", relieve, &w);
	host_await_kept(&w.fixture.host, 1);
	uint64_t n_calls = w.fixture.source.n_calls;
	balloon_driver_set_target(w.fixture.driver, 100);
	CHECK_EQ(balloon_driver_fill(w.fixture.driver, 3), -EAGAIN);
	CHECK_EQ(balloon_driver_step(w.fixture.driver), -EAGAIN);
	CHECK_EQ(balloon_driver_poll(w.fixture.driver, NULL), 1);
	CHECK_EQ(balloon_driver_run(w.fixture.driver, in_ms(100), NULL, NULL), -ETIMEDOUT);
	CHECK_EQ(w.fixture.source.n_calls, n_calls);
	host_answer(&w.fixture.host, UINT32_MAX);
	engine_join_all();
	CHECK_EQ(w.results[1], 4);
	reach(&w.fixture, 100);
	close_fixture(&w.fixture);
}

static void many_requests(struct balloon_driver_config *config)
{
	long_timeout(config);
	config->n_requests = 32;
}

static void leak_one(void *context)
{
	struct waiting *w = context;
	CHECK_EQ(balloon_driver_leak(w->fixture.driver, 1), 1);
}

static void run_to_its_target(void *context)
{
	struct waiting *w = context;
	w->results[0] = balloon_driver_run(w->fixture.driver, BALLOON_NEVER, NULL, NULL);
}

/* A run waits for the lock to fill, and others let it come first: a relief does not. */
DRIVER_CLAIM(relief, a_run_that_wants_to_fill_is_in_no_reliefs_way)
{
	struct waiting w = {.results = {0, 0}};
	if (design->fill.lock != design->leak.lock || !promises_progress(design))
		return;
	open_fixture(&w.fixture, strategy, design, many_requests);
	reach(&w.fixture, 100);
	host_at(&w.fixture.host, 1, HOST_KEEPS);
	engine_spawn("leak", leak_one, &w);
	host_await_kept(&w.fixture.host, 1);
	balloon_driver_set_target(w.fixture.driver, 120);
	engine_spawn("run", run_to_its_target, &w);
	sleep_ms(1);
	for (uint32_t i = 0; i < 16; i++) /* as many as may join */
		CHECK_EQ(balloon_driver_leak(w.fixture.driver, 1), 1);
	sleep_ms(1); /* so does the run */
	uint64_t begin_ns = engine_now_ns();
	CHECK_EQ(balloon_driver_relieve(w.fixture.driver, 4, NULL), 4);
	CHECK_EQ(engine_now_ns(), begin_ns);
	host_answer(&w.fixture.host, UINT32_MAX);
	engine_join_all();
	CHECK_EQ(w.results[0], 0);
	close_fixture(&w.fixture);
}

/* ---- Joining --------------------------------------------------------------------------------- */

enum { JOINERS = 3 };

struct joining {
	struct fixture fixture;
	int results[1 + JOINERS];
	uint64_t bytes[1 + JOINERS];
};

static bool have_joined(void *shared)
{
	const struct joining *j = shared;
	uint32_t n = 0;
	for (const struct relief_note *note = j->fixture.driver->state.notes; note;
		note = note->next)
		n++;
	return n == JOINERS;
}

static bool has_leaked(void *shared)
{
	const struct joining *j = shared;
	return j->fixture.driver->state.counts.places[PLACE_ENQUEUED] == 60 - 8 - 2;
}

/* When everybody has joined, the host gives back 5 of 8 pages, and then those past the one it stopped at.
 * A leak meanwhile: the difference of a counter would be wrong now. */
static void answer_joined(struct joining *j)
{
	host_await_kept(&j->fixture.host, 1);
	CHECK_EQ(balloon_driver_leak(j->fixture.driver, 2), 2);
	engine_wait_until(have_joined, j);
	host_answer(&j->fixture.host, 5);
}

static void relieve_together(void *shared, size_t thread)
{
	struct joining *j = shared;
	if (thread == 1 + JOINERS) {
		answer_joined(j);
		return;
	}
	/* The others come when the leak is over: it might be the one that they join. */
	if (thread > 0)
		engine_wait_until(has_leaked, j);
	j->results[thread] = balloon_driver_relieve(j->fixture.driver, 8, &j->bytes[thread]);
}

/* Whoever joined a leak reports exactly what that one freed, whatever else goes on (H-20). */
DRIVER_CLAIM(relief, a_coalesced_relief_reports_what_it_joined)
{
	struct joining j = {.results = {0}};
	if (strcmp(design->name, "split-coalesce") != 0)
		return;
	open_fixture(&j.fixture, strategy, design, long_timeout);
	reach(&j.fixture, 60);
	host_at(&j.fixture.host, 1, HOST_KEEPS);
	run_together(2 + JOINERS, relieve_together, &j);
	for (int i = 0; i <= JOINERS; i++) {
		CHECK_EQ(j.results[i], 7);
		CHECK_EQ(j.bytes[i], 7 * 4096);
	}
	struct balloon_driver_progress progress = fixture_progress(&j.fixture);
	CHECK_EQ(progress.n_deflated, 7 + 2);
	CHECK_EQ(progress.n_relieved, 7);
	close_fixture(&j.fixture);
}

static void ten_ms(struct balloon_driver_config *config)
{
	config->host_timeout_ns = 10 * MS;
}

/* They join 1 ms after each other, and the host has answered when the last one has still half of one. */
static void join_in_turn(void *shared, size_t thread)
{
	struct joining *j = shared;
	uint64_t begin_ns = engine_now_ns();
	engine_sleep_ns(thread < JOINERS ? (1 + thread) * MS : 12 * MS + MS / 2);
	if (thread == JOINERS) {
		host_answer(&j->fixture.host, UINT32_MAX);
		return;
	}
	j->results[thread] = balloon_driver_relieve(j->fixture.driver, 8, &j->bytes[thread]);
	if (thread < JOINERS - 1)
		CHECK_EQ(engine_now_ns() - begin_ns, (11 + thread) * MS);
	else
		CHECK_EQ(engine_now_ns() - begin_ns, 12 * MS + MS / 2);
}

/* Each waits as long as the host may take, and who gives up is in no other one's way. */
DRIVER_CLAIM(relief, who_joined_a_leak_that_takes_too_long_gives_up_alone)
{
	struct joining j = {.results = {0}};
	if (!design->joins_leaks)
		return;
	open_fixture(&j.fixture, strategy, design, ten_ms);
	reach(&j.fixture, 60);
	host_always(&j.fixture.host, HOST_KEEPS);
	balloon_driver_set_target(j.fixture.driver, 60 - FIXTURE_REQUEST);
	CHECK_EQ(balloon_driver_poll(j.fixture.driver, NULL), 1);
	run_together(JOINERS + 1, join_in_turn, &j);
	for (int i = 0; i < JOINERS; i++) {
		bool is_last = i == JOINERS - 1;
		CHECK_EQ(j.results[i], is_last ? FIXTURE_REQUEST : -EBUSY);
		CHECK_EQ(j.bytes[i], is_last ? FIXTURE_REQUEST * 4096 : 0);
	}
	close_fixture(&j.fixture);
}

/* ---- Afterwards ------------------------------------------------------------------------------ */

/* The refill does not fight the relief (H-24). */
DRIVER_CLAIM(relief, nothing_is_inflated_for_a_while_afterwards)
{
	struct fixture fixture;
	open_fixture(&fixture, strategy, design, long_holdoff);
	reach(&fixture, 40);
	uint64_t begin_ns = engine_now_ns();
	CHECK_EQ(balloon_driver_relieve(fixture.driver, 10, NULL), 10);
	CHECK_EQ(balloon_driver_step(fixture.driver), -EAGAIN);
	CHECK_EQ(balloon_driver_fill(fixture.driver, 1), -EAGAIN);
	CHECK_EQ(fixture_progress(&fixture).state, BALLOON_DRIVER_HELD_OFF);
	CHECK_EQ(balloon_driver_leak(fixture.driver, 1), 1);
	reach(&fixture, 40);
	CHECK_EQ(engine_now_ns() - begin_ns, 150 * MS);
	close_fixture(&fixture);
}

/* Who has nothing to fill is not held off, though it is not at rest; and nobody is any more at the end. */
DRIVER_CLAIM(relief, a_hold_off_is_one_of_fills_and_ends)
{
	struct fixture fixture;
	open_fixture(&fixture, strategy, design, long_holdoff);
	reach(&fixture, 40);
	host_at(&fixture.host, 2, HOST_REFUSES);
	CHECK_EQ(fixture_migrate(&fixture, 1), 0);
	CHECK_EQ(fixture_progress(&fixture).n_quarantined, 1);
	CHECK_EQ(balloon_driver_relieve(fixture.driver, 10, NULL), 10);
	balloon_driver_set_target(fixture.driver, 30);
	CHECK_EQ(fixture_progress(&fixture).state, BALLOON_DRIVER_PROGRESSING);
	balloon_driver_set_target(fixture.driver, 31);
	sleep_ms(149);
	CHECK_EQ(fixture_progress(&fixture).state, BALLOON_DRIVER_HELD_OFF);
	sleep_ms(1);
	CHECK_EQ(fixture_progress(&fixture).state, BALLOON_DRIVER_PROGRESSING);
	close_fixture(&fixture);
}

DRIVER_CLAIM(relief, the_number_of_bytes_is_exact)
{
	struct fixture fixture;
	uint64_t bytes = 1;
	open_fixture(&fixture, strategy, design, long_holdoff);
	CHECK_EQ(balloon_driver_relieve(fixture.driver, 10, &bytes), 0);
	CHECK_EQ(bytes, 0);
	reach(&fixture, 0);
	/* Nothing was relieved: nothing is held off. */
	CHECK_EQ(balloon_driver_fill(fixture.driver, 12), 12);
	/* The host stops at one page: that one is set aside, and the others go. */
	host_at(&fixture.host, 1, HOST_HALVES);
	CHECK_EQ(balloon_driver_relieve(fixture.driver, 10, &bytes), 9);
	CHECK_EQ(bytes, 9 * 4096);
	host_always(&fixture.host, HOST_REFUSES);
	CHECK_EQ(balloon_driver_relieve(fixture.driver, 10, &bytes), -EIO);
	CHECK_EQ(bytes, 0);
	CHECK_EQ(balloon_driver_refusals(fixture.driver, NULL, 0), 3);
	CHECK_EQ(fixture_progress(&fixture).last_refusal, -EIO);
	close_fixture(&fixture);
}

/* ---- Given pages ----------------------------------------------------------------------------- */

/* How many pages of the range the balloon holds, or a request has. */
static uint32_t n_held_in(struct fixture *fixture, uint32_t first, uint32_t end)
{
	uint32_t n = 0;
	for (uint32_t i = first; i < end; i++)
		n += balloon_page_is_candidate(fixture->map, balloon_page(i));
	return n;
}

/* What lies in the range goes, a request's worth at a time, and nothing else does. */
DRIVER_CLAIM(relief, a_range_gives_its_own_pages)
{
	enum { FIRST = FIXTURE_PAGES / 2 };
	struct fixture fixture;
	uint32_t n_gone = 0;
	int n;
	open_fixture(&fixture, strategy, design, long_holdoff);
	reach(&fixture, 120);
	uint32_t n_inside = n_held_in(&fixture, FIRST, FIXTURE_PAGES);
	CHECK(n_inside > FIXTURE_REQUEST);
	while ((n = balloon_driver_relieve_range(
			fixture.driver, balloon_page(FIRST), FIXTURE_PAGES - FIRST)) > 0) {
		CHECK(n <= FIXTURE_REQUEST);
		n_gone += (uint32_t)n;
		CHECK_EQ(n_held_in(&fixture, FIRST, FIXTURE_PAGES), n_inside - n_gone);
	}
	CHECK_EQ(n, 0);
	CHECK_EQ(n_gone, n_inside);
	CHECK_EQ(n_held_in(&fixture, 0, FIXTURE_PAGES), 120 - n_inside);
	CHECK_EQ(fixture_progress(&fixture).n_relieved, n_inside);
	CHECK_EQ(balloon_driver_fill(fixture.driver, 1), -EAGAIN); /* as after any relief */
	close_fixture(&fixture);
}

/* One that the host keeps is set aside, one that somebody isolated is passed over: the others go. */
DRIVER_CLAIM(relief, a_range_goes_around_what_cannot_be_had)
{
	struct fixture fixture;
	struct balloon_page isolated;
	open_fixture(&fixture, strategy, design, NULL);
	reach(&fixture, FIXTURE_PAGES - 40);
	CHECK_EQ(fixture_isolate(&fixture, &isolated, 1), 1);
	host_at(&fixture.host, 1, HOST_HALVES);
	uint32_t first = isolated.index < 4 ? 0 : isolated.index - 4;
	uint32_t n_inside = n_held_in(&fixture, first, first + 12);
	CHECK_EQ(balloon_driver_relieve_range(fixture.driver, balloon_page(first), 12),
		n_inside - 1);
	CHECK_EQ(balloon_driver_relieve_range(fixture.driver, balloon_page(first), 12), 0);
	CHECK_EQ(balloon_driver_refusals(fixture.driver, NULL, 0), 1);
	CHECK_EQ(balloon_page_putback(fixture.map, isolated), 0);
	CHECK_EQ(balloon_driver_relieve_range(fixture.driver, isolated, 1), 1);
	close_fixture(&fixture);
}

/* Whoever wants any pages does not join the leak of given ones, and the other way round. */
static void relieve_any_and_some(void *shared, size_t thread)
{
	struct joining *j = shared;
	if (thread == 0) {
		j->results[0] = balloon_driver_relieve_range(
			j->fixture.driver, balloon_page(0), FIXTURE_PAGES);
		return;
	}
	host_await_kept(&j->fixture.host, 1);
	j->results[1] = balloon_driver_relieve(j->fixture.driver, 3, &j->bytes[1]);
	host_answer(&j->fixture.host, FIXTURE_REQUEST);
}

DRIVER_CLAIM(relief, the_leak_of_a_range_is_nobody_elses)
{
	struct joining j = {.results = {0}};
	if (design->relief == BALLOON_RELIEF_BUSY)
		return;
	open_fixture(&j.fixture, strategy, design, long_timeout);
	reach(&j.fixture, 60);
	host_at(&j.fixture.host, 1, HOST_KEEPS);
	run_together(2, relieve_any_and_some, &j);
	CHECK_EQ(j.results[0], FIXTURE_REQUEST);
	CHECK_EQ(j.results[1], 3);
	CHECK_EQ(fixture_progress(&j.fixture).n_deflated, FIXTURE_REQUEST + 3);
	close_fixture(&j.fixture);
}

DRIVER_CLAIM(relief, a_range_is_one_of_the_map)
{
	struct fixture fixture;
	open_fixture(&fixture, strategy, design, NULL);
	reach(&fixture, 10);
	CHECK_EQ(balloon_driver_relieve_range(NULL, balloon_page(0), 1), -EINVAL);
	CHECK_EQ(balloon_driver_relieve_range(fixture.driver, balloon_page(0), 0), -EINVAL);
	CHECK_EQ(balloon_driver_relieve_range(fixture.driver, balloon_page(FIXTURE_PAGES), 1),
		-ERANGE);
	CHECK_EQ(balloon_driver_relieve_range(fixture.driver, balloon_page(1), FIXTURE_PAGES),
		-ERANGE);
	CHECK_EQ(
		balloon_driver_relieve_range(fixture.driver, balloon_page(1), UINT32_MAX), -ERANGE);
	CHECK_EQ(fixture_progress(&fixture).n_relieved, 0);
	close_fixture(&fixture);
}
