/* SPDX-License-Identifier: MIT */
/* The inside of balloon-bench run: its arithmetic, and whether it finds what goes wrong. */
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/strategies.h"
#include "references/shelf.h"
#include "run/loops.h"
#include "run/series.h"

static int n_failed;

#define CHECK(condition)                                                                           \
	((condition) ? (void)0                                                                     \
		     : (void)(n_failed++,                                                          \
			       fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition)))

static bool never(void)
{
	return false;
}

static bool always(void)
{
	return true;
}

/* ---- Arithmetic ----------------------------------------------------------------------------- */

static void check_histogram(void)
{
	static struct histogram h, three;
	for (uint64_t ns = 1; ns <= 3; ns++)
		histogram_add(&three, ns);
	CHECK(histogram_quantile(&three, 0.5) == 2);
	CHECK(histogram_quantile(&three, 0.999) == 3);
	for (uint64_t ns = 1; ns <= 1000; ns++)
		histogram_add(&h, ns);
	CHECK(h.n == 1000 && h.max == 1000);
	CHECK(histogram_quantile(&h, 0.01) == 10);
	CHECK(fabs((double)histogram_quantile(&h, 0.5) - 500) <= 32);
	CHECK(fabs((double)histogram_quantile(&h, 0.999) - 999) <= 32);
	CHECK(histogram_quantile(&h, 1) == 1000);
	histogram_add(&h, UINT64_MAX);
	CHECK(histogram_quantile(&h, 1) == UINT64_MAX);
	for (unsigned i = 1; i < HISTOGRAM_BUCKETS; i++) {
		CHECK(histogram_bucket(histogram_upper(i)) == i);
		CHECK(histogram_bucket(histogram_upper(i - 1) + 1) == i);
	}
}

static void check_spread(void)
{
	struct sample own[] = {{.ns_per_page = 8}, {.ns_per_page = 2}, {.ns_per_page = 6}};
	struct sample other[] = {{.ns_per_page = 2}, {.ns_per_page = 2}, {.ns_per_page = 1}};
	struct row row = {.samples = own, .n_samples = 3};
	struct row reference = {.samples = other, .n_samples = 3};
	struct spread ns = row_spread(&row, offsetof(struct sample, ns_per_page));
	CHECK(ns.median == 6 && ns.min == 2 && ns.max == 8);
	/* Of pairs, not of medians: 4, 1 and 6. */
	struct spread ratio = row_ratio(&row, &reference);
	CHECK(ratio.median == 4 && ratio.min == 1 && ratio.max == 6);
	row.n_samples = 2;
	CHECK(row_ratio(&row, &reference).median == 2.5);
}

/* ---- Random order ---------------------------------------------------------------------------- */

/* A subject that gives pages by address, and stops its thread in the third round. */
static atomic_bool is_over;
static bool is_in[64];
static uint32_t n_rounds;
static uint32_t n_ascending;

static int insert_any(struct place *place, const struct balloon_page *pages, size_t n)
{
	(void)place;
	bool is_ascending = true;
	for (size_t i = 0; i < n; i++) {
		is_in[pages[i].index] = true;
		is_ascending = is_ascending && (i == 0 || pages[i].index > pages[i - 1].index);
	}
	n_ascending += is_ascending;
	atomic_store(&is_over, ++n_rounds == 3);
	return (int)n;
}

static int dequeue_lowest(struct place *place, struct balloon_page *pages, size_t n)
{
	(void)place;
	size_t n_got = 0;
	for (uint32_t i = 0; i < 64 && n_got < n; i++)
		if (is_in[i]) {
			is_in[i] = false;
			pages[n_got++] = balloon_page(i);
		}
	return (int)n_got;
}

static void check_order(enum order order, uint32_t n_expected)
{
	static const struct ops by_address = {.insert = insert_any, .dequeue = dequeue_lowest};
	const struct shape shape = {.workload = WORKLOAD_CYCLE, .order = order, .batch = 64};
	static struct worker worker;
	struct balloon_page pages[64];
	for (uint32_t i = 0; i < 64; i++)
		pages[i] = balloon_page(i);
	if (order == ORDER_RANDOM)
		pages_shuffle(pages, 64);
	n_rounds = n_ascending = 0;
	worker = (struct worker){.shape = &shape, .stop = &is_over, .pages = pages, .n_pages = 64};
	loops_moving(&by_address, &worker);
	CHECK(n_rounds == 3 && n_ascending == n_expected);
	CHECK(worker.aside_ns == 0 || order == ORDER_RANDOM);
}

