/* SPDX-License-Identifier: MIT */
/* The engine's own claims: each kind of finding is found on a small fault, and every run can be repeated. */

#include <criterion/criterion.h>

#include <errno.h>
#include <string.h>

#include <balloon/strategy.h>

#include "engine.h"

enum { N_SEEDS = 2000 };

/* Enough for all scenarios. */
static struct shared {
	uint64_t n;
	uint64_t words[4];
	struct balloon_lock locks[2];
	struct balloon_atomic_word n_contended;
	struct balloon_event event;
	bool is_set;
	uint32_t n_done;
} * shared;

static void open_shared(void)
{
	shared = engine_allocate(sizeof(*shared), 64);
}

/* In a run: locks are made by the scenario itself. */
static void init_locks(void)
{
	balloon_lock_init(&shared->locks[0], BALLOON_RANK_PAGES, &shared->n_contended);
	balloon_lock_init(&shared->locks[1], BALLOON_RANK_LEAF, &shared->n_contended);
	balloon_event_init(&shared->event);
}

/* Two threads of a kind. */
static void two(void (*thread)(void *))
{
	engine_spawn("first", thread, NULL);
	engine_spawn("second", thread, NULL);
	engine_join_all();
}

/* The fault is found by both choosers, as what it is, and again, at the same point. */
static void expect(enum engine_finding finding, void (*scenario)(void *))
{
	static const struct engine_chooser *const choosers[] = {&engine_random, &engine_pct};
	for (size_t i = 0; i < 2; i++) {
		struct engine_report report;
		int result = engine_sweep(1, N_SEEDS, choosers[i], scenario, NULL, &report);
		cr_assert_eq(result, 1, "%s found nothing", choosers[i]->name);
		cr_assert_eq(report.finding, finding, "%s: %s", choosers[i]->name, report.what);
		struct engine_report again = engine_run(report.seed, choosers[i], scenario, NULL);
		cr_assert_eq(again.finding, finding);
		cr_assert_eq(again.step, report.step);
		cr_assert_eq(again.hash, report.hash);
		cr_assert_str_eq(again.what, report.what);
	}
}

static void expect_nothing(void (*scenario)(void *))
{
	static const struct engine_chooser *const choosers[] = {&engine_random, &engine_pct};
	for (size_t i = 0; i < 2; i++) {
		struct engine_report report;
		int result = engine_sweep(1, N_SEEDS / 4, choosers[i], scenario, NULL, &report);
		cr_assert_eq(result, 0, "%s, seed %llu: %s: %s", report.chooser,
			(unsigned long long)report.seed, engine_finding_name(report.finding),
			report.what);
	}
}

/* ---- Races ----------------------------------------------------------------------------------- */

static void count(void *unused)
{
	(void)unused;
	BALLOON_ADD(shared->n, 1);
}

static void book_without_lock(void *unused)
{
	(void)unused;
	two(count);
	ENGINE_CHECK_EQ(shared->n, 2);
}

Test(engine, finds_the_window_of_a_book_without_lock, .init = open_shared)
{
	expect(ENGINE_CLAIM, book_without_lock);
}

static void book_under_lock(void *unused)
{
	(void)unused;
	balloon_lock_acquire(&shared->locks[0]);
	BALLOON_ADD(shared->n, 1);
	balloon_lock_release(&shared->locks[0]);
}

static void books_under_lock(void *unused)
{
	(void)unused;
	init_locks();
	two(book_under_lock);
	ENGINE_CHECK_EQ(shared->n, 2);
}

Test(engine, finds_nothing_where_a_lock_covers_the_book, .init = open_shared)
{
	expect_nothing(books_under_lock);
}

struct pair {
	uint64_t a, b;
};

static void write_pair(void *unused)
{
	(void)unused;
	const struct pair both = {1, 1};
	BALLOON_WRITE(*(struct pair *)shared->words, both);
}

static void read_pair(void *unused)
{
	(void)unused;
	struct pair seen = BALLOON_READ(*(struct pair *)shared->words);
	ENGINE_CHECK(seen.a == seen.b);
}

