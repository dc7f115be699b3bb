/* SPDX-License-Identifier: MIT */
/* A run: set-up, phases with pauses between them in which everything is recounted, and the end. */

#include "worker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
	PAUSES_IN_ROUNDS = 4,       /* of a run that is counted in rounds */
	PAUSE_EVERY_NS = 100000000, /* of a run that is timed */
	POLL_NS = 200000,           /* while the main thread waits for the others to pause */
};

static double now_s(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void sleep_ns(long ns)
{
	struct timespec time = {.tv_nsec = ns};
	nanosleep(&time, NULL);
}

/* ---- Threads ---------------------------------------------------------------------------------- */

static void run_phase(struct worker *worker)
{
	struct run *run = worker->run;
	for (uint64_t i = 0; i < run->n_phase_rounds; i++) {
		if (atomic_load_explicit(&run->pause, memory_order_relaxed))
			return;
		role_round(worker);
	}
}

static void *thread_main(void *argument)
{
	struct worker *worker = argument;
	struct run *run = worker->run;
	pthread_barrier_wait(&run->barrier);
	do {
		run_phase(worker);
		atomic_fetch_add_explicit(&run->n_arrived, 1, memory_order_relaxed);
		pthread_barrier_wait(&run->barrier);
		pthread_barrier_wait(&run->barrier);
	} while (!run->is_over);
	role_finish(worker);
	return NULL;
}

/* Wait until all threads pause. A lost wake-up or a deadlock shows here. */
static void wait_for_pause(struct run *run)
{
	double deadline_s = now_s() + run->options->deadline_s;
	while (atomic_load_explicit(&run->n_arrived, memory_order_relaxed) <
		run->options->n_threads) {
		if (now_s() > deadline_s)
			shadow_fail(&run_main_worker(run)->thread,
				"no progress for %u s: %u of %u threads reached the pause",
				run->options->deadline_s, atomic_load(&run->n_arrived),
				run->options->n_threads);
		sleep_ns(POLL_NS);
	}
	atomic_exchange(&run->n_arrived, 0);
	pthread_barrier_wait(&run->barrier);
}

static void end_pause(struct run *run, bool is_over)
{
	run->is_over = is_over;
	atomic_exchange(&run->pause, false);
	pthread_barrier_wait(&run->barrier);
}

/* ---- Fairness ----------------------------------------------------------------------------------- */

struct sample {
	double at_s;
	uint64_t n_rounds[STRESS_THREADS_MAX];
};

static void take_sample(const struct run *run, struct sample *sample)
{
	sample->at_s = now_s();
	for (unsigned i = 0; i < run->options->n_threads; i++)
		sample->n_rounds[i] =
			atomic_load_explicit(&run->workers[i].n_rounds, memory_order_relaxed);
}

/* Note the thread that did the least between two samples, if it did less than any before. */
static void note_worst(const struct run *run, const struct sample *from, const struct sample *to,
	unsigned second, struct stress_report *report)
{
	uint64_t total = 0;
	unsigned worst = 0;
	for (unsigned i = 0; i < run->options->n_threads; i++) {
		total += to->n_rounds[i] - from->n_rounds[i];
		if (to->n_rounds[i] - from->n_rounds[i] <
			to->n_rounds[worst] - from->n_rounds[worst])
			worst = i;
	}
	double mean = (double)total / run->options->n_threads;
	double percent = 100 * (double)(to->n_rounds[worst] - from->n_rounds[worst]) / mean;
	if (percent >= report->worst_percent)
		return;
	report->worst_percent = percent;
	report->worst_thread = worst;
	report->worst_second = second;
}

/* ---- The run ------------------------------------------------------------------------------------ */

static void show_progress(const struct run *run, double elapsed_s)
{
	if (run->options->progress)
		fprintf(stderr, "\r%s: %u of %u s ", run->strategy_name, (unsigned)elapsed_s,
			run->options->seconds);
}

static void run_timed(struct run *run, struct stress_report *report)
{
	double start_s = now_s();
	struct sample last = {.at_s = 0};
	struct sample now = {.at_s = 0};
	take_sample(run, &last);
	for (bool is_over = false; !is_over;) {
		sleep_ns(PAUSE_EVERY_NS);
		atomic_exchange(&run->pause, true);
		wait_for_pause(run);
		recount(run);
		if (now_s() - last.at_s >= 1) {
			take_sample(run, &now);
			note_worst(run, &last, &now, (unsigned)(now.at_s - start_s), report);
			show_progress(run, now.at_s - start_s);
			last = now;
		}
		is_over = now_s() - start_s >= run->options->seconds;
		end_pause(run, is_over);
	}
}

static void run_rounds(struct run *run)
{
	for (int i = 1; i <= PAUSES_IN_ROUNDS; i++) {
		wait_for_pause(run);
		recount(run);
		end_pause(run, i == PAUSES_IN_ROUNDS);
	}
}

static void report_work(const struct run *run, struct stress_report *report)
{
	struct balloon_memmap_stats stats;
	balloon_memmap_stats(run->map, &stats);
	for (unsigned i = 0; i < run->options->n_threads; i++)
		report->n_rounds += atomic_load(&run->workers[i].n_rounds);
	report->n_isolated = stats.devices.n_isolates;
	report->n_moved = stats.devices.n_inserted + stats.devices.n_dequeued +
			  stats.devices.n_isolates + stats.devices.n_putbacks +
			  stats.devices.n_migrated + stats.devices.n_finalized;
	report->n_contended = stats.n_lock_contended;
}

/* Empty all devices: every page is free then, once. */
static void drain(struct run *run)
{
	struct worker *worker = run_main_worker(run);
	struct balloon_page pages[STRESS_BATCH_MAX];
	size_t n;
	for (uint16_t device = 0; device < run->options->n_devices; device++)
		while ((n = call_dequeue(worker, device, pages, STRESS_BATCH_MAX)) > 0)
			pool_give(worker, pages, n);
	recount(run);
	if (run->pool.n_pages != run->options->n_pages)
		shadow_fail(&worker->thread, "I7: %zu of %u pages came back", run->pool.n_pages,
			(unsigned)run->options->n_pages);
	for (unsigned device = 0; device < run->options->n_devices; device++)
		if (balloon_device_destroy(run->map, run->devices[device]) < 0)
			shadow_fail(&worker->thread,
				"I7: device %u is empty and cannot be destroyed", device);
}

static void run_threads(struct run *run, struct stress_report *report)
{
	unsigned n = run->options->n_threads;
	double start_s = now_s();
	for (unsigned i = 0; i < n; i++)
		if (pthread_create(&run->workers[i].pthread, NULL, thread_main, &run->workers[i]))
			shadow_fail(&run_main_worker(run)->thread, "cannot start %u threads", n);
	pthread_barrier_wait(&run->barrier);
	if (run->options->seconds > 0)
		run_timed(run, report);
	else
		run_rounds(run);
	for (unsigned i = 0; i < n; i++)
		pthread_join(run->workers[i].pthread, NULL);
	report->seconds = now_s() - start_s;
	report_work(run, report);
	drain(run);
}

/* ---- Set-up ------------------------------------------------------------------------------------- */

static int make_map(struct run *run, const struct balloon_strategy *strategy)
{
	const struct balloon_memmap_config config = {
		.strategy = strategy,
		.n_pages = run->options->n_pages,
		.n_devices = run->options->n_devices,
	};
	int result = balloon_memmap_create(&config, &run->map);
	for (unsigned i = 0; result == 0 && i < run->options->n_devices; i++)
		result = balloon_device_create(run->map, NULL, &run->devices[i]);
	return result;
}

static int make_workers(struct run *run)
{
	unsigned n = run->options->n_threads + 1; /* and the main thread */
	run->workers = aligned_alloc(_Alignof(struct worker), n * sizeof(*run->workers));
	if (!run->workers)
		return -ENOMEM;
	memset(run->workers, 0, n * sizeof(*run->workers));
	for (unsigned i = 0; i < n; i++) {
		struct worker *worker = &run->workers[i];
		worker->thread.shadow = &run->shadow;
		worker->thread.role = i + 1 < n ? stress_role_name(i) : "main";
		worker->thread.id = (uint16_t)i;
		worker->run = run;
		worker->random = (run->options->seed + i + 1) * UINT64_C(0x9e3779b97f4a7c15) | 1;
	}
	return 0;
}

static int run_init(struct run *run, const struct balloon_strategy *strategy)
{
	const struct stress_options *options = run->options;
	snprintf(run->setting, sizeof(run->setting),
		"strategy %s, %u threads, %u pages, %u devices, seed %llu", run->strategy_name,
		options->n_threads, (unsigned)options->n_pages, (unsigned)options->n_devices,
		(unsigned long long)options->seed);
	run->shadow.setting = run->setting;
	run->n_phase_rounds =
		options->seconds > 0 ? UINT64_MAX : 1 + (options->n_rounds - 1) / PAUSES_IN_ROUNDS;
	pthread_barrier_init(&run->barrier, NULL, options->n_threads + 1);
	int result = shadow_init(&run->shadow, options->n_pages);
	if (result == 0)
		result = pool_init(&run->pool, options->n_pages);
	if (result == 0)
		result = make_workers(run);
	return result < 0 ? result : make_map(run, strategy);
}

static void run_fini(struct run *run)
{
	balloon_memmap_destroy(run->map);
	free(run->workers);
	pool_fini(&run->pool);
	shadow_fini(&run->shadow);
	pthread_barrier_destroy(&run->barrier);
}

int stress_run(const struct balloon_strategy *strategy, const struct stress_options *options,
	struct stress_report *report)
{
	struct run run = {.options = options};
	struct balloon_strategy_info info;
	int result = balloon_strategy_describe(strategy, &info);
	if (result < 0)
		return result;
	memset(report, 0, sizeof(*report));
	report->worst_percent = 100;
	run.strategy_name = info.name;
	result = run_init(&run, strategy);
	if (result == 0)
		run_threads(&run, report);
	run_fini(&run);
	return result;
}
