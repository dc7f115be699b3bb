/* SPDX-License-Identifier: MIT */
/* The inside of balloon-bench run: its arithmetic, and whether it finds what goes wrong. */
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "expect.h"
#include "harness/rows.h"
#include "references/shelf.h"
#include "run/bench.h"
#include "run/loops.h"

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

/* A trial of known figures, as a workload would have noted them. */
static const double own[] = {8, 2, 6}, other[] = {2, 2, 1}, none[] = {0, 0, 0};

static int note_next(struct trial *trial)
{
	const double *values = trial->how;
	trial_note(trial, "ns_per_page", values[trial->n_repeats]);
	trial_note(trial, "share", NAN); /* the system does not say */
	if (trial->n_repeats > 0 && values == own)
		trial_note(trial, "busy", 4 + 6 * (double)(trial->n_repeats - 1));
	histogram_add(trial_durations(trial, "call_ns"), 7);
	return 0;
}

static int make_known(struct round *round, size_t number)
{
	static const struct trial_ops ops = {0, NULL, note_next, note_next, NULL, NULL};
	(void)number;
	round->labels = (struct labels){{{"order", .text = "up"}, {"pages", .number = 7},
		{"fill", .number = 1, .is_flag = true}}};
	round_add(round, "own", "strategy", &ops, own);
	trial_label(round_add(round, "other", "floor", &ops, other), "call", "each");
	round_add(round, "none", "peer", &ops, none);
	return 0;
}

static double number_at(const json_t *row, const char *name, const char *part)
{
	return json_number_value(json_object_get(json_object_get(row, name), part));
}

static void check_rows(void)
{
	static const struct workload known = {
		.name = "known", .time = "ns_per_page", .make = make_known};
	static struct round round;
	struct problem problem;
	json_t *rows = json_array();
	CHECK(round_make(&round, &known, NULL, 3, 0, &problem) == 0);
	CHECK(round_run(&round, NULL) == 0 && rows_append(rows, &round) == 0);
	round_fini(&round);
	const json_t *row = json_array_get(rows, 0), *reference = json_array_get(rows, 1);
	CHECK(json_array_size(rows) == 3 && !json_object_get(row, "share"));
	CHECK(number_at(row, "ns_per_page", "median") == 6);
	CHECK(number_at(row, "ns_per_page", "min") == 2 &&
		number_at(row, "ns_per_page", "max") == 8);
	/* Of pairs, not of medians: 4, 1 and 6. */
	const json_t *ratio = json_object_get(row, "ratio");
	CHECK(number_at(ratio, "other", "median") == 4 && json_object_size(ratio) == 1);
	CHECK(number_at(ratio, "other", "min") == 1 && number_at(ratio, "other", "max") == 6);
	/* Over nothing is no ratio. What is not known of a repeat does not count, nor does a label that does not apply. */
	CHECK(number_at(row, "busy", "median") == 7 && !json_object_get(reference, "busy"));
	CHECK(!json_object_get(row, "call") && json_object_get(reference, "call"));
	CHECK(json_is_true(json_object_get(row, "fill")));
	/* The repeat that warms up is forgotten. */
	CHECK(number_at(row, "call_ns", "samples") == 3);
	json_decref(rows);
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
		pages_shuffle(pages, 64, 1);
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

static enum work work;

static int make_faulty(struct round *round, size_t number)
{
	const struct shape shape = {
		.workload = work, .n_pages = 64, .batch = 4, .n_threads = 1, .n_devices = 1};
	(void)number;
	round_add(round, "faulty", "floor", &bench_ops, &faulty);
	return bench_make(round, &shape, 0, false);
}

/* A round of the faulty subject. */
static void expect(int expected, enum work workload, const char *words)
{
	static const struct workload faults = {
		"faults", NULL, NULL, NULL, NULL, make_faulty, NULL, 1};
	n_kept = 0;
	work = workload;
	expect_round(&faults, expected, words);
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
	expect(0, WORKLOAD_CYCLE, "");
	expect(0, WORKLOAD_CHURN, "");

	faulty.count = NULL;
	faulty.work = work_doubling;
	expect(-1, WORKLOAD_CYCLE, "other pages came out");
	faulty.work = work_failing;
	expect(-1, WORKLOAD_CYCLE, "dequeue failed");

	faulty = *find_reference("floor-list");
	faulty.count = count_one_too_many;
	expect(-1, WORKLOAD_CYCLE, "1 pages listed");
	expect(-1, WORKLOAD_CHURN, "65 pages listed");
	faulty.count = count_isolated;
	expect(-1, WORKLOAD_CYCLE, "1 isolated");

	/* In the end: pages that go out another way than they came in. */
	faulty = *find_reference("floor-list");
	struct ops ops = *faulty.ops;
	faulty.ops = &ops;
	ops.dequeue = dequeue_fails;
	expect(-1, WORKLOAD_CHURN, "not all pages came out");

	faulty = *find_reference("floor-list");
	interrupt_watch();
	raise(SIGINT);
	expect(1, WORKLOAD_CHURN, "");
}

int main(void)
{
	check_histogram();
	check_rows();
	check_order(ORDER_SEQUENTIAL, 3);
	check_order(ORDER_RANDOM, 0);
	check_faults();
	return n_failed > 0;
}