static void tear(void *unused)
{
	(void)unused;
	engine_spawn("writer", write_pair, NULL);
	engine_spawn("reader", read_pair, NULL);
}

Test(engine, tears_structures_at_their_words, .init = open_shared)
{
	expect(ENGINE_CLAIM, tear);
}

static void claim_flag(void *unused)
{
	(void)unused;
	if (BALLOON_READ(shared->is_set))
		return;
	BALLOON_WRITE(shared->is_set, true);
	shared->n_done++;
}

static void test_then_set(void *unused)
{
	(void)unused;
	two(claim_flag);
	ENGINE_CHECK_EQ(shared->n_done, 1);
}

Test(engine, finds_a_flag_that_is_tested_and_then_set, .init = open_shared)
{
	expect(ENGINE_CLAIM, test_then_set);
}

/* ---- Locks ----------------------------------------------------------------------------------- */

BALLOON_LOCK_INTERNALS static void take_both(size_t first)
{
	/* By trylock first: against the ranks, which would be a finding of its own. */
	if (!balloon_lock_try(&shared->locks[first]))
		return;
	balloon_lock_wait(&shared->locks[1 - first]);
	shared->locks[1 - first].word.value = BALLOON_LOCK_FREE;
	balloon_lock_release(&shared->locks[first]);
}

BALLOON_LOCK_INTERNALS static void up(void *unused)
{
	(void)unused;
	balloon_lock_acquire(&shared->locks[0]);
	balloon_lock_acquire(&shared->locks[1]);
	balloon_lock_release(&shared->locks[1]);
	balloon_lock_release(&shared->locks[0]);
}

static void down(void *unused)
{
	(void)unused;
	take_both(1);
}

static void circle(void *unused)
{
	(void)unused;
	init_locks();
	engine_spawn("up", up, NULL);
	engine_spawn("down", down, NULL);
}

Test(engine, finds_a_deadlock, .init = open_shared)
{
	expect(ENGINE_DEADLOCK, circle);
}

BALLOON_LOCK_INTERNALS static void against_ranks(void *unused)
{
	(void)unused;
	init_locks();
	balloon_lock_acquire(&shared->locks[1]);
	balloon_lock_acquire(&shared->locks[0]);
}

BALLOON_LOCK_INTERNALS static void twice(void *unused)
{
	(void)unused;
	init_locks();
	balloon_lock_acquire(&shared->locks[0]);
	balloon_lock_acquire(&shared->locks[0]);
}

BALLOON_LOCK_INTERNALS static void never_taken(void *unused)
{
	(void)unused;
	init_locks();
	balloon_lock_release(&shared->locks[0]);
}

BALLOON_LOCK_INTERNALS static void kept(void *unused)
{
	(void)unused;
	init_locks();
	balloon_lock_acquire(&shared->locks[0]);
}

Test(engine, finds_misused_locks, .init = open_shared)
{
	expect(ENGINE_LOCK, against_ranks);
	expect(ENGINE_LOCK, twice);
	expect(ENGINE_LOCK, never_taken);
	expect(ENGINE_LOCK, kept);
}

static void hold_for_long(void *unused)
{
	(void)unused;
	balloon_lock_acquire(&shared->locks[0]);
	BALLOON_WRITE(shared->is_set, true);
	engine_sleep_ns(1000);
	balloon_lock_release(&shared->locks[0]);
}

static bool is_set(void *unused)
{
	(void)unused;
	return shared->is_set;
}

BALLOON_LOCK_INTERNALS static void give_up(void *unused)
{
	(void)unused;
	init_locks();
	engine_spawn("holder", hold_for_long, NULL);
	engine_wait_until(is_set, NULL);
	uint64_t begin_ns = engine_now_ns();
	ENGINE_CHECK(!balloon_lock_acquire_until(&shared->locks[0], begin_ns + 10));
	ENGINE_CHECK_EQ(engine_now_ns(), begin_ns + 10);
	ENGINE_CHECK(!balloon_lock_try(&shared->locks[0]));
	ENGINE_CHECK(balloon_lock_acquire_until(&shared->locks[0], begin_ns + 5000));
	ENGINE_CHECK_EQ(engine_now_ns(), begin_ns + 1000);
	balloon_lock_release(&shared->locks[0]);
}

