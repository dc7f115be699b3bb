/* SPDX-License-Identifier: MIT */
/* How many schedules the search makes, and which, against what is counted and enumerated without it. */

#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

#include <balloon/sync.h>

#include "explore/search.h"

enum { THREADS_MAX = 3, TRACE_MAX = 64, TRACES_MAX = 1 << 14 };

/* A toy: '.' is a step, 'L' takes the lock, 'U' releases it, 'V' chooses one of VALUES. */
enum { VALUES = 3 };

static const char *toys[THREADS_MAX];
static uint32_t n_toys;
static struct balloon_lock lock;
static struct balloon_atomic_word n_contended;

/* Who made each step of a schedule, as text. */
struct traces {
	uint32_t n;
	uint64_t n_with[SEARCH_PREEMPTIONS_MAX + 1];
	char all[TRACES_MAX][TRACE_MAX];
};

static char trace[TRACE_MAX];
static uint32_t n_trace;

/* ---- Toys under the search ------------------------------------------------------------------- */

static struct traces found;

/* Whose turn it is the analysis of locks cannot know. */
BALLOON_LOCK_INTERNALS static void play(void *context)
{
	for (const char *step = context; *step; step++)
		if (*step == 'L')
			balloon_lock_acquire(&lock);
		else if (*step == 'U')
			balloon_lock_release(&lock);
		else if (*step == 'V')
			trace[n_trace++] =
				(char)('0' + engine_choose(ENGINE_CHOOSE_VALUE + 1, VALUES));
		else
			engine_point();
}

static void begin(void)
{
	n_trace = 0;
	balloon_lock_init(&lock, BALLOON_RANK_PAGES, &n_contended);
}

static void access(uint32_t thread, const volatile void *place, size_t size_bytes, unsigned kind,
	uintptr_t where)
{
	(void)place, (void)size_bytes, (void)kind, (void)where;
	cr_assert_lt(n_trace, TRACE_MAX - 1);
	trace[n_trace++] = (char)('a' + thread);
}

static void end(void)
{
	trace[n_trace] = '\0';
	cr_assert_lt(found.n, TRACES_MAX);
	strcpy(found.all[found.n++], trace);
}

static struct search_subject subject(void)
{
	static struct engine_thread threads[THREADS_MAX];
	for (uint32_t i = 0; i < n_toys; i++)
		threads[i] = (struct engine_thread){"toy", play, (void *)(uintptr_t)toys[i]};
	return (struct search_subject){.threads = threads,
		.n_threads = n_toys,
		.begin = begin,
		.access = access,
		.end = end};
}

static struct search_result search_toys_with(const struct search_options *options)
{
	const struct search_subject toy = subject();
	struct search_result result;
	found.n = 0;
	search_run(&toy, options, &result);
	return result;
}

static struct search_result search_toys(uint32_t n_preemptions)
{
	const struct search_options options = {.n_preemptions = n_preemptions};
	return search_toys_with(&options);
}

/* ---- The same without it: every sequence of steps, one by one -------------------------------- */

static struct traces expected;

struct toy_state {
	uint32_t at[THREADS_MAX];
	bool is_waiting[THREADS_MAX]; /* its try of the lock has failed */
	int holder;                   /* -1: nobody */
};

static bool can_step(const struct toy_state *state, uint32_t toy)
{
	return toys[toy][state->at[toy]] && !(state->is_waiting[toy] && state->holder >= 0);
}

static void step(struct toy_state *state, uint32_t toy)
{
	switch (toys[toy][state->at[toy]]) {
	case 'L':
		state->is_waiting[toy] = state->holder >= 0;
		if (state->holder >= 0)
			return;
		state->holder = (int)toy;
		break;
	case 'U':
		state->holder = -1;
		break;
	default:
		break;
	}
	state->at[toy]++;
}

static void enumerate(const struct toy_state *state, int last, uint32_t n_preemptions,
	uint32_t bound, uint32_t depth)
{
	bool is_any = false;
	for (uint32_t i = 0; i < n_toys; i++) {
		struct toy_state next = *state;
		if (!can_step(state, i))
			continue;
		is_any = true;
		bool is_preemption = last >= 0 && (int)i != last && can_step(state, (uint32_t)last);
		if (n_preemptions + is_preemption > bound)
			continue;
		step(&next, i);
		trace[depth] = (char)('a' + i);
		enumerate(&next, (int)i, n_preemptions + is_preemption, bound, depth + 1);
	}
	if (is_any)
		return;
	trace[depth] = '\0';
	cr_assert_lt(expected.n, TRACES_MAX);
	strcpy(expected.all[expected.n++], trace);
	expected.n_with[n_preemptions]++;
}

