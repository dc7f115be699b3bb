/* SPDX-License-Identifier: MIT */
/* Claims about waiting: for how long, what ends it, and what it costs. */

#include "claims.h"
#include "driver/driver.h"

#include <string.h>

/* ---- What a run may wait for ----------------------------------------------------------------- */

enum obstacle {
	SILENT_HOST,    /* answers nothing */
	REFUSING_HOST,  /* takes nothing, with a reason that is also one of the driver's own */
	UNTELLABLE,     /* cannot be told anything */
	NO_MEMORY,      /* the source has no frames */
	HELD_OFF,       /* memory was relieved just now */
	LOCKED_PAGES,   /* pages cannot be inserted */
	ISOLATED_PAGES, /* nothing can leak */
	BUSY_LOCK,      /* somebody else waits for a silent host */
	N_OBSTACLES,
};

/* As a device whose pages somebody keeps locked. */
static struct balloon_strategy locked;
static const struct balloon_strategy *unlocked;
static bool is_locked;

static int insert_locked(
	struct balloon_device *device, const struct balloon_page *pages, size_t n_pages)
{
	return is_locked ? -EAGAIN : unlocked->insert(device, pages, n_pages);
}

static const struct balloon_strategy *with_locked_pages(const struct balloon_strategy *strategy)
{
	unlocked = strategy;
	locked = *strategy;
	locked.insert = insert_locked;
	is_locked = false;
	return &locked;
}

enum { ISOLATED = 40 };

struct waiting {
	struct fixture fixture;
	enum obstacle obstacle;
	uint64_t deadline_ns;
	bool has_callback;
	uint64_t called_ns; /* the last time */
	uint32_t n_calls;
	int result;
	uint64_t returned_ns;
	struct balloon_page isolated[ISOLATED];
	uint32_t n_isolated;
};

static bool no_frame(void *context, uint64_t n_calls)
{
	(void)context;
	(void)n_calls;
	return false;
}

/* The library's own times, and a long one for what was relieved. */
static void be_usual(struct balloon_driver_config *config)
{
	config->host_timeout_ns = 0;
	config->allocation_backoff_ns = 0;
	config->retry_ns = 0;
	config->relief_holdoff_ns = 100000 * MS;
}

static void be_usual_and_polled(struct balloon_driver_config *config)
{
	be_usual(config);
	be_polled(config);
}

static void fill_for_ever(void *context)
{
	struct waiting *w = context;
	balloon_driver_fill(w->fixture.driver, 3);
}

/* From now on a run to any other target but ISOLATED waits. */
static void obstruct(struct waiting *w, enum obstacle obstacle)
{
	struct fixture *fixture = &w->fixture;
	w->obstacle = obstacle;
	reach(fixture, ISOLATED);
	balloon_driver_set_target(fixture->driver, 100);
	switch (obstacle) {
	case SILENT_HOST:
		host_always(&fixture->host, HOST_KEEPS);
		break;
	case REFUSING_HOST:
		fixture->host.reason = -ENOMEM;
		host_always(&fixture->host, HOST_REFUSES);
		break;
	case UNTELLABLE:
		fixture->host.reason = -ENOMEM;
		host_always(&fixture->host, HOST_REJECTS);
		break;
	case NO_MEMORY:
		fixture->source.on_allocate = no_frame;
		break;
	case HELD_OFF:
		CHECK_EQ(balloon_driver_relieve(fixture->driver, 1, NULL), 1);
		break;
	case LOCKED_PAGES:
		is_locked = true;
		break;
	case ISOLATED_PAGES:
		w->n_isolated = fixture_isolate(fixture, w->isolated, ISOLATED);
		CHECK_EQ(w->n_isolated, ISOLATED);
		balloon_driver_set_target(fixture->driver, 0);
		break;
	case BUSY_LOCK:
		host_always(&fixture->host, HOST_KEEPS);
		balloon_driver_tune(fixture->driver,
			&(struct balloon_driver_tuning){.host_timeout_ns = 100000 * MS});
		engine_spawn("fill", fill_for_ever, w);
		host_await_kept(&fixture->host, 1);
		host_at(&fixture->host, 0, HOST_TAKES);
		balloon_driver_set_target(fixture->driver, 0);
		break;
	case N_OBSTACLES:
		break;
	}
}

