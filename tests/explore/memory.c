/* SPDX-License-Identifier: MIT */
/* What the models of memory allow, and no more: programs of a few accesses, whose outcomes are known. */

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "explore/search.h"
#include "memory/models.h"

enum { OUTCOMES_MAX = 64, OUTCOME_MAX = 16, WORDS = 2, RESULTS = 8 };

static struct balloon_atomic_u32 words[WORDS];
static uint32_t plain;
static uint32_t results[RESULTS];

#define x (&words[0])
#define y (&words[1])

/* ---- A program and its outcomes -------------------------------------------------------------- */

typedef void (*thread_function)(void *);

static struct {
	enum memory memory;
	thread_function functions[MEMORY_THREADS];
	uint32_t n_threads;
	uint32_t n_results;
	bool shows_memory; /* the words at the end as well */
	char outcomes[OUTCOMES_MAX][OUTCOME_MAX];
	uint32_t n_outcomes;
} litmus;

static void begin(void)
{
	for (uint32_t i = 0; i < WORDS; i++)
		balloon_atomic_init(&words[i], 0, BALLOON_SHARED_COUNTER);
	plain = 0;
	memset(results, 0, sizeof(results));
	memory_begin(litmus.memory, litmus.n_threads);
}

static void run_thread(void *function)
{
	(*(thread_function *)function)(NULL);
	memory_end_thread();
}

static void end(void)
{
	char outcome[OUTCOME_MAX] = "";
	uint32_t n = 0;
	for (uint32_t i = 0; i < litmus.n_results; i++)
		outcome[n++] = (char)('0' + results[i]);
	for (uint32_t i = 0; i < WORDS && litmus.shows_memory; i++)
		outcome[n++] = (char)('0' + words[i].value);
	for (uint32_t i = 0; i < litmus.n_outcomes; i++)
		if (!strcmp(litmus.outcomes[i], outcome))
			return;
	cr_assert_lt(litmus.n_outcomes, OUTCOMES_MAX);
	strcpy(litmus.outcomes[litmus.n_outcomes++], outcome);
}

static int compare(const void *a, const void *b)
{
	return strcmp(a, b);
}

static struct search_result search_all(enum memory memory)
{
	static struct engine_thread threads[MEMORY_THREADS];
	const struct search_options options = {
		.n_preemptions = SEARCH_PREEMPTIONS_MAX, .n_values = SEARCH_VALUES_MAX};
	struct search_result result;
	for (uint32_t i = 0; i < litmus.n_threads; i++)
		threads[i] = (struct engine_thread){"litmus", run_thread, &litmus.functions[i]};
	const struct search_subject subject = {
		.threads = threads, .n_threads = litmus.n_threads, .begin = begin, .end = end};
	litmus.memory = memory;
	litmus.n_outcomes = 0;
	search_run(&subject, &options, &result);
	return result;
}

static void check(enum memory memory, const char *expected)
{
	char found[OUTCOMES_MAX * OUTCOME_MAX] = "";
	struct search_result result = search_all(memory);
	cr_assert_eq(result.n_found, 0, "%s: %s", memory_name(memory),
		result.finding ? result.finding->report.what : "");
	qsort(litmus.outcomes, litmus.n_outcomes, OUTCOME_MAX, compare);
	for (uint32_t i = 0; i < litmus.n_outcomes; i++) {
		strcat(found, i ? " " : "");
		strcat(found, litmus.outcomes[i]);
	}
	cr_assert_str_eq(found, expected, "%s: %s", memory_name(memory), found);
}

static void check_each(const char *sc, const char *tso, const char *ra)
{
	check(MEMORY_SC, sc);
	check(MEMORY_TSO, tso);
	check(MEMORY_RA, ra);
}

static void set(
	uint32_t n_results, bool shows_memory, uint32_t n_threads, const thread_function *functions)
{
	litmus.n_results = n_results;
	litmus.shows_memory = shows_memory;
	litmus.n_threads = n_threads;
	memcpy(litmus.functions, functions, n_threads * sizeof(*functions));
}

#define SET(n_results, shows_memory, ...)                                                          \
	set((n_results), (shows_memory),                                                           \
		sizeof((const thread_function[]){__VA_ARGS__}) / sizeof(thread_function),          \
		(const thread_function[]){__VA_ARGS__})

/* ---- Threads --------------------------------------------------------------------------------- */

#define THREAD(name, ...)                                                                          \
	static void name(void *unused)                                                             \
	{                                                                                          \
		(void)unused;                                                                      \
		__VA_ARGS__                                                                        \
	}
#define STORE(word, number, order) balloon_atomic_store((word), (number), BALLOON_##order);
#define LOAD(word, result, order)  results[result] = balloon_atomic_load((word), BALLOON_##order);
#define FENCE                      balloon_atomic_fence();