static void enumerate_toys(uint32_t bound)
{
	const struct toy_state start = {.holder = -1};
	memset(&expected, 0, sizeof(expected));
	enumerate(&start, -1, 0, bound, 0);
}

static int compare(const void *a, const void *b)
{
	return strcmp(a, b);
}

static void check_same(uint32_t bound)
{
	struct search_result result = search_toys(bound);
	enumerate_toys(bound);
	cr_assert_eq(found.n, expected.n);
	for (uint32_t i = 0; i <= bound; i++)
		cr_assert_eq(result.n_schedules[i], expected.n_with[i]);
	qsort(found.all, found.n, TRACE_MAX, compare);
	qsort(expected.all, expected.n, TRACE_MAX, compare);
	for (uint32_t i = 0; i < found.n; i++)
		cr_assert_str_eq(found.all[i], expected.all[i]);
}

/* ---- Claims ---------------------------------------------------------------------------------- */

static uint64_t choose(uint32_t n, uint32_t k)
{
	uint64_t result = 1;
	for (uint32_t i = 0; i < k; i++)
		result = result * (n - i) / (i + 1);
	return k > n ? 0 : result;
}

/*
 * One thread of n steps is cut into i pieces, one of m into j, and the pieces take turns: |i - j| <= 1. All
 * switches but the one after which a thread has ended are preemptions.
 */
static uint64_t n_of_two(uint32_t n, uint32_t m, uint32_t n_preemptions)
{
	uint64_t sum = 0;
	for (uint32_t i = 1; i <= n_preemptions + 1; i++) {
		uint32_t j = n_preemptions + 2 - i;
		uint64_t cuts = choose(n - 1, i - 1) * choose(m - 1, j - 1);
		if (i == j)
			sum += 2 * cuts;
		else if (i + 1 == j || j + 1 == i)
			sum += cuts;
	}
	return sum;
}

static const char dots[] = "......";

/* The same of those that the first of the two begins. */
static uint64_t n_of_two_in_order(uint32_t n, uint32_t m, uint32_t n_preemptions)
{
	uint32_t j = (n_preemptions + 2) / 2;
	uint32_t i = n_preemptions + 2 - j;
	return choose(n - 1, i - 1) * choose(m - 1, j - 1);
}

static void check_no_trace_comes_twice(void)
{
	qsort(found.all, found.n, TRACE_MAX, compare);
	for (uint32_t i = 1; i < found.n; i++)
		cr_assert_str_neq(found.all[i - 1], found.all[i]);
}

Test(search, makes_as_many_schedules_of_two_threads_as_the_formula_says)
{
	n_toys = 2;
	for (uint32_t n = 1; n <= 6; n++)
		for (uint32_t m = 1; m <= 6; m++) {
			toys[0] = dots + 6 - n;
			toys[1] = dots + 6 - m;
			struct search_result result = search_toys(10);
			uint64_t sum = 0;
			for (uint32_t k = 0; k <= 10; k++) {
				cr_assert_eq(result.n_schedules[k], n_of_two(n, m, k));
				sum += result.n_schedules[k];
			}
			cr_assert_eq(sum, choose(n + m, n));
		}
}

Test(search, makes_each_schedule_of_three_threads_once)
{
	n_toys = 3;
	toys[0] = "...";
	toys[1] = "..";
	toys[2] = "...";
	for (uint32_t bound = 0; bound <= 6; bound++)
		check_same(bound);
	cr_assert_eq(found.n, 560); /* 8! / (3! 2! 3!) */
}

Test(search, makes_each_schedule_of_threads_that_wait_for_a_lock_once)
{
	n_toys = 2;
	toys[0] = ".L..U.";
	toys[1] = "L.U.";
	for (uint32_t bound = 0; bound <= 10; bound++)
		check_same(bound);
	n_toys = 3;
	toys[0] = "L.U";
	toys[1] = ".LU";
	toys[2] = "L.U";
	for (uint32_t bound = 0; bound <= 6; bound++)
		check_same(bound);
}