static void open_waiting(struct waiting *w, const struct balloon_strategy *strategy,
	const struct balloon_driver_design *design, enum obstacle obstacle, bool is_polled)
{
	memset(w, 0, sizeof(*w));
	open_fixture(&w->fixture, with_locked_pages(strategy), design,
		is_polled ? be_usual_and_polled : be_usual);
	obstruct(w, obstacle);
}

/* Each obstacle with a host that answers by itself, and with one that is polled. */
static void open_case(struct waiting *w, const struct balloon_strategy *strategy,
	const struct balloon_driver_design *design)
{
	uint32_t n = claim_number() - 1;
	open_waiting(w, strategy, design, (enum obstacle)(n % N_OBSTACLES), n >= N_OBSTACLES);
}

static void clear(struct waiting *w)
{
	is_locked = false;
	w->fixture.source.on_allocate = NULL;
	host_at(&w->fixture.host, 0, HOST_TAKES);
	host_answer(&w->fixture.host, UINT32_MAX);
	balloon_pages_putback(w->fixture.map, w->isolated, w->n_isolated);
	engine_join_all();
}

static void close_waiting(struct waiting *w)
{
	clear(w);
	if (w->obstacle == LOCKED_PAGES)
		reach(&w->fixture, 100); /* what could not be inserted is, first */
	close_fixture(&w->fixture);
}

static bool note_call(void *context, const struct balloon_driver_progress *progress)
{
	struct waiting *w = context;
	(void)progress;
	CHECK(engine_now_ns() - w->called_ns <= 100 * MS);
	w->called_ns = engine_now_ns();
	w->n_calls++;
	return true;
}

static void run(void *context)
{
	struct waiting *w = context;
	w->called_ns = engine_now_ns();
	w->result = balloon_driver_run(
		w->fixture.driver, w->deadline_ns, w->has_callback ? note_call : NULL, w);
	w->returned_ns = engine_now_ns();
}

/* ---- For how long ---------------------------------------------------------------------------- */

/* A split lock lets the other direction go on: nothing to wait for. */
static bool is_in_the_way(const struct waiting *w)
{
	const struct balloon_driver_design *design = w->fixture.design;
	return w->obstacle != BUSY_LOCK || design->fill.lock == design->leak.lock;
}

DRIVER_CLAIMS(waiting, a_run_returns_at_its_deadline_whatever_it_waits_for, 2 * N_OBSTACLES)
{
	struct waiting w;
	open_case(&w, strategy, design);
	uint64_t begin_ns = engine_now_ns();
	w.deadline_ns = begin_ns + 12345678;
	run(&w);
	if (is_in_the_way(&w)) {
		CHECK_EQ(w.result, -ETIMEDOUT);
		CHECK_EQ(w.returned_ns, w.deadline_ns);
	}
	close_waiting(&w);
}

DRIVER_CLAIMS(waiting, a_run_tells_its_progress_at_least_every_100_ms, 2 * N_OBSTACLES)
{
	struct waiting w;
	open_case(&w, strategy, design);
	w.deadline_ns = in_ms(5000);
	w.has_callback = true;
	run(&w);
	CHECK(engine_now_ns() - w.called_ns <= 100 * MS);
	if (is_in_the_way(&w)) {
		CHECK_EQ(w.returned_ns, w.deadline_ns);
		CHECK(w.n_calls >= 50 && w.n_calls < 200);
	}
	close_waiting(&w);
}

/* ---- What it costs --------------------------------------------------------------------------- */

/* Points of the engine are accesses to what is shared: 10 ms of a processor would be a million of them. */
DRIVER_CLAIMS(waiting, a_run_that_waits_for_ten_seconds_does_next_to_nothing, 2 * N_OBSTACLES)
{
	struct waiting w;
	open_case(&w, strategy, design);
	w.deadline_ns = in_ms(10000);
	uint64_t begin = engine_step();
	uint64_t n_requests = host_n_requests(&w.fixture.host);
	run(&w);
	CHECK(engine_step() - begin < 100000);
	CHECK(host_n_requests(&w.fixture.host) - n_requests < 150);
	close_waiting(&w);
}

/* ---- What ends it ---------------------------------------------------------------------------- */

enum { N_ENDS = 4 };