/* ---- Faults --------------------------------------------------------------------------------- */

static struct subject faulty; /* a strategy, but for one function */
static struct balloon_page kept[4];
static size_t n_kept;

static int keep_a_page(struct place *place, const struct balloon_page *pages, size_t n)
{
	(void)place;
	for (n_kept = 0; n_kept < n && n_kept < sizeof kept / sizeof kept[0]; n_kept++)
		kept[n_kept] = pages[n_kept];
	return (int)n;
}

static int insert_once(struct place *place, const struct balloon_page *pages, size_t n)
{
	return n_kept == 0 ? keep_a_page(place, pages, n) : (int)n; /* the second batch is lost */
}

static int dequeue_twice(struct place *place, struct balloon_page *pages, size_t n)
{
	(void)place;
	for (size_t i = 0; i < n; i++)
		pages[i] = kept[i % n_kept];
	return (int)n;
}

static int dequeue_fails(struct place *place, struct balloon_page *pages, size_t n)
{
	(void)place;
	(void)pages;
	(void)n;
	return -EIO;
}

static const struct ops doubling = {.insert = insert_once, .dequeue = dequeue_twice};
static const struct ops failing = {.insert = insert_once, .dequeue = dequeue_fails};

static void work_doubling(struct worker *worker)
{
	loops_moving(&doubling, worker);
}

static void work_failing(struct worker *worker)
{
	loops_moving(&failing, worker);
}

static int count_one_too_many(struct instance *instance, struct counts *counts)
{
	int result = shelves_count(instance, counts);
	counts->n_listed++;
	return result;
}

static int count_isolated(struct instance *instance, struct counts *counts)
{
	int result = shelves_count(instance, counts);
	counts->n_isolated++;
	return result;
}

/* One repeat of the faulty subject. Returns what it came to. */
static int repeat(enum workload workload, bool (*is_interrupted)(void), struct problem *problem)
{
	const struct shape shape = {
		.workload = workload, .n_pages = 64, .batch = 4, .n_threads = 1, .n_devices = 1};
	static struct totals totals;
	struct bench bench;
	struct instance instance;
	struct sample sample;
	n_kept = 0;
	if (bench_init(&bench, &shape, false, problem) < 0)
		return -2;
	int result = bench_open(&bench, &instance, &faulty, problem);
	if (result == 0) {
		result = bench_repeat(
			&bench, &instance, 0, is_interrupted, &sample, &totals, problem);
		if (result == 0)
			result = bench_check(&bench, &instance, problem);
		bench_close(&instance);
	}
	bench_fini(&bench);
	return result;
}

static void expect(
	int expected, enum workload workload, bool (*is_interrupted)(void), const char *words)
{
	struct problem problem = {.text = ""};
	int result = repeat(workload, is_interrupted, &problem);
	if (result == expected && strstr(problem.text, words))
		return;
	n_failed++;
	fprintf(stderr, "expected %d and '%s', not %d and '%s'\n", expected, words, result,
		problem.text);
}

static const struct subject *find_reference(const char *name)
{
	size_t i = 0;
	while (strcmp(references[i]->name, name) != 0)
		i++;
	return references[i];
}

static void check_faults(void)
{
	faulty = *find_reference("floor-list");
	expect(0, WORKLOAD_CYCLE, never, "");
	expect(0, WORKLOAD_CHURN, never, "");
	expect(1, WORKLOAD_CHURN, always, "");

	faulty.count = NULL;
	faulty.work = work_doubling;
	expect(-1, WORKLOAD_CYCLE, never, "other pages came out");
	faulty.work = work_failing;
	expect(-1, WORKLOAD_CYCLE, never, "dequeue failed");

	faulty = *find_reference("floor-list");
	faulty.count = count_one_too_many;
	expect(-1, WORKLOAD_CYCLE, never, "1 pages listed");
	expect(-1, WORKLOAD_CHURN, never, "65 pages listed");
	faulty.count = count_isolated;
	expect(-1, WORKLOAD_CYCLE, never, "1 isolated");

	/* In the end: pages that go out another way than they came in. */
	faulty = *find_reference("floor-list");
	struct ops ops = *faulty.ops;
	faulty.ops = &ops;
	ops.dequeue = dequeue_fails;
	expect(-1, WORKLOAD_CHURN, never, "not all pages came out");
}

int main(void)
{
	check_histogram();
	check_spread();
	check_order(ORDER_SEQUENTIAL, 3);
	check_order(ORDER_RANDOM, 0);
	check_faults();
	return n_failed > 0;
}