Test(engine, lets_a_lock_be_given_up_at_its_deadline, .init = open_shared)
{
	expect_nothing(give_up);
}

/* ---- Waiting --------------------------------------------------------------------------------- */

/* Seen after the look: a signal in between is missed. The deadline saves it, and hides the fault. */
static void wait_after_look(void *unused)
{
	(void)unused;
	while (!BALLOON_READ(shared->is_set)) {
		uint32_t seen = balloon_event_seen(&shared->event);
		balloon_event_wait(&shared->event, seen, engine_now_ns() + 1000);
	}
}

static void wait_before_look(void *unused)
{
	(void)unused;
	for (;;) {
		uint32_t seen = balloon_event_seen(&shared->event);
		if (BALLOON_READ(shared->is_set))
			return;
		balloon_event_wait(&shared->event, seen, engine_now_ns() + 1000);
	}
}

static void set_and_signal(void *unused)
{
	(void)unused;
	BALLOON_WRITE(shared->is_set, true);
	balloon_event_signal(&shared->event);
}

static void miss_wake_up(void *unused)
{
	(void)unused;
	engine_spawn("waiter", wait_after_look, NULL);
	engine_spawn("setter", set_and_signal, NULL);
}

static void catch_wake_up(void *unused)
{
	(void)unused;
	engine_spawn("waiter", wait_before_look, NULL);
	engine_spawn("setter", set_and_signal, NULL);
}

Test(engine, finds_a_lost_wake_up_behind_a_deadline, .init = open_shared)
{
	expect(ENGINE_WAKE_UP, miss_wake_up);
	expect_nothing(catch_wake_up);
}

static void set_alone(void *unused)
{
	(void)unused;
	BALLOON_WRITE(shared->is_set, true);
}

static void forget_signal(void *unused)
{
	(void)unused;
	engine_spawn("waiter", wait_before_look, NULL);
	engine_spawn("setter", set_alone, NULL);
}

Test(engine, finds_a_signal_that_is_missing, .init = open_shared)
{
	expect(ENGINE_WAKE_UP, forget_signal);
}

/* A woken thread has to look again: it was woken, perhaps, without cause. */
static void wait_once(void *unused)
{
	(void)unused;
	uint32_t seen = balloon_event_seen(&shared->event);
	if (!BALLOON_READ(shared->is_set))
		balloon_event_wait(&shared->event, seen, BALLOON_NEVER);
	ENGINE_CHECK(BALLOON_READ(shared->is_set));
}

static void set_late(void *unused)
{
	(void)unused;
	engine_sleep_ns(1000);
	set_and_signal(NULL);
}

static void miss_look(void *unused)
{
	(void)unused;
	engine_spawn("waiter", wait_once, NULL);
	engine_spawn("setter", set_late, NULL);
}

Test(engine, finds_a_missed_look_after_a_wake_up, .init = open_shared)
{
	expect(ENGINE_CLAIM, miss_look);
}

/* Promised: no longer than until the deadline. The host never answers. */
static void wait_without_deadline(void *unused)
{
	(void)unused;
	while (!BALLOON_READ(shared->is_set))
		balloon_event_wait(
			&shared->event, balloon_event_seen(&shared->event), BALLOON_NEVER);
}

Test(engine, finds_a_wait_without_deadline, .init = open_shared)
{
	expect(ENGINE_DEADLOCK, wait_without_deadline);
}

static void spin(void *unused)
{
	(void)unused;
	while (!BALLOON_READ(shared->is_set))
		;
}

static void spin_on_clock(void *unused)
{
	(void)unused;
	uint64_t deadline_ns = balloon_platform_now_ns() + 1000;
	while (balloon_platform_now_ns() < deadline_ns)
		;
}

static void spin_briefly(void *unused)
{
	(void)unused;
	engine_spawn("setter", set_alone, NULL);
	spin(NULL);
}