/* As soon as there is a reason: at the same moment. */
static void check_end(struct waiting *w, uint32_t end)
{
	struct balloon_driver *driver = w->fixture.driver;
	static const int results[N_ENDS] = {0, -ECANCELED, -EBUSY, 0};
	w->deadline_ns = BALLOON_NEVER;
	engine_spawn("run", run, w);
	sleep_ms(1234);
	uint64_t begin_ns = engine_now_ns();
	switch (end) {
	case 0:
		balloon_driver_set_target(driver, fixture_progress(&w->fixture).n_enqueued);
		break;
	case 1:
		balloon_driver_stop(driver, BALLOON_NEVER);
		break;
	case 2:
		balloon_driver_quiesce(driver, begin_ns);
		break;
	default:
		host_at(&w->fixture.host, 0, HOST_TAKES);
		while (host_answer(&w->fixture.host, UINT32_MAX) > 0)
			;
	}
	engine_join_all();
	CHECK_EQ(w->result, results[end]);
	CHECK_EQ(w->returned_ns, begin_ns);
	if (end == 2)
		balloon_driver_resume(driver);
}

DRIVER_CLAIMS(waiting, a_run_looks_up_at_once_when_something_changes, 2 * 3 * 3)
{
	struct waiting w;
	uint32_t n = claim_number() - 1;
	static const enum obstacle obstacles[] = {NO_MEMORY, HELD_OFF, REFUSING_HOST};
	open_waiting(&w, strategy, design, obstacles[n / 3 % 3], n >= 9);
	check_end(&w, n % 3);
	close_waiting(&w);
}

static void slow_timeout(struct balloon_driver_config *config)
{
	config->host_timeout_ns = 100000 * MS;
	if (claim_number() == 2)
		be_polled(config);
}

/* An answer, whether or not all that can be asked is with the host. */
DRIVER_CLAIMS(waiting, a_run_takes_an_answer_at_once, 2)
{
	struct waiting w;
	memset(&w, 0, sizeof(w));
	open_fixture(&w.fixture, strategy, design, slow_timeout);
	host_always(&w.fixture.host, HOST_KEEPS);
	balloon_driver_set_target(w.fixture.driver, engine_chance(2) ? FIXTURE_PAGES : 20);
	check_end(&w, 3);
	close_fixture(&w.fixture);
}

struct queueing {
	struct fixture fixture;
	uint64_t took_ns[6];
};

static void wait_in_a_queue(void *shared, size_t thread)
{
	struct queueing *q = shared;
	uint64_t begin_ns = engine_now_ns();
	/* No direction waits for the other one. */
	CHECK_EQ(balloon_driver_fill(q->fixture.driver, 1 + (uint32_t)thread), 1 + (int)thread);
	q->took_ns[thread] = engine_now_ns() - begin_ns;
}

/* Of several threads that wait for answers, none sleeps longer than its own takes. */
DRIVER_CLAIMS(waiting, each_call_takes_its_answer_at_once, 2)
{
	struct queueing q;
	memset(&q, 0, sizeof(q));
	open_fixture(&q.fixture, strategy, design, slow_timeout);
	answer_after(&q.fixture, 100000);
	run_together(6, wait_in_a_queue, &q);
	for (uint32_t i = 0; i < 6; i++)
		CHECK_EQ(q.took_ns[i], 100000);
	close_fixture(&q.fixture);
}

enum { LEAVERS = 3 };

struct deserted {
	struct fixture fixture;
	uint64_t gone_ns;
	bool relieves; /* no fill beside it: relief would take its frames, or turn it away */
	struct {
		int result;
		uint64_t returned_ns;
	} ends[LEAVERS];
};

static int move_as(struct deserted *d, size_t thread)
{
	/* Which of them has the leak that relief joins? */
	sleep_ms((uint64_t)engine_choose(ENGINE_CHOOSE_VALUE, 4));
	switch (thread) {
	case 0:
		return balloon_driver_leak(d->fixture.driver, 2);
	case 1:
		return balloon_driver_run(d->fixture.driver, BALLOON_NEVER, NULL, NULL);
	default:
		return d->relieves ? balloon_driver_relieve(d->fixture.driver, 2, NULL)
				   : balloon_driver_fill(d->fixture.driver, 2);
	}
}

static void wait_for_the_host(void *shared, size_t thread)
{
	struct deserted *d = shared;
	if (thread < LEAVERS) {
		d->ends[thread].result = move_as(d, thread);
		d->ends[thread].returned_ns = engine_now_ns();
	} else {
		sleep_ms(50);
		d->gone_ns = engine_now_ns();
		balloon_channel_fail(&d->fixture.host.channel, -ENODEV);
	}
}

/* Each design lets some of them wait for an answer, others for the lock that those hold, for room with the
 * host, or for a leak that they joined. */