Test(search, bounds_delays)
{
	struct search_options options = {.counts_delays = true, .n_preemptions = 10};
	n_toys = 2;
	for (uint32_t n = 1; n <= 6; n++)
		for (uint32_t m = 1; m <= 6; m++) {
			toys[0] = dots + 6 - n;
			toys[1] = dots + 6 - m;
			struct search_result result = search_toys_with(&options);
			cr_assert_eq(result.n_schedules[0], 1);
			/* That the second one begins is a delay. */
			for (uint32_t k = 1; k <= 10; k++)
				cr_assert_eq(result.n_schedules[k],
					n_of_two_in_order(n, m, k) +
						n_of_two_in_order(m, n, k - 1));
			check_no_trace_comes_twice();
		}
}

Test(search, takes_turns_between_delays)
{
	struct search_options options = {.counts_delays = true};
	n_toys = 3;
	for (uint32_t i = 0; i < 3; i++)
		toys[i] = "..";
	cr_assert_eq(search_toys_with(&options).n_schedules[0], 1);
	cr_assert_str_eq(found.all[0], "aabbcc");
	/* Before each step one can be passed over, but before the last one's. */
	options.n_preemptions = 1;
	cr_assert_eq(search_toys_with(&options).n_schedules[1], 4);
	check_no_trace_comes_twice();
	options.n_preemptions = 12;
	search_toys_with(&options);
	cr_assert_eq(found.n, 90); /* 6! / (2! 2! 2!) */
	check_no_trace_comes_twice();
}

Test(search, tries_each_value_in_each_schedule)
{
	/* Of two choices none, one or both are not the usual one. */
	static const uint64_t n_choices[] = {1, 1 + 2 * 2, 1 + 2 * 2 + 2 * 2, 9};
	n_toys = 2;
	toys[0] = ".V.";
	toys[1] = ".V.";
	for (uint32_t n_values = 0; n_values <= 3; n_values++) {
		const struct search_options options = {.n_preemptions = 2, .n_values = n_values};
		struct search_result result = search_toys_with(&options);
		for (uint32_t k = 0; k <= 2; k++)
			cr_assert_eq(
				result.n_schedules[k], n_of_two(2, 2, k) * n_choices[n_values]);
		check_no_trace_comes_twice();
	}
}

Test(search, knows_threads_without_a_step)
{
	n_toys = 2;
	toys[0] = "";
	toys[1] = "..";
	struct search_result result = search_toys(2);
	cr_assert_eq(result.n_schedules[0],
		2); /* it ends before the other one begins, or after that ended */
	cr_assert_eq(result.n_schedules[1], 1);
	cr_assert_eq(found.n, 3);
}

Test(search, makes_a_schedule_again_from_its_text)
{
	static struct search_schedule schedule;
	static struct engine_report report;
	char text[SEARCH_TEXT_MAX];
	bool is_asserted;
	n_toys = 2;
	toys[0] = ".L.U";
	toys[1] = "L..U";
	const struct search_subject toy = subject();
	cr_assert(search_parse("b2a2b2a", 2, &schedule));
	cr_assert_eq(schedule.n_switches, 4);
	cr_assert_not(search_replay(&toy, &schedule, &report, &is_asserted));
	cr_assert_str_eq(trace, "bbaabbaaa");
	search_format(&schedule, text, sizeof(text));
	cr_assert_str_eq(text, "b2a2b2a");
	toys[0] = ".V.V";
	toys[1] = "V.";
	cr_assert(search_parse("a1b1a,0=2,2=1", 2, &schedule));
	const struct search_subject choosing = subject();
	cr_assert_not(search_replay(&choosing, &schedule, &report, &is_asserted));
	cr_assert_str_eq(trace, "a20ba1");
	search_format(&schedule, text, sizeof(text));
	cr_assert_str_eq(text, "a1b1a,0=2,2=1");
}