Test(engine, finds_spins, .init = open_shared)
{
	expect(ENGINE_SPIN, spin);
	expect(ENGINE_SPIN, spin_on_clock);
	expect_nothing(spin_briefly);
}

static void change_for_ever(void *unused)
{
	(void)unused;
	for (;;)
		BALLOON_ADD(shared->n, 1);
}

static void progress_for_ever(void *unused)
{
	(void)unused;
	for (;;) {
		BALLOON_ADD(shared->n, 1);
		engine_progress();
	}
}

Test(engine, finds_what_never_ends, .init = open_shared)
{
	struct engine_options options = {.seed = 1, .max_points = 5000};
	struct engine_report report = engine_run_with(&options, change_for_ever, NULL);
	cr_assert_eq(report.finding, ENGINE_ENDLESS);
	report = engine_run_with(&options, progress_for_ever, NULL);
	cr_assert_eq(report.finding, ENGINE_ENDLESS);
}

static void sleep_in_order(void *order)
{
	uint64_t ns = (uintptr_t)order;
	engine_sleep_ns(ns);
	ENGINE_CHECK_EQ(engine_now_ns(), 1000000000 + ns);
	ENGINE_CHECK(++shared->n == ns);
}

static void sleepers(void *unused)
{
	(void)unused;
	for (uintptr_t ns = 4; ns > 0; ns--)
		engine_spawn("sleeper", sleep_in_order, (void *)ns);
	ENGINE_CHECK(!engine_wait_for(is_set, NULL, engine_now_ns() + 10));
	ENGINE_CHECK_EQ(engine_now_ns(), 1000000000 + 10);
	ENGINE_CHECK_EQ(shared->n, 4);
}

Test(engine, lets_time_jump_from_deadline_to_deadline, .init = open_shared)
{
	expect_nothing(sleepers);
}

/* While one thread works, the deadline of another comes: in hasty runs alone. */
static void work_until_late(void *unused)
{
	(void)unused;
	uint64_t begin_ns = engine_now_ns();
	engine_spawn("sleeper", sleep_in_order, (void *)1);
	for (int i = 0; i < 1000; i++)
		BALLOON_ADD(shared->words[0], 1);
	ENGINE_CHECK_EQ(engine_now_ns(), begin_ns);
}

Test(engine, lets_deadlines_come_early_in_hasty_runs, .init = open_shared)
{
	struct engine_options options = {.time = ENGINE_HASTY};
	uint64_t n_found = 0;
	for (options.seed = 1; options.seed <= 50; options.seed++)
		n_found += engine_run_with(&options, work_until_late, NULL).finding != 0;
	cr_assert_gt(n_found, 0);
	options.time = ENGINE_PATIENT;
	for (options.seed = 1; options.seed <= 50; options.seed++)
		cr_assert_eq(engine_run_with(&options, work_until_late, NULL).finding, 0);
}

/* ---- Crashes --------------------------------------------------------------------------------- */

static void assert_something(void *unused)
{
	(void)unused;
	BALLOON_ASSERT(BALLOON_READ(shared->n) == 1);
}

#if !defined(__SANITIZE_ADDRESS__) /* which reports crashes itself */
static void follow_wild_pointer(void *unused)
{
	(void)unused;
	engine_point();
	*(volatile uint32_t *)(uintptr_t)shared->words[0] = 1;
}

static int recurse(volatile char *caller)
{
	volatile char here[1024];
	here[0] = caller[0];
	return shared->is_set ? here[0] : recurse(here) + here[0];
}

static void overflow_stack(void *unused)
{
	(void)unused;
	volatile char first = 0;
	shared->n = (uint64_t)recurse(&first);
}

Test(engine, survives_crashes, .init = open_shared)
{
	expect(ENGINE_CRASH, follow_wild_pointer);
	expect(ENGINE_CRASH, overflow_stack);
}
#endif

Test(engine, reports_assertions, .init = open_shared)
{
	expect(ENGINE_ASSERTION, assert_something);
}