DRIVER_CLAIMS(waiting, whatever_a_call_waits_for_it_learns_that_the_host_is_gone, 4)
{
	struct deserted d;
	memset(&d, 0, sizeof(d));
	open_fixture(&d.fixture, strategy, design, slow_timeout);
	reach(&d.fixture, 40);
	balloon_driver_set_target(d.fixture.driver, 20);
	host_always(&d.fixture.host, HOST_KEEPS);
	d.relieves = engine_chance(2);
	if (claim_number() > 2)
		d.fixture.host.channel.limits.n_requests = 1;
	run_together(LEAVERS + 1, wait_for_the_host, &d);
	for (uint32_t i = 0; i < LEAVERS; i++) {
		bool is_busy = i == LEAVERS - 1 && d.relieves && d.ends[i].result == -EBUSY &&
			       design->relief == BALLOON_RELIEF_BUSY;
		/* The leak that it joined was one of the run's, which does not wait for room. */
		bool has_joined = i == LEAVERS - 1 && d.relieves && design->joins_leaks &&
				  d.ends[i].result == -EAGAIN && claim_number() > 2;
		if (is_busy || has_joined)
			continue;
		CHECK_EQ(d.ends[i].result, -ENODEV);
		CHECK_EQ(d.ends[i].returned_ns, d.gone_ns);
	}
	close_fixture(&d.fixture);
}

/* What is too much can go although nothing may be taken now. */
DRIVER_CLAIMS(waiting, a_leak_does_not_mind_a_lack_of_memory, 4)
{
	struct waiting w;
	bool is_relieved = claim_number() % 2;
	open_waiting(&w, strategy, design, is_relieved ? HELD_OFF : NO_MEMORY, false);
	uint64_t begin_ns = engine_now_ns();
	if (!is_relieved)
		CHECK_EQ(balloon_driver_fill(w.fixture.driver, 1), -ENOMEM);
	if (claim_number() > 2) {
		w.deadline_ns = BALLOON_NEVER;
		engine_spawn("run", run, &w);
		sleep_ms(77);
		begin_ns = engine_now_ns();
		balloon_driver_set_target(w.fixture.driver, 11);
		engine_join_all();
		CHECK_EQ(w.result, 0);
	} else {
		reach(&w.fixture, 11);
	}
	CHECK_EQ(engine_now_ns(), begin_ns);
	CHECK_EQ(fixture_progress(&w.fixture).n_enqueued, 11);
	close_waiting(&w);
}

struct turns {
	struct fixture fixture;
	uint64_t n_requests; /* that the host had when the last leak was there */
	uint64_t filled;     /* and when the fill was */
};

static void many_requests(struct balloon_driver_config *config)
{
	config->n_requests = 32;
	config->host_timeout_ns = 100000 * MS;
}

static void leak_first(void *context)
{
	struct turns *t = context;
	CHECK_EQ(balloon_driver_leak(t->fixture.driver, 1), 1);
}

static void leak_last(void *context)
{
	struct turns *t = context;
	CHECK_EQ(balloon_driver_leak(t->fixture.driver, 1), 1);
	t->n_requests = host_n_requests(&t->fixture.host);
}

static void fill_in_turn(void *context)
{
	struct turns *t = context;
	CHECK_EQ(balloon_driver_fill(t->fixture.driver, 1), 1);
	t->filled = host_n_requests(&t->fixture.host);
}

/* Once somebody waits in the other direction, sixteen more join; then it is the turn of those that wait. */
DRIVER_CLAIM(waiting, directions_take_turns)
{
	struct turns t = {.n_requests = 0};
	if (design->fill.lock != design->leak.lock)
		return;
	open_fixture(&t.fixture, strategy, design, many_requests);
	reach(&t.fixture, 100);
	host_at(&t.fixture.host, 1, HOST_KEEPS);
	engine_spawn("leak", leak_first, &t);
	host_await_kept(&t.fixture.host, 1);
	engine_spawn("fill", fill_in_turn, &t);
	sleep_ms(1);
	for (uint32_t i = 0; i < 16; i++)
		CHECK_EQ(balloon_driver_leak(t.fixture.driver, 1), 1);
	CHECK_EQ(t.filled, 0);
	engine_spawn("last leak", leak_last, &t);
	sleep_ms(1);
	CHECK_EQ(t.n_requests, 0);
	host_answer(&t.fixture.host, UINT32_MAX);
	engine_join_all();
	CHECK(t.filled > 0);
	CHECK_EQ(t.n_requests, host_n_requests(&t.fixture.host)); /* the last of all */
	CHECK_EQ(fixture_progress(&t.fixture).n_busy, 0);
	close_fixture(&t.fixture);
}

