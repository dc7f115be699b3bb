/* SPDX-License-Identifier: MIT */
/* One repeat: prepare the threads, let them run, check, sum up. */
#include "run/bench.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

/* ---- Before --------------------------------------------------------------------------------- */

static void give_share(struct bench *bench, struct worker *worker)
{
	uint64_t n_pages = bench->shape.n_pages;
	uint64_t first = n_pages * worker->number / bench->shape.n_threads;
	uint64_t end = n_pages * (worker->number + 1) / bench->shape.n_threads;
	worker->pages = bench->work + first;
	worker->n_pages = end - first;
}

static void give_hand(struct bench *bench, const struct instance *instance, struct worker *worker)
{
	const size_t batch = bench->shape.batch;
	worker->hand_max = HAND_BATCHES * batch;
	worker->pages = bench->hands + worker->number * bench->hand_stride;
	worker->found = worker->pages + worker->hand_max;
	worker->spare = worker->found + batch;
	if (shape_n_spare(&bench->shape) > 0)
		memcpy(worker->spare, instance->spares + worker->number * batch,
			batch * sizeof *worker->spare);
}

/* The pages to spare are others now: they stay with the instance. */
static void take_spares(const struct bench *bench, struct instance *instance)
{
	const size_t batch = bench->shape.batch;
	if (shape_n_spare(&bench->shape) == 0)
		return;
	for (unsigned i = 0; i < bench->shape.n_threads; i++)
		memcpy(instance->spares + i * batch, bench->workers[i].spare,
			batch * sizeof *instance->spares);
}

static void prepare(struct bench *bench, const struct instance *instance, struct worker *worker)
{
	const struct shape *shape = &bench->shape;
	const unsigned number = (unsigned)(worker - bench->workers);
	memset(worker, 0, sizeof *worker);
	worker->shape = shape;
	worker->number = number;
	worker->place = instance->places[number % shape->n_devices];
	worker->work = instance->subject->work;
	worker->n_map = shape->n_pages + shape_n_spare(shape);
	worker->cursor = (uint32_t)((uint64_t)worker->n_map * number / shape->n_threads);
	worker->random = UINT64_C(0x9e3779b97f4a7c15) * (number + 1);
	worker->until_dequeue = worker->until_isolate = 1 + number % SAMPLE_INTERVAL;
	if (shape->workload == WORKLOAD_CYCLE)
		give_share(bench, worker);
	else
		give_hand(bench, instance, worker);
}

/* ---- After ---------------------------------------------------------------------------------- */

static int check_workers(const struct trial *trial)
{
	const struct bench *bench = bench_of(trial);
	for (unsigned i = 0; i < bench->shape.n_threads; i++)
		if (bench->workers[i].failed)
			return trial_expect(
				trial, bench->workers[i].failed, bench->workers[i].error);
	return 0;
}

static int check_counts(const struct trial *trial, struct counts *counts)
{
	struct instance *instance = trial->own;
	uint64_t n_expected = shape_is_filled(instance->shape) ? instance->shape->n_pages : 0;
	if (!instance->subject->count)
		return 0;
	int result = instance->subject->count(instance, counts);
	if (result < 0)
		return trial_expect(trial, "counting", result);
	if (counts->n_listed == n_expected && counts->n_isolated == 0)
		return 0;
	return trial_fail(trial,
		"%" PRIu64 " pages listed and %" PRIu64
		" isolated between two repeats, not %" PRIu64 " and 0",
		counts->n_listed, counts->n_isolated, n_expected);
}

/* In the cycle, every page is out again after a repeat. */
static int check_pages(const struct trial *trial)
{
	const struct bench *bench = bench_of(trial);
	if (bench->shape.workload != WORKLOAD_CYCLE ||
		bench_fingerprint(bench->work, bench->shape.n_pages) ==
			bench_fingerprint(bench->pages, bench->shape.n_pages))
		return 0;
	return trial_fail(trial, "other pages came out than went in");
}

/* ---- What it came to ------------------------------------------------------------------------ */

