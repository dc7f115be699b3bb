/* SPDX-License-Identifier: MIT */
/*
 * Two compactors on one map and two threads that step both, two threads that fill and leak at random beside them, and
 * a third compactor that fills share as what they do before. With each strategy and each driver design.
 */
#include "machine.h"

#include <stdatomic.h>
#include <stdio.h>

enum { FRAMES = 1024, ROUNDS = 1000, COMPACTORS = 2, SIZERS = 2, THREADS = COMPACTORS + SIZERS };

struct churn {
	struct machine machine;
	struct balloon_compactor *compactors[COMPACTORS];
	pthread_barrier_t start;
	atomic_uint n_compacting;
	atomic_bool has_moved;
	uint32_t n_rounds;
};

struct worker {
	struct churn *churn;
	uint32_t index;
	pthread_t thread;
};

/* Each with either, so that a step may find the other thread in one. Until one has moved something too: a scheduler
 * may let the others leak everything first. */
static void compact(struct churn *churn, uint32_t index)
{
	uint64_t state = index + 1;
	for (uint32_t i = 0; i < churn->n_rounds || !atomic_load(&churn->has_moved); i++) {
		uint32_t random = machine_random(&state);
		struct balloon_compactor *compactor = churn->compactors[random % COMPACTORS];
		int n = balloon_compactor_step(compactor, random / COMPACTORS % 256);
		REQUIRE(n >= 0 || n == -ENOENT || n == -EAGAIN || n == -EBUSY);
		if (n > 0)
			atomic_store(&churn->has_moved, true);
	}
	atomic_fetch_sub(&churn->n_compacting, 1);
}

/* A driver may be busy, memory full, the balloon empty or all isolated: nothing else. */
static void resize(struct churn *churn, uint32_t index)
{
	struct balloon_driver *driver = churn->machine.driver;
	uint64_t state = index + 1;
	for (uint32_t i = 0; i < churn->n_rounds || atomic_load(&churn->n_compacting) > 0; i++) {
		uint32_t random = machine_random(&state);
		uint32_t n_pages = 1 + random / 2 % 64;
		int n = random & 1 ? balloon_driver_fill(driver, n_pages)
				   : balloon_driver_leak(driver, n_pages);
		REQUIRE(n >= 0 || n == -EAGAIN || n == -ENOMEM);
	}
}

static void *work(void *argument)
{
	struct worker *worker = argument;
	pthread_barrier_wait(&worker->churn->start);
	if (worker->index < COMPACTORS)
		compact(worker->churn, worker->index);
	else
		resize(worker->churn, worker->index);
	return NULL;
}

static void run(struct churn *churn)
{
	struct worker workers[THREADS];
	pthread_barrier_init(&churn->start, NULL, THREADS);
	atomic_init(&churn->n_compacting, COMPACTORS);
	atomic_init(&churn->has_moved, false);
	for (uint32_t i = 0; i < THREADS; i++) {
		workers[i].churn = churn;
		workers[i].index = i;
		REQUIRE(pthread_create(&workers[i].thread, NULL, work, &workers[i]) == 0);
	}
	for (uint32_t i = 0; i < THREADS; i++)
		pthread_join(workers[i].thread, NULL);
	pthread_barrier_destroy(&churn->start);
}

static uint64_t check_stats(struct balloon_compactor *compactor)
{
	struct balloon_compactor_stats stats = machine_stats(compactor);
	REQUIRE(stats.n_isolated == stats.n_migrated + stats.n_put_back);
	REQUIRE(stats.n_shrunk == 0 && stats.n_kept == 0);
	return stats.n_migrated;
}

static void lose_nothing(
	const struct balloon_strategy *strategy, const struct balloon_driver_design *design)
{
	struct churn churn;
	struct machine_config config = {.strategy = strategy,
		.design = design,
		.n_frames = is_short() ? FRAMES / 8 : FRAMES,
		.is_prepared = true};
	churn.n_rounds = is_short() ? ROUNDS / 50 : ROUNDS;
	machine_open(&churn.machine, &config);
	for (int i = 0; i < COMPACTORS; i++)
		churn.compactors[i] = machine_compactor(&churn.machine);
	machine_fill(&churn.machine, config.n_frames / 2);
	run(&churn);
	machine_check(&churn.machine);
	uint64_t n_migrated = check_stats(churn.machine.compactor);
	for (int i = 0; i < COMPACTORS; i++) {
		n_migrated += check_stats(churn.compactors[i]);
		REQUIRE(balloon_compactor_destroy(churn.compactors[i]) == 0);
	}
	REQUIRE(n_migrated > 0);
	REQUIRE(machine_progress(&churn.machine).n_migrated == n_migrated);
	machine_close(&churn.machine);
	printf("%s: %llu pages migrated\n", machine_name, (unsigned long long)n_migrated);
}

int main(void)
{
	machine_for_each(lose_nothing);
	return 0;
}