struct between {
	struct fixture fixture;
	bool is_over;
	uint32_t n_moved;
};

static void fill_and_leak(void *context)
{
	struct between *t = context;
	while (!t->is_over) {
		t->n_moved += balloon_driver_fill(t->fixture.driver, 8) > 0;
		t->n_moved += balloon_driver_leak(t->fixture.driver, 8) > 0;
	}
}

/*
 * Threads that fill and leak by turns hand the lock to each other without end. Who migrates waits for what
 * is with the host, 1 ms, and then it is its turn, for 1 ms; and so it is theirs.
 */
DRIVER_CLAIM(waiting, a_migration_has_its_turn_between_fills_and_leaks)
{
	enum { ROUNDS = 20, THREADS = 3, PAGES = 4 };
	struct between t;
	memset(&t, 0, sizeof(t));
	open_fixture(&t.fixture, strategy, design, be_usual);
	reach(&t.fixture, 100);
	answer_after(&t.fixture, MS);
	for (int i = 0; i < THREADS; i++)
		engine_spawn("fill and leak", fill_and_leak, &t);
	for (int i = 0; i < ROUNDS; i++) {
		struct balloon_page new_pages[PAGES], old_pages[PAGES];
		uint8_t outcomes[PAGES];
		uint32_t n = source_take(&t.fixture.source, new_pages, PAGES);
		CHECK_EQ(n, PAGES);
		CHECK_EQ(fixture_isolate(&t.fixture, old_pages, n), n);
		uint64_t begin_ns = engine_now_ns();
		CHECK_EQ(balloon_driver_migrate_until(
				 t.fixture.driver, new_pages, old_pages, n, outcomes, in_ms(500)),
			n);
		CHECK(engine_now_ns() - begin_ns <= 3 * MS);
		source_give(&t.fixture.source, old_pages, n);
	}
	CHECK(t.n_moved >= ROUNDS / 2);
	t.is_over = true;
	engine_join_all();
	host_always(&t.fixture.host, HOST_TAKES);
	close_fixture(&t.fixture);
}

struct answered {
	struct fixture fixture;
	bool is_slow; /* the program, when another thread tells it of the next answer */
	uint32_t swapper;
	struct balloon_page old_page;
	struct balloon_page new_page;
	uint64_t swapped_ns;
};

static struct answered *answered;

static void take_time(void *context, uint64_t n_pages, uint64_t sequence)
{
	(void)context;
	(void)n_pages;
	(void)sequence;
	bool is_slow = answered->is_slow && engine_self() != answered->swapper;
	answered->is_slow = false;
	if (is_slow)
		sleep_ms(50);
}

static void with_slow_program(struct balloon_driver_config *config)
{
	config->acknowledged = take_time;
}

static void open_answered(struct answered *a, const struct balloon_strategy *strategy,
	const struct balloon_driver_design *design)
{
	memset(a, 0, sizeof(*a));
	answered = a;
	open_fixture(&a->fixture, strategy, design, with_slow_program);
	reach(&a->fixture, 10);
	CHECK_EQ(source_take(&a->fixture.source, &a->new_page, 1), 1);
	CHECK_EQ(fixture_isolate(&a->fixture, &a->old_page, 1), 1);
}

static void fill_slowly(void *context)
{
	struct answered *a = context;
	CHECK_EQ(balloon_driver_fill(a->fixture.driver, 3), 3);
}

static void swap(void *context)
{
	struct answered *a = context;
	uint8_t outcome;
	a->swapper = engine_self();
	CHECK_EQ(balloon_driver_migrate_until(
			 a->fixture.driver, &a->new_page, &a->old_page, 1, &outcome, BALLOON_NEVER),
		1);
	a->swapped_ns = engine_now_ns();
}

/* A lock that is held until the host has answered waits for no function of the program's; one that is held until
 * pages are placed does. Whether the call that asked takes the answer, or another one. */