/* Of threads first to end - 1. */
static double fairness_among(const struct bench *bench, unsigned first, unsigned end)
{
	double slowest = HUGE_VAL, fastest = 0;
	for (unsigned i = first; i < end; i++) {
		const struct worker *worker = &bench->workers[i];
		double elapsed_ns = (double)(worker_elapsed_ns(worker) + 1);
		slowest = fmin(slowest, (double)worker->n_done / elapsed_ns);
		fastest = fmax(fastest, (double)worker->n_done / elapsed_ns);
	}
	return fastest > 0 ? slowest / fastest : 1;
}

static double fairness(const struct bench *bench)
{
	unsigned n_churners = shape_n_churners(&bench->shape);
	return fmin(fairness_among(bench, 0, n_churners),
		fairness_among(bench, n_churners, bench->shape.n_threads));
}

/* What all threads did together. */
static void sum_up(struct trial *trial, uint64_t n_contended)
{
	const struct bench *bench = bench_of(trial);
	const struct instance *instance = trial->own;
	uint64_t n_done, n_attempts = 0, n_isolated = 0, cpu_ns = 0;
	double elapsed_ns = workers_elapsed_ns(bench->workers, bench->shape.n_threads, &n_done);
	for (unsigned i = 0; i < bench->shape.n_threads; i++) {
		const struct worker *worker = &bench->workers[i];
		n_attempts += worker->n_attempts;
		n_isolated += worker->n_isolated;
		cpu_ns += worker->cpu_ns - worker->aside_ns;
		histogram_merge(trial_durations(trial, "dequeue_ns"), &worker->dequeue);
		histogram_merge(trial_durations(trial, "isolate_ns"), &worker->isolate);
	}
	double n = n_done ? (double)n_done : 1;
	trial_note(trial, "ns_per_page", elapsed_ns / n);
	trial_note(trial, "fairness", fairness(bench));
	trial_note(trial, "cpu_s_per_million_pages", (double)cpu_ns / 1e3 / n);
	trial_note(trial, "bytes_per_page", instance->bytes_per_page);
	if (instance->subject->count)
		trial_note(trial, "contended_per_page", (double)n_contended / n);
	if (!shape_isolates(&bench->shape))
		return;
	trial_note(trial, "isolate_attempts", (double)n_attempts);
	trial_note(trial, "isolated", (double)n_isolated);
	trial_note(trial, "success_rate", n_attempts ? (double)n_isolated / (double)n_attempts : 1);
}

/* Before a repeat. Returns 0 or -1. */
static int prepare_all(const struct trial *trial, struct counts *counts)
{
	struct bench *bench = bench_of(trial);
	for (unsigned i = 0; i < bench->shape.n_threads; i++)
		prepare(bench, trial->own, &bench->workers[i]);
	if (bench->shape.workload == WORKLOAD_CYCLE)
		memcpy(bench->work, bench->pages, bench->shape.n_pages * sizeof *bench->pages);
	return check_counts(trial, counts);
}

/* After it. Returns 0 or -1. */
static int check_all(const struct trial *trial, struct counts *counts)
{
	take_spares(bench_of(trial), trial->own);
	if (check_workers(trial) < 0 || check_counts(trial, counts) < 0)
		return -1;
	return check_pages(trial);
}

int bench_repeat(struct trial *trial, double seconds)
{
	struct bench *bench = bench_of(trial);
	struct counts before = {0}, after = {0};
	if (prepare_all(trial, &before) < 0)
		return -1;
	int result = workers_run(bench->workers, bench->shape.n_threads, bench->is_pinned, seconds);
	if (result < 0)
		return trial_expect(trial, "starting threads", result);
	if (check_all(trial, &after) < 0)
		return -1;
	if (result == 0)
		sum_up(trial, after.n_contended - before.n_contended);
	return result;
}

int bench_round(
	struct trial *trial, void (*begin)(struct trial *trial), void (*end)(struct trial *trial))
{
	const atomic_bool stop = true;
	struct worker *worker = &bench_of(trial)->workers[0];
	struct counts counts = {0};
	if (prepare_all(trial, &counts) < 0)
		return -1;
	worker->stop = &stop;
	begin(trial);
	worker->work(worker);
	end(trial);
	return check_all(trial, &counts);
}