THREAD(store_x_load_y, STORE(x, 1, RELEASE) LOAD(y, 0, ACQUIRE))
THREAD(store_y_load_x, STORE(y, 1, RELEASE) LOAD(x, 1, ACQUIRE))

Test(memory, store_buffering)
{
	SET(2, false, store_x_load_y, store_y_load_x);
	check_each("01 10 11", "00 01 10 11", "00 01 10 11");
}

THREAD(store_x_fence_load_y, STORE(x, 1, RELAXED) FENCE LOAD(y, 0, RELAXED))
THREAD(store_y_fence_load_x, STORE(y, 1, RELAXED) FENCE LOAD(x, 1, RELAXED))

Test(memory, store_buffering_with_fences)
{
	SET(2, false, store_x_fence_load_y, store_y_fence_load_x);
	check_each("01 10 11", "01 10 11", "01 10 11");
}

Test(memory, store_buffering_with_one_fence)
{
	SET(2, false, store_x_fence_load_y, store_y_load_x);
	check_each("01 10 11", "00 01 10 11", "00 01 10 11");
}

/* A fence in every thread on one side, nothing but the compiler's on the other. */
THREAD(store_x_fence_all_load_y, STORE(x, 1, RELAXED) balloon_platform_fence_threads();
	LOAD(y, 0, RELAXED))
THREAD(store_y_later_load_x, balloon_atomic_store_later(y, 1, BALLOON_RELEASE);
	balloon_compiler_fence(); LOAD(x, 1, RELAXED))

Test(memory, store_buffering_with_a_fence_of_all_threads)
{
	SET(2, false, store_x_fence_all_load_y, store_y_later_load_x);
	check_each("01 10 11", "01 10 11", "01 10 11");
}

THREAD(store_y_early_load_x, balloon_atomic_store_later(y, 1, BALLOON_RELEASE); LOAD(x, 1, RELAXED))

Test(memory, without_the_compilers_fence_a_store_comes_after_the_next_load)
{
	SET(2, false, store_x_fence_all_load_y, store_y_early_load_x);
	check_each("00 01 10 11", "00 01 10 11", "00 01 10 11");
}

THREAD(store_x_then_release_y, STORE(x, 1, RELAXED) STORE(y, 1, RELEASE))
THREAD(store_x_then_relax_y, STORE(x, 1, RELAXED) STORE(y, 1, RELAXED))
THREAD(acquire_y_then_load_x, LOAD(y, 0, ACQUIRE) LOAD(x, 1, RELAXED))
THREAD(relax_y_then_load_x, LOAD(y, 0, RELAXED) LOAD(x, 1, RELAXED))

Test(memory, message_passing)
{
	SET(2, false, store_x_then_release_y, acquire_y_then_load_x);
	check_each("00 01 11", "00 01 11", "00 01 11");
	SET(2, false, store_x_then_relax_y, acquire_y_then_load_x);
	check_each("00 01 11", "00 01 11", "00 01 10 11");
	SET(2, false, store_x_then_release_y, relax_y_then_load_x);
	check_each("00 01 11", "00 01 11", "00 01 10 11");
}

THREAD(store_x_fence_store_y, STORE(x, 1, RELAXED) FENCE STORE(y, 1, RELAXED))
THREAD(load_y_fence_load_x, LOAD(y, 0, RELAXED) FENCE LOAD(x, 1, RELAXED))

Test(memory, message_passing_by_fences)
{
	SET(2, false, store_x_fence_store_y, load_y_fence_load_x);
	check_each("00 01 11", "00 01 11", "00 01 11");
}

/* Whoever finds what a read-modify-write has left knows what its messages before handed over. */
THREAD(add_to_y, (void)balloon_atomic_add(y, 1, BALLOON_RELAXED);)
THREAD(store_over_y, STORE(y, 2, RELAXED))

Test(memory, a_release_lasts_over_read_modify_writes_of_others)
{
	SET(2, false, store_x_then_release_y, acquire_y_then_load_x, add_to_y);
	check_each("00 01 10 11 21", "00 01 10 11 21", "00 01 10 11 21");
	SET(2, false, store_x_then_release_y, acquire_y_then_load_x, store_over_y);
	check_each("00 01 11 20 21", "00 01 11 20 21", "00 01 11 20 21");
}

THREAD(load_x_store_y, LOAD(x, 0, RELAXED) STORE(y, 1, RELAXED))
THREAD(load_y_store_x, LOAD(y, 1, RELAXED) STORE(x, 1, RELAXED))

Test(memory, no_load_sees_a_store_that_comes_after_it)
{
	SET(2, false, load_x_store_y, load_y_store_x);
	check_each("00 01 10", "00 01 10", "00 01 10");
}