Test(search, says_what_is_no_schedule)
{
	static struct search_schedule schedule;
	static struct engine_report report;
	static const char *const wrong[] = {"", "c", "ab", "a2", "a2b3", "2a", "a-1b", "a2 b",
		"A2b", "a99999999999999999999b", "a20000b", "a,", "a,0", "a,0=", "a,x=1",
		"a,0=1,0=1", "a,1=1,0=1", "a2,0=1b", "a,0=-1", "a,0=1,1=1,2=1,3=1,4=1"};
	bool is_asserted;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		cr_assert_not(search_parse(wrong[i], 2, &schedule), "%s", wrong[i]);
	n_toys = 2;
	toys[0] = "..";
	toys[1] = "..";
	const struct search_subject toy = subject();
	cr_assert(search_parse("a,0=1", 2, &schedule)); /* there is no choice */
	cr_assert(search_replay(&toy, &schedule, &report, &is_asserted));
	cr_assert_str_eq(report.what, search_misfit);
	cr_assert(search_parse("a5b", 2, &schedule)); /* it ends before */
	cr_assert(search_replay(&toy, &schedule, &report, &is_asserted));
	cr_assert_str_eq(report.what, search_misfit);
}

/* ---- Findings -------------------------------------------------------------------------------- */

static uint32_t counter;

static void add_one(void *unused)
{
	(void)unused;
	BALLOON_ADD(counter, 1);
}

static void begin_counter(void)
{
	counter = 0;
}

static void end_counter(void)
{
	ENGINE_CHECK_EQ(counter, 2);
}

Test(search, finds_a_lost_update_with_one_preemption)
{
	static const struct engine_thread adders[] = {{"a", add_one, NULL}, {"b", add_one, NULL}};
	const struct search_subject adding = {
		.threads = adders, .n_threads = 2, .begin = begin_counter, .end = end_counter};
	struct search_options options = {.n_preemptions = 0};
	struct search_result result;
	char text[SEARCH_TEXT_MAX];
	search_run(&adding, &options, &result);
	cr_assert_eq(result.n_found, 0);
	options.n_preemptions = 1;
	search_run(&adding, &options, &result);
	cr_assert_eq(result.n_schedules[0], 2);
	cr_assert_eq(result.n_schedules[1], 2);
	cr_assert_eq(result.n_found, 2);
	cr_assert_eq(result.finding->n_preemptions, 1);
	search_format(&result.finding->schedule, text, sizeof(text));
	cr_assert(!strcmp(text, "a1b2a") || !strcmp(text, "b1a2b"), "%s", text);
}

static void spin(void *unused)
{
	(void)unused;
	while (counter == 0)
		engine_point();
}

Test(search, finds_a_thread_that_does_not_end)
{
	static const struct engine_thread spinners[] = {{"a", spin, NULL}};
	const struct search_subject spinning = {
		.threads = spinners, .n_threads = 1, .begin = begin_counter};
	const struct search_options options = {.n_preemptions = 0};
	struct search_result result;
	search_run(&spinning, &options, &result);
	cr_assert_eq(result.n_found, 1);
	cr_assert_eq(result.finding->report.finding, ENGINE_ENDLESS);
}

BALLOON_LOCK_INTERNALS static void take_in_a_circle(void *context)
{
	static struct balloon_lock locks[2];
	uint32_t first = (uint32_t)(uintptr_t)context;
	for (uint32_t i = 0; i < 2 && !n_trace; i++)
		balloon_lock_init(&locks[i], BALLOON_RANK_PAGES, &n_contended);
	n_trace = 1;
	balloon_lock_acquire(&locks[first]);
	(void)balloon_lock_try(&locks[!first]);
}

Test(search, ends_a_schedule_at_a_lock_that_stays_held)
{
	static const struct engine_thread takers[] = {
		{"a", take_in_a_circle, (void *)0}, {"b", take_in_a_circle, (void *)1}};
	const struct search_subject taking = {.threads = takers, .n_threads = 2, .begin = begin};
	const struct search_options options = {.n_preemptions = 2};
	struct search_result result;
	search_run(&taking, &options, &result);
	cr_assert_gt(result.n_found, 0);
	cr_assert_eq(result.finding->report.finding, ENGINE_LOCK);
}

static void assert_lock(void *unused)
{
	(void)unused;
	engine_point();
	balloon_lock_assert_held(&lock);
}

Test(search, counts_failed_assertions_about_locks_apart)
{
	static const struct engine_thread one[] = {{"a", assert_lock, NULL}};
	const struct search_subject asserting = {.threads = one, .n_threads = 1, .begin = begin};
	const struct search_options options = {.n_preemptions = 0};
	struct search_result result;
	search_run(&asserting, &options, &result);
	cr_assert_eq(result.n_found, 0);
	cr_assert_eq(result.n_asserted, 1);
	cr_assert_str_eq(result.asserted->report.what, search_unheld);
}