DRIVER_CLAIMS(waiting, a_lock_is_held_for_as_long_as_its_design_says, 2)
{
	struct answered a;
	uint64_t held_ns = design->fill.until == BALLOON_LOCK_UNTIL_ANSWERED ? 0 : 50 * MS;
	if (held_ns > 0 && claim_number() == 2)
		return; /* who waits for the lock may take the answer itself */
	open_answered(&a, strategy, design);
	host_at(&a.fixture.host, 1, HOST_KEEPS);
	balloon_driver_set_target(a.fixture.driver, 13);
	if (claim_number() == 1)
		engine_spawn("fill", fill_slowly, &a);
	else
		CHECK_EQ(balloon_driver_poll(a.fixture.driver, NULL), 1);
	host_await_kept(&a.fixture.host, 1);
	engine_spawn("migrate", swap, &a);
	sleep_ms(1);
	uint64_t begin_ns = engine_now_ns();
	a.is_slow = true;
	host_answer(&a.fixture.host, UINT32_MAX);
	if (claim_number() == 2)
		fixture_progress(&a.fixture);
	engine_join_all();
	CHECK_EQ(a.swapped_ns - begin_ns, held_ns);
	source_give(&a.fixture.source, &a.old_page, 1);
	close_fixture(&a.fixture);
}

static void fill_in_parts(void *context)
{
	struct answered *a = context;
	CHECK_EQ(balloon_driver_fill(a->fixture.driver, 4), 3);
}

/* The host stops at a page, and is asked for what is left: until that is answered, too. */
DRIVER_CLAIM(waiting, a_request_that_is_told_again_keeps_its_lock)
{
	struct answered a;
	uint8_t outcome;
	open_answered(&a, strategy, design);
	host_usually(&a.fixture.host, HOST_KEEPS, HOST_TAKES);
	host_at(&a.fixture.host, 1, HOST_HALVES);
	engine_spawn("fill", fill_in_parts, &a);
	host_await_kept(&a.fixture.host, 1);
	CHECK_EQ(fixture_progress(&a.fixture).n_acknowledged, 12);
	CHECK_EQ(balloon_driver_migrate_until(
			 a.fixture.driver, &a.new_page, &a.old_page, 1, &outcome, 0),
		-EAGAIN);
	host_answer(&a.fixture.host, UINT32_MAX);
	engine_join_all();
	CHECK_EQ(balloon_page_putback(a.fixture.map, a.old_page), 0);
	source_give(&a.fixture.source, &a.new_page, 1);
	close_fixture(&a.fixture);
}

static void ten_ms(struct balloon_driver_config *config)
{
	config->host_timeout_ns = 10 * MS;
}

/* Nobody waits for the answer to the request that holds the lock: who waits for the lock sees when it is late. */
DRIVER_CLAIM(waiting, a_lock_may_be_had_once_its_request_is_late)
{
	struct fixture fixture;
	if (design->fill.lock != design->leak.lock)
		return;
	open_fixture(&fixture, strategy, design, ten_ms);
	reach(&fixture, 20);
	host_at(&fixture.host, 1, HOST_KEEPS);
	balloon_driver_set_target(fixture.driver, 23);
	uint64_t begin_ns = engine_now_ns();
	CHECK_EQ(balloon_driver_poll(fixture.driver, NULL), 1);
	sleep_ms(6);
	CHECK_EQ(balloon_driver_leak(fixture.driver, 2), 2);
	CHECK_EQ(engine_now_ns() - begin_ns, 10 * MS);
	CHECK_EQ(fixture_progress(&fixture).n_overdue, 1);
	close_fixture(&fixture);
}

/* ---- Rest is rest ---------------------------------------------------------------------------- */

static bool is_listed(const struct waiting *w, uint64_t n)
{
	struct balloon_device_stats stats;
	balloon_device_stats(balloon_driver_device(w->fixture.driver), &stats);
	return stats.n_listed == n;
}

static void unlock_later(void *context)
{
	(void)context;
	sleep_ms(50 + engine_choose(ENGINE_CHOOSE_VALUE, 100));
	is_locked = false;
}

DRIVER_CLAIM(waiting, a_run_ends_when_the_device_holds_the_target)
{
	struct waiting w;
	open_waiting(&w, strategy, design, LOCKED_PAGES, false);
	engine_spawn("unlock", unlock_later, NULL);
	CHECK_EQ(balloon_driver_run(w.fixture.driver, BALLOON_NEVER, NULL, NULL), 0);
	CHECK(is_listed(&w, 100));
	close_waiting(&w);
}

