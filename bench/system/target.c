/* SPDX-License-Identifier: MIT */
/*
 * Target: how long it takes to reach it while others fill and leak.
 *
 * One thread runs the driver towards half of all pages. Beside it a filler fills, and a leaker
 * leaks, each a quarter of all pages in requests as large as the driver's, and whatever the target
 * is. The target is reached when all three are done and the balloon is as large as it is to be.
 */
#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <time.h>

#include "common/clock.h"
#include "system/fixture.h"

/* A thread that fills, or one that leaks. */
struct mover {
	pthread_t thread;
	sem_t *gate; /* opened once all are there */
	struct balloon_driver *driver;
	int (*move)(struct balloon_driver *driver, uint32_t n_pages);
	uint32_t request, n_left;
	uint64_t n_again;
	int error; /* that should not have been */
};

/* The driver's design is busy, or there is nothing just now: others may go on. */
static void stand_back(void)
{
	nanosleep(&(struct timespec){.tv_nsec = 10000}, NULL);
}

static bool is_for_now(int result)
{
	return result == 0 || result == -EAGAIN || result == -EBUSY || result == -ENOMEM;
}

static void *move(void *argument)
{
	struct mover *mover = argument;
	sem_wait(mover->gate);
	while (mover->n_left > 0 && mover->error == 0) {
		uint32_t n = mover->n_left < mover->request ? mover->n_left : mover->request;
		int result = mover->move(mover->driver, n);
		if (result > 0)
			mover->n_left -= (uint32_t)result;
		else if (!is_for_now(result))
			mover->error = result;
		else
			stand_back();
		mover->n_again += result <= 0;
	}
	return NULL;
}

/* Returns 0 or a negative errno; in either case both have ended. */
static int run_beside(struct fixture *fixture, struct mover *movers, uint64_t target)
{
	sem_post(movers[0].gate);
	sem_post(movers[1].gate);
	int result = fixture_reach(fixture, target);
	for (int i = 0; i < 2; i++)
		pthread_join(movers[i].thread, NULL);
	if (result == 0) /* what they did after the first run's end */
		result = fixture_reach(fixture, target);
	return result < 0 ? result : movers[0].error ? movers[0].error : movers[1].error;
}

/* Returns 0, or a negative errno: there are none. */
static int start(struct mover *movers)
{
	int error = pthread_create(&movers[0].thread, NULL, move, &movers[0]);
	if (error)
		return -error;
	error = pthread_create(&movers[1].thread, NULL, move, &movers[1]);
	if (!error)
		return 0;
	movers[0].n_left = 0;
	sem_post(movers[0].gate);
	pthread_join(movers[0].thread, NULL);
	return -error;
}

static void note(struct sample *sample, const struct balloon_driver_progress *before,
	const struct balloon_driver_progress *after, const struct mover *movers, uint64_t ns)
{
	uint64_t n_moved =
		after->n_inflated - before->n_inflated + after->n_deflated - before->n_deflated;
	sample->figures[NS_PER_PAGE] = (double)ns / (double)n_moved;
	sample->figures[SECONDS] = (double)ns / 1e9;
	sample->figures[BUSY] = (double)(after->n_busy - before->n_busy);
	sample->figures[AGAIN] = (double)(movers[0].n_again + movers[1].n_again);
}

/* Returns 0 or a negative errno. */
static int reach_target(struct trial *trial, struct sample *sample)
{
	struct fixture *fixture = trial->own;
	const uint32_t n_pages = trial->labels.pages, request = trial->labels.request;
	sem_t gate;
	struct mover movers[2] = {{.gate = &gate,
					  .driver = fixture->driver,
					  .move = balloon_driver_fill,
					  .request = request,
					  .n_left = n_pages / 4},
		{.gate = &gate,
			.driver = fixture->driver,
			.move = balloon_driver_leak,
			.request = request,
			.n_left = n_pages / 4}};
	struct balloon_driver_progress before = fixture_progress(fixture), after;
	sem_init(&gate, 0, 0);
	int result = start(movers);
	uint64_t begin_ns = now_ns();
	if (result == 0)
		result = run_beside(fixture, movers, n_pages / 2);
	uint64_t ns = now_ns() - begin_ns;
	after = fixture_progress(fixture);
	note(sample, &before, &after, movers, ns);
	sem_destroy(&gate);
	return result;
}

static int repeat(struct trial *trial, struct sample *sample, struct problem *problem)
{
	struct fixture *fixture = trial->own;
	int result = reach_target(trial, sample);
	if (result < 0)
		return trial_fail_errno(trial, problem, "reaching the target", result);
	if (fixture_check(fixture, trial, trial->labels.pages / 2, 0, problem) < 0)
		return -1;
	result = fixture_reach(fixture, 0);
	return result < 0 ? trial_fail_errno(trial, problem, "emptying the balloon", result) : 0;
}

static int open_trial(struct trial *trial, struct problem *problem)
{
	struct fixture *fixture = malloc(sizeof *fixture);
	if (!fixture)
		return problem_no_memory(problem);
	trial->own = fixture;
	if (fixture_open(fixture, trial, trial->labels.pages, 0, problem) == 0)
		return 0;
	free(fixture);
	return -1;
}

static void close_trial(struct trial *trial)
{
	fixture_close(trial->own);
	free(trial->own);
}

static const struct trial_ops ops = {open_trial, repeat, close_trial};

/* With a host that takes no time, and with one that does. */
static size_t count(const struct plan *plan)
{
	(void)plan;
	return 2;
}

static int make(
	const struct plan *plan, size_t number, struct round *round, struct problem *problem)
{
	struct labels labels = {.work = WORK_TARGET,
		.kind = TRIAL_DRIVER,
		.channel = number == 0 ? "null" : "slow",
		.strategy = strategy_name(plan->strategies.at[plan->strategies.n - 1]),
		.other_thread = -1,
		.fill = -1,
		.pages = plan->n_zone_pages,
		.page_bytes = SMALL_PAGE,
		.request = plan->request,
		.host_us = number == 0 ? 0 : plan->host_us};
	(void)problem;
	*round = (struct round){.n_trials = 0};
	for (size_t i = 0; i < plan->n_designs; i++) {
		labels.subject = labels.driver = driver_name(plan->designs[i]);
		round_add(round, &labels, &ops);
	}
	return 0;
}

const struct rounds rounds_of_target = {.count = count, .make = make};
