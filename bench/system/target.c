/* SPDX-License-Identifier: MIT */
/*
 * Target: how long it takes to reach it while others fill and leak.
 *
 * One thread runs the driver towards half of all pages. Beside it a filler fills, and a leaker
 * leaks, each a quarter of all pages in requests as large as the driver's, and whatever the target
 * is. The target is reached when all three are done and the balloon is as large as it is to be.
 */
#include <errno.h>
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

static void note(struct trial *trial, const struct balloon_driver_progress *before,
	const struct balloon_driver_progress *after, const struct mover *movers, uint64_t ns)
{
	uint64_t n_moved =
		after->n_inflated - before->n_inflated + after->n_deflated - before->n_deflated;
	trial_note(trial, "ns_per_page", (double)ns / (double)n_moved);
	trial_note(trial, "seconds", (double)ns / 1e9);
	trial_note(trial, "busy", (double)(after->n_busy - before->n_busy));
	trial_note(trial, "again", (double)(movers[0].n_again + movers[1].n_again));
}

/* Returns 0 or a negative errno. */
static int reach_target(struct trial *trial)
{
	struct fixture *fixture = trial->own;
	const uint32_t n_pages = number_of(trial, "pages");
	sem_t gate;
	const struct mover filler = {.gate = &gate,
		.driver = fixture->driver,
		.move = balloon_driver_fill,
		.request = number_of(trial, "request"),
		.n_left = n_pages / 4};
	struct mover movers[2] = {filler, filler};
	movers[1].move = balloon_driver_leak;
	struct balloon_driver_progress before = fixture_progress(fixture), after;
	sem_init(&gate, 0, 0);
	int result = start(movers);
	uint64_t begin_ns = now_ns();
	if (result == 0)
		result = run_beside(fixture, movers, n_pages / 2);
	uint64_t ns = now_ns() - begin_ns;
	after = fixture_progress(fixture);
	note(trial, &before, &after, movers, ns);
	sem_destroy(&gate);
	return result;
}

static int repeat(struct trial *trial)
{
	struct fixture *fixture = trial->own;
	if (trial_expect(trial, "reaching the target", reach_target(trial)) < 0 ||
		fixture_check(fixture, trial, number_of(trial, "pages") / 2, 0) < 0)
		return -1;
	return trial_expect(trial, "emptying the balloon", fixture_reach(fixture, 0));
}

static int open_trial(struct trial *trial)
{
	trial->own = malloc(sizeof(struct fixture));
	if (!trial->own)
		return problem_no_memory(trial->round->problem);
	int result = fixture_open(trial->own, trial, 0);
	if (result < 0)
		free(trial->own);
	return result;
}

static void close_trial(struct trial *trial)
{
	fixture_close(trial->own);
	free(trial->own);
}

/* With a host that takes no time, and with one that does. */
static size_t count(const void *plan)
{
	(void)plan;
	return 2;
}

static int make(struct round *round, size_t number)
{
	static const struct trial_ops ops = {open_trial, repeat, repeat, NULL, close_trial};
	const struct system_plan *plan = round->plan;
	round->labels = (struct labels){{{"channel", .text = number == 0 ? "null" : "slow"},
		{"strategy", .text = last_strategy(plan)}, {"pages", .number = plan->n_zone_pages},
		{"request", .number = plan->request},
		{"host_us", .number = number == 0 ? 0 : plan->host_us}}};
	add_drivers(round, &ops, NULL);
	return 0;
}

static const struct column columns[] = {{"", "subject", NULL, 0},
	{"ns/page", "ns_per_page", NULL, 0}, {"[min max]", "ns_per_page/range", NULL, 0},
	{"ms", "seconds", NULL, 1e3}, {"busy", "busy", NULL, 0}, {"again", "again", NULL, 0},
	NO_COLUMN};

const struct workload workload_target = {"target", "ns_per_page", columns, count, make, NULL};