/* Pages that are being inserted are counted, and cannot leak yet. */
DRIVER_CLAIM(waiting, a_run_waits_for_pages_that_are_being_entered)
{
	struct waiting w;
	open_waiting(&w, strategy, design, LOCKED_PAGES, false);
	CHECK_EQ(balloon_driver_run(w.fixture.driver, in_ms(200), NULL, NULL), -ETIMEDOUT);
	balloon_driver_set_target(w.fixture.driver, 0);
	uint64_t begin = engine_step();
	CHECK_EQ(balloon_driver_run(w.fixture.driver, in_ms(2000), NULL, NULL), -ETIMEDOUT);
	CHECK(engine_step() - begin < 100000);
	close_waiting(&w);
}

DRIVER_CLAIM(waiting, quiesce_ends_when_every_page_is_where_it_belongs)
{
	struct waiting w;
	open_waiting(&w, strategy, design, LOCKED_PAGES, false);
	CHECK_EQ(balloon_driver_fill(w.fixture.driver, 5), 5);
	CHECK_EQ(balloon_driver_quiesce(w.fixture.driver, in_ms(20)), -ETIMEDOUT);
	engine_spawn("unlock", unlock_later, NULL);
	CHECK_EQ(balloon_driver_quiesce(w.fixture.driver, BALLOON_NEVER), 0);
	CHECK(is_listed(&w, ISOLATED + 5));
	CHECK_EQ(balloon_driver_resume(w.fixture.driver), 0);
	close_waiting(&w);
}

DRIVER_CLAIM(waiting, a_step_says_whether_all_is_done)
{
	struct waiting w;
	memset(&w, 0, sizeof(w));
	open_fixture(&w.fixture, strategy, design, be_usual);
	balloon_driver_set_target(w.fixture.driver, 10);
	host_at(&w.fixture.host, 1, HOST_KEEPS);
	CHECK_EQ(balloon_driver_step(w.fixture.driver), -ETIMEDOUT);
	CHECK_EQ(fixture_progress(&w.fixture).n_inflating, 10);
	/* What is missing is under way already. */
	CHECK_EQ(balloon_driver_step(w.fixture.driver), -EAGAIN);
	host_answer(&w.fixture.host, UINT32_MAX);
	CHECK_EQ(balloon_driver_step(w.fixture.driver), 0);
	CHECK_EQ(fixture_progress(&w.fixture).n_enqueued, 10);
	close_fixture(&w.fixture);
}

/* ---- How often a host is asked that does nothing ---------------------------------------------- */

enum { RETRY_MS = 5, AT_ONCE = 8, WAITS = 12 };

/* Each time is twice as long as the one before, up to 256 times the first. */
static uint64_t wait_ms(uint32_t i)
{
	return RETRY_MS * (i < 8 ? UINT64_C(1) << i : 256);
}

struct asking {
	struct fixture fixture;
	uint64_t begin_ns;
	uint32_t n_asked;
};

/* Eight in a row at once, then one after each wait. */
static void check_time(void *context)
{
	struct asking *a = context;
	uint64_t ms = 0;
	for (uint32_t i = 0; i + AT_ONCE <= a->n_asked; i++)
		ms += wait_ms(i);
	CHECK_EQ(engine_now_ns() - a->begin_ns, ms * MS);
	a->n_asked++;
}

static void ask_for_one(struct balloon_driver_config *config)
{
	config->request_pages = 1;
	config->retry_ns = RETRY_MS * MS;
	config->host_timeout_ns = 20 * MS;
}

static void begin_to_ask(struct asking *a, uint64_t target)
{
	host_always(&a->fixture.host, HOST_REFUSES);
	balloon_driver_set_target(a->fixture.driver, target);
	a->n_asked = 0;
	a->begin_ns = engine_now_ns();
	a->fixture.host.on_submit_context = a;
	a->fixture.host.on_submit = check_time;
}