THREAD(store_x_1, STORE(x, 1, RELAXED))
THREAD(store_x_2, STORE(x, 2, RELAXED))
THREAD(load_x_twice, LOAD(x, 0, RELAXED) LOAD(x, 1, RELAXED))
THREAD(load_x_twice_more, LOAD(x, 2, RELAXED) LOAD(x, 3, RELAXED))

Test(memory, loads_of_one_word_do_not_go_back)
{
	SET(2, false, store_x_1, load_x_twice);
	check_each("00 01 11", "00 01 11", "00 01 11");
}

/* Nor does one after a comparison that failed. */
THREAD(compare_x_then_load_x, uint32_t expected = 5;
	(void)balloon_atomic_cas(x, &expected, 6, BALLOON_RELAXED); results[0] = expected;
	LOAD(x, 1, RELAXED))

Test(memory, a_comparison_that_fails_is_a_load)
{
	SET(2, false, store_x_1, compare_x_then_load_x);
	check_each("00 01 11", "00 01 11", "00 01 11");
}

THREAD(store_x_load_both, STORE(x, 1, RELAXED) LOAD(x, 0, RELAXED) LOAD(y, 1, RELAXED))
THREAD(store_y_load_both, STORE(y, 1, RELAXED) LOAD(y, 2, RELAXED) LOAD(x, 3, RELAXED))

Test(memory, a_thread_sees_its_own_stores)
{
	SET(4, false, store_x_load_both, store_y_load_both);
	check_each("1011 1110 1111", "1010 1011 1110 1111", "1010 1011 1110 1111");
}

Test(memory, threads_agree_on_the_order_of_stores_to_one_word)
{
	for (enum memory memory = 0; memory < MEMORY_MODELS; memory++) {
		SET(4, false, store_x_1, store_x_2, load_x_twice, load_x_twice_more);
		cr_assert_eq(search_all(memory).n_found, 0);
		for (uint32_t i = 0; i < litmus.n_outcomes; i++)
			cr_assert_str_neq(litmus.outcomes[i], "1221", "%s", memory_name(memory));
		cr_assert_gt(litmus.n_outcomes, 20);
	}
}

THREAD(store_x_1_y_2, STORE(x, 1, RELAXED) STORE(y, 2, RELAXED))
THREAD(store_y_1_x_2, STORE(y, 1, RELAXED) STORE(x, 2, RELAXED))

Test(memory, two_stores_each)
{
	SET(0, true, store_x_1_y_2, store_y_1_x_2);
	check_each("12 21 22", "12 21 22", "11 12 21 22");
}

THREAD(store_y_1, STORE(y, 1, RELEASE))
THREAD(load_x_then_y, LOAD(x, 0, ACQUIRE) LOAD(y, 1, ACQUIRE))
THREAD(load_y_then_x, LOAD(y, 2, ACQUIRE) LOAD(x, 3, ACQUIRE))
THREAD(load_x_fence_y, LOAD(x, 0, ACQUIRE) FENCE LOAD(y, 1, ACQUIRE))
THREAD(load_y_fence_x, LOAD(y, 2, ACQUIRE) FENCE LOAD(x, 3, ACQUIRE))

static bool has_outcome(enum memory memory, const char *outcome)
{
	cr_assert_eq(search_all(memory).n_found, 0);
	for (uint32_t i = 0; i < litmus.n_outcomes; i++)
		if (!strcmp(litmus.outcomes[i], outcome))
			return true;
	return false;
}

Test(memory, stores_of_two_threads_in_two_orders)
{
	SET(4, false, store_x_1, store_y_1, load_x_then_y, load_y_then_x);
	cr_assert_not(has_outcome(MEMORY_SC, "1010"));
	cr_assert_eq(litmus.n_outcomes, 15);
	cr_assert_not(has_outcome(MEMORY_TSO, "1010"));
	cr_assert_eq(litmus.n_outcomes, 15);
	cr_assert(has_outcome(MEMORY_RA, "1010"));
	cr_assert_eq(litmus.n_outcomes, 16);
	SET(4, false, store_x_1, store_y_1, load_x_fence_y, load_y_fence_x);
	cr_assert_not(has_outcome(MEMORY_RA, "1010"));
	cr_assert_eq(litmus.n_outcomes, 15);
}

THREAD(exchange_x_1, results[0] = balloon_atomic_exchange(x, 1, BALLOON_RELAXED);)
THREAD(exchange_x_2, results[1] = balloon_atomic_exchange(x, 2, BALLOON_RELAXED);)
THREAD(take_x, uint32_t expected = 0;
	results[0] = balloon_atomic_cas(x, &expected, 1, BALLOON_RELAXED); results[1] = expected;)
THREAD(take_x_as_well, uint32_t expected = 0;
	results[2] = balloon_atomic_cas(x, &expected, 2, BALLOON_RELAXED); results[3] = expected;)