/* ---- Runs ------------------------------------------------------------------------------------ */

static void mixture(void *unused)
{
	(void)unused;
	init_locks();
	engine_spawn("waiter", wait_before_look, NULL);
	engine_spawn("setter", set_late, NULL);
	for (int i = 0; i < 100; i++)
		if (engine_chance(3))
			book_under_lock(NULL);
	shared->n_done = engine_choose(ENGINE_CHOOSE_VALUE, 1000000);
}

Test(engine, makes_the_same_run_of_the_same_seed, .init = open_shared)
{
	for (uint64_t seed = 1; seed < 50; seed++) {
		struct engine_report a = engine_run(seed, &engine_random, mixture, NULL);
		uint32_t chosen = shared->n_done;
		struct engine_report other = engine_run(seed + 1, &engine_random, mixture, NULL);
		struct engine_report b = engine_run(seed, &engine_random, mixture, NULL);
		cr_assert_eq(a.finding, ENGINE_NONE, "%s", a.what);
		cr_assert_eq(a.hash, b.hash);
		cr_assert_eq(a.step, b.step);
		cr_assert_eq(chosen, shared->n_done);
		cr_assert_neq(a.hash, other.hash);
	}
}

static void change_memory(void *unused)
{
	(void)unused;
	ENGINE_CHECK_EQ(shared->n, 7);
	shared->n = 8;
	uint64_t *own = engine_allocate(sizeof(*own), 8);
	ENGINE_CHECK_EQ(*own, 0);
	*own = 1;
}

Test(engine, begins_each_run_with_the_snapshot, .init = open_shared)
{
	shared->n = 7;
	engine_snapshot();
	expect_nothing(change_memory);
	cr_assert_eq(shared->n, 8);
}

/* The bounds of a run hold however its points are cut into pieces by threads that block. */
static void block_and_spin(void *unused)
{
	(void)unused;
	for (int i = 0; i < 50; i++) {
		book_under_lock(NULL);
		engine_sleep_ns(10);
	}
	spin(NULL);
}

static void two_block_and_spin(void *unused)
{
	(void)unused;
	init_locks();
	two(block_and_spin);
}

Test(engine, finds_a_spin_under_every_seed, .init = open_shared)
{
	for (uint64_t seed = 1; seed < 100; seed++) {
		cr_assert_eq(engine_run(seed, &engine_random, two_block_and_spin, NULL).finding,
			ENGINE_SPIN);
		cr_assert_eq(engine_run(seed, &engine_pct, two_block_and_spin, NULL).finding,
			ENGINE_SPIN);
	}
}

/* An explorer in small: all schedules of two threads with two points each. */
static uint32_t path[64];
static uint32_t widths[64];
static size_t depth;

static void begin_path(const struct engine_chooser *chooser, uint64_t seed)
{
	(void)chooser;
	(void)seed;
	depth = 0;
}

static uint32_t follow_path(
	const struct engine_chooser *chooser, enum engine_choice choice, uint32_t n)
{
	(void)chooser;
	cr_assert_eq(choice, ENGINE_CHOOSE_THREAD);
	cr_assert_lt(depth, 64);
	widths[depth] = n;
	return path[depth++];
}

static bool next_path(void)
{
	while (depth > 0 && path[depth - 1] + 1 == widths[depth - 1])
		path[--depth] = 0;
	if (depth > 0)
		path[depth - 1]++;
	return depth > 0;
}

Test(engine, can_be_explored_by_another_chooser, .init = open_shared)
{
	const struct engine_chooser explorer = {.name = "explorer",
		.policy = ENGINE_EVERY_POINT,
		.begin = begin_path,
		.choose = follow_path};
	uint64_t n_runs = 0;
	uint64_t n_lost = 0;
	do {
		struct engine_report report = engine_run(0, &explorer, book_without_lock, NULL);
		n_lost += report.finding == ENGINE_CLAIM;
		n_runs++;
		cr_assert_lt(n_runs, 100000);
	} while (next_path());
	cr_assert_gt(n_lost, 0);
	cr_assert_lt(n_lost, n_runs);
}
