/* SPDX-License-Identifier: MIT */
/*
 * Target: how long it takes to reach it while others fill and leak.
 *
 * One thread runs the driver towards half of all pages. Beside it a filler fills, and a leaker
 * leaks, each a quarter of all pages in requests as large as the driver's, and whatever the target
 * is. The target is reached when all three are done and the balloon is as large as it is to be.
 */
#include <errno.h>
#include <time.h>

#include "common/clock.h"
#include "common/threads.h"
#include "system/fixture.h"

/* A thread that fills, or one that leaks. */
struct mover {
	struct balloon_driver *driver;
	int (*move)(struct balloon_driver *driver, uint32_t n_pages);
	uint32_t request, n_left;
	uint64_t n_again;
	int error; /* that should not have been */
};

/* The thread that runs the driver. */
struct runner {
	struct fixture *fixture;
	uint64_t target;
	int error;
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

static void move(void *argument)
{
	struct mover *mover = argument;
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
}

static void run(void *argument)
{
	struct runner *runner = argument;
	runner->error = fixture_reach(runner->fixture, runner->target);
}

/* Returns 0 or a negative errno. */
static int run_beside(struct mover *movers, struct runner *runner)
{
	const struct threads threads = {2, false, move, movers, sizeof *movers, run, runner};
	int result = threads_run(&threads);
	if (result == 0 && runner->error == 0) /* what they did after the first run's end */
		run(runner);
	return result < 0        ? result
	       : runner->error   ? runner->error
	       : movers[0].error ? movers[0].error
				 : movers[1].error;
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
	const struct mover filler = {.driver = fixture->driver,
		.move = balloon_driver_fill,
		.request = number_of(trial, "request"),
		.n_left = n_pages / 4};
	struct mover movers[2] = {filler, filler};
	struct runner runner = {fixture, n_pages / 2, 0};
	movers[1].move = balloon_driver_leak;
	struct balloon_driver_progress before = fixture_progress(fixture);
	uint64_t begin_ns = now_ns();
	int result = run_beside(movers, &runner);
	uint64_t ns = now_ns() - begin_ns;
	struct balloon_driver_progress after = fixture_progress(fixture);
	note(trial, &before, &after, movers, ns);
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
	return fixture_open(trial->own, trial, 0);
}

static void close_trial(struct trial *trial)
{
	fixture_close(trial->own);
}

static int make(struct round *round, size_t number)
{
	static const struct trial_ops ops = {
		sizeof(struct fixture), open_trial, repeat, repeat, NULL, close_trial};
	const struct system_plan *plan = round->plan;
	round->labels = (struct labels){{{"channel", .text = number == 0 ? "null" : "slow"},
		{"strategy", .text = last_strategy(plan)}, {"pages", .number = plan->n_zone_pages},
		{"request", .number = plan->request},
		{"host_us", .number = number == 0 ? 0 : plan->host_us}}};
	add_drivers(round, &ops, NULL);
	return 0;
}

static const struct column columns[] = {COLUMNS_OF("ns/page", "ns_per_page"),
	{"ms", "seconds", NULL, 1e3}, {"busy", "busy", NULL, 0}, {"again", "again", NULL, 0},
	NO_COLUMN};

const struct workload workload_target = {"target", "reached while others fill and leak",
	"ns_per_page", columns, NULL, make, NULL, 2};