Test(memory, nothing_comes_in_between_a_read_modify_write)
{
	SET(2, true, exchange_x_1, exchange_x_2);
	check_each("0120 2010", "0120 2010", "0120 2010");
	SET(1, true, exchange_x_1, store_x_2);
	check_each("020 210", "020 210", "020 210");
	SET(4, true, take_x, take_x_as_well);
	check_each("021020 100110", "021020 100110", "021020 100110");
}

/* ---- Plain accesses -------------------------------------------------------------------------- */

THREAD(write_then_release, BALLOON_WRITE(plain, 1); STORE(x, 1, RELEASE))
THREAD(write_then_relax, BALLOON_WRITE(plain, 1); STORE(x, 1, RELAXED))
THREAD(acquire_then_read,
	if (balloon_atomic_load(x, BALLOON_ACQUIRE)) results[0] = BALLOON_READ(plain);)
THREAD(relax_then_read,
	if (balloon_atomic_load(x, BALLOON_RELAXED)) results[0] = BALLOON_READ(plain);)
THREAD(read_plain, results[1] = BALLOON_READ(plain);)
THREAD(write_plain, BALLOON_WRITE(plain, 2);)

THREAD(write_then_fence, BALLOON_WRITE(plain, 1); FENCE STORE(x, 1, RELAXED))
THREAD(
	fence_then_read, if (balloon_atomic_load(x, BALLOON_RELAXED)) {
		FENCE
		results[0] = BALLOON_READ(plain);
	})
THREAD(read_then_relax, results[0] = BALLOON_READ(plain); STORE(x, 1, RELAXED))
THREAD(relax_then_write, if (balloon_atomic_load(x, BALLOON_RELAXED)) BALLOON_WRITE(plain, 2);)

static bool has_race(void)
{
	struct search_result result = search_all(MEMORY_RA);
	cr_assert(!result.finding || strstr(result.finding->report.what, "a race"), "%s",
		result.finding ? result.finding->report.what : "");
	return result.finding != NULL;
}

Test(memory, a_race_is_found)
{
	SET(1, false, write_then_release, acquire_then_read);
	cr_assert_not(has_race());
	SET(1, false, write_then_relax, acquire_then_read);
	cr_assert(has_race());
	SET(1, false, write_then_release, relax_then_read);
	cr_assert(has_race());
	SET(1, false, write_then_fence, fence_then_read);
	cr_assert_not(has_race());
	SET(1, false, write_then_relax, fence_then_read);
	cr_assert(has_race());
	SET(1, false, write_then_fence, relax_then_read);
	cr_assert(has_race());
	SET(1, false, read_then_relax, relax_then_write);
	cr_assert(has_race());
	SET(2, false, write_then_release, read_plain);
	cr_assert(has_race());
	SET(2, false, write_plain, write_then_release);
	cr_assert(has_race());
	SET(2, false, read_plain, read_plain);
	cr_assert_not(has_race());
}

THREAD(write_plain_load_y, BALLOON_WRITE(plain, 1); LOAD(y, 0, RELAXED))
THREAD(write_then_read, BALLOON_WRITE(plain, 1); results[0] = BALLOON_READ(plain);)
THREAD(store_y_read_plain, STORE(y, 1, RELAXED) results[1] = BALLOON_READ(plain);)

Test(memory, plain_stores_are_buffered_and_their_thread_sees_them)
{
	SET(2, false, write_plain_load_y, store_y_read_plain);
	check(MEMORY_SC, "01 10 11");
	check(MEMORY_TSO, "00 01 10 11");
	SET(1, false, write_then_read);
	check(MEMORY_TSO, "1");
}

/* ---- What is not modelled -------------------------------------------------------------------- */

THREAD(load_in_order, results[0] = balloon_atomic_load(x, __ATOMIC_SEQ_CST);)

static void check_fails(const char *what)
{
	struct search_result result = search_all(MEMORY_RA);
	cr_assert(result.finding && strstr(result.finding->report.what, what));
}

Test(memory, what_is_not_modelled_is_a_finding)
{
	SET(1, false, load_in_order);
	check_fails("an order that is not modelled");
}

/* ---- Orders ---------------------------------------------------------------------------------- */

Test(memory, an_order_is_weakened_in_one_function)
{
	const struct balloon_order *order = NULL;
	SET(1, false, write_then_release, acquire_then_read);
	while ((order = memory_order_next(order)) && strcmp(order->function, "acquire_then_read"))
		;
	cr_assert(order);
	cr_assert_str_eq(memory_operation_name(order->operation), "load");
	memory_weaken(order);
	cr_assert(has_race());
	memory_weaken(NULL);
	cr_assert_not(has_race());
}