/* A page that it took, when a step asked for it, ends the wait: the next refusals are the first again. */
DRIVER_CLAIM(waiting, a_host_that_takes_nothing_is_asked_ever_more_rarely)
{
	struct asking a;
	struct balloon_driver_next next;
	memset(&a, 0, sizeof(a));
	open_fixture(&a.fixture, strategy, design, ask_for_one);
	for (uint32_t n_taken = 1; n_taken < 3; n_taken++) {
		begin_to_ask(&a, 10);
		CHECK_EQ(balloon_driver_run(a.fixture.driver, in_ms(7000), NULL, NULL), -ETIMEDOUT);
		CHECK_EQ(a.n_asked, AT_ONCE + WAITS);
		a.fixture.host.on_submit = NULL;
		host_always(&a.fixture.host, HOST_TAKES);
		CHECK_EQ(balloon_driver_step(a.fixture.driver), 1);
		uint64_t begin_ns = engine_now_ns();
		reach(&a.fixture, n_taken * 2);
		CHECK_EQ(engine_now_ns(), begin_ns);
	}
	begin_to_ask(&a, 10);
	/* As many requests as it may have, and the rest at once. */
	CHECK_EQ(balloon_driver_poll(a.fixture.driver, &next), 1);
	CHECK_EQ(next.at_ns, engine_now_ns());
	CHECK_EQ(balloon_driver_poll(a.fixture.driver, &next), 1);
	CHECK_EQ(next.at_ns, in_ms(RETRY_MS));
	CHECK_EQ(a.n_asked, AT_ONCE);
	a.fixture.host.on_submit = NULL;
	close_fixture(&a.fixture);
}

/* Each page for itself is asked for again, too: the list says how many different ones it was asked for. */
DRIVER_CLAIM(waiting, a_host_that_gives_nothing_back_is_asked_ever_more_rarely)
{
	struct asking a;
	memset(&a, 0, sizeof(a));
	open_fixture(&a.fixture, strategy, design, ask_for_one);
	reach(&a.fixture, 40);
	host_always(&a.fixture.host, HOST_REFUSES);
	balloon_driver_set_target(a.fixture.driver, 0);
	uint64_t at_ns = engine_now_ns();
	for (uint32_t i = 0; i < WAITS; i++) {
		at_ns += wait_ms(i) * MS;
		CHECK_EQ(balloon_driver_run(a.fixture.driver, at_ns - 1, NULL, NULL), -ETIMEDOUT);
		CHECK_EQ(balloon_driver_refusals(a.fixture.driver, NULL, 0), AT_ONCE + i);
	}
	close_fixture(&a.fixture);
}

/* One that was late is asked for more only after a while; two that are late together are one time. */
DRIVER_CLAIMS(waiting, a_host_that_does_not_answer_is_asked_ever_more_rarely, 2)
{
	struct asking a;
	struct balloon_driver_next next;
	uint32_t n_late = 0;
	memset(&a, 0, sizeof(a));
	open_fixture(&a.fixture, strategy, design, ask_for_one);
	host_always(&a.fixture.host, HOST_KEEPS);
	for (uint32_t i = 0; i < 3; i++) {
		n_late += claim_number();
		balloon_driver_set_target(a.fixture.driver, n_late);
		if (claim_number() == 1) {
			CHECK_EQ(balloon_driver_step(a.fixture.driver), -ETIMEDOUT);
		} else {
			CHECK_EQ(balloon_driver_poll(a.fixture.driver, NULL), 1);
			sleep_ms(20);
		}
		CHECK_EQ(fixture_progress(&a.fixture).n_overdue, n_late);
		balloon_driver_set_target(a.fixture.driver, n_late + 1);
		CHECK_EQ(balloon_driver_run(a.fixture.driver, in_ms(wait_ms(i)) - 1, NULL, NULL),
			-ETIMEDOUT);
		CHECK_EQ(host_n_requests(&a.fixture.host), n_late);
		if (i == 2)
			break;
		CHECK_EQ(balloon_driver_poll(a.fixture.driver, &next), 1);
		CHECK_EQ(next.at_ns, engine_now_ns() + 1);
		engine_sleep_until(next.at_ns);
	}
	close_fixture(&a.fixture);
}

/* Nobody says when isolated pages are put back. */
DRIVER_CLAIM(waiting, a_leak_that_finds_no_page_is_tried_ever_more_rarely)
{
	struct waiting w;
	struct balloon_driver_next next;
	uint64_t wait_ns = MS / 10;
	open_waiting(&w, strategy, design, ISOLATED_PAGES, true);
	for (int i = 0; i < 13; i++) {
		CHECK_EQ(balloon_driver_poll(w.fixture.driver, &next), 1);
		CHECK_EQ(next.at_ns - engine_now_ns(), wait_ns);
		wait_ns = wait_ns < 50 * MS ? wait_ns * 2 : 100 * MS;
		engine_sleep_until(next.at_ns);
	}
	clear(&w);
	CHECK_EQ(balloon_driver_poll(w.fixture.driver, &next), 0);
	close_fixture(&w.fixture);
}
