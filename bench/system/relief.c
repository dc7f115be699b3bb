/* SPDX-License-Identifier: MIT */
/*
 * Relief: memory has run out; how long until an allocation succeeds?
 *
 * The balloon holds most of the zone, a request's worth of frames is free. An event: these frames
 * are taken, by a fill that is with the host when the allocation fails, or by somebody else; an
 * allocation fails; the driver is asked for relief until one succeeds. Afterwards everything is
 * put back.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/clock.h"
#include "system/fixture.h"

enum { RELIEF_REQUESTS = 16, RELIEF_PAGES = 32 };

struct shortage {
	struct fixture fixture;
	struct balloon_page *taken; /* a request's worth: by somebody else */
	uint32_t n_taken;
	bool promises_progress;
	/* A thread that fills one request at a time, when it is told to. */
	pthread_t filler;
	sem_t go, done;
	bool is_over;
	int filled; /* what the fill came to */
};

static void *fill(void *argument)
{
	struct shortage *shortage = argument;
	for (;;) {
		sem_wait(&shortage->go);
		if (shortage->is_over)
			return NULL;
		shortage->filled =
			balloon_driver_fill(shortage->fixture.driver, SYSTEM_REQUEST_MAX);
		sem_post(&shortage->done);
	}
}

/* As it was in the beginning: the balloon holds all pages but a request's worth, which are free. */
static int put_back(struct shortage *shortage, const struct trial *trial)
{
	struct balloon_frames *frames = balloon_zone_frames(shortage->fixture.zone);
	uint64_t n_held = number_of(trial, "pages") - number_of(trial, "request");
	frames->ops->free(frames, shortage->taken, shortage->n_taken);
	shortage->n_taken = 0;
	return fixture_reach(&shortage->fixture, n_held);
}

/* ---- Memory runs out ------------------------------------------------------------------------- */

/* The fill has taken all free frames, and waits for the host. */
static bool is_filling(struct shortage *shortage)
{
	struct balloon_channel_stats stats;
	balloon_channel_stats(&shortage->fixture.slow.channel, &stats);
	return stats.n_outstanding > 0 && fixture_n_free(&shortage->fixture) == 0;
}

/* Tell the filler to fill; whether it is at it now. Otherwise it has come to an end. */
static bool try_fill(struct shortage *shortage)
{
	sem_post(&shortage->go);
	while (!is_filling(shortage)) {
		if (sem_trywait(&shortage->done) == 0)
			return false;
		sched_yield();
	}
	return true;
}

/*
 * Nothing may be inflated for a while after a relief, and a fill may be over before it is seen:
 * then once more. Returns 0 or a negative errno.
 */
static int begin_fill(struct shortage *shortage, const struct trial *trial)
{
	while (!try_fill(shortage)) {
		if (shortage->filled < 0 && shortage->filled != -EAGAIN)
			return shortage->filled;
		int result = put_back(shortage, trial);
		if (result < 0)
			return result;
		nanosleep(&(struct timespec){.tv_nsec = 50000}, NULL);
	}
	return 0;
}

static int take_all(struct shortage *shortage)
{
	struct balloon_frames *frames = balloon_zone_frames(shortage->fixture.zone);
	uint64_t n_free = fixture_n_free(&shortage->fixture);
	while (shortage->n_taken < n_free) {
		int n = frames->ops->allocate(frames, shortage->taken + shortage->n_taken,
			(size_t)n_free - shortage->n_taken, 0);
		if (n < 0)
			return n;
		shortage->n_taken += (uint32_t)n;
	}
	return 0;
}

/* ---- An event -------------------------------------------------------------------------------- */

/* Returns 0, or a negative errno: a design does not keep what it promises. */
static int relieve(struct shortage *shortage, double *n_busy)
{
	int result = balloon_driver_relieve(shortage->fixture.driver, RELIEF_PAGES, NULL);
	if (result > 0)
		return 0;
	if (result != -EBUSY || shortage->promises_progress)
		return result < 0 ? result : -ENODATA;
	(*n_busy)++;
	sched_yield();
	return 0;
}

/* From the failed allocation to the one that succeeds. */
static int recover(struct shortage *shortage, struct trial *trial, double *n_busy, uint64_t *ns)
{
	struct balloon_page page;
	uint64_t begin_ns = now_ns();
	int result = balloon_zone_allocate(shortage->fixture.zone, 0, &page);
	if (result == 0)
		return -EEXIST; /* memory had not run out */
	while ((result = balloon_zone_allocate(shortage->fixture.zone, 0, &page)) == -ENOMEM) {
		int relieved = relieve(shortage, n_busy);
		if (relieved < 0)
			return relieved;
	}
	*ns = now_ns() - begin_ns;
	histogram_add(trial_durations(trial, "recovery_ns"), *ns);
	return result < 0 ? result : balloon_zone_free(shortage->fixture.zone, page, 0);
}

static int event(struct shortage *shortage, struct trial *trial, double *n_busy, uint64_t *ns)
{
	const bool fills = number_of(trial, "fill");
	int result = fills ? begin_fill(shortage, trial) : take_all(shortage);
	if (result < 0)
		return result;
	result = recover(shortage, trial, n_busy, ns);
	if (fills)
		sem_wait(&shortage->done);
	return result < 0 ? result : put_back(shortage, trial);
}

static int repeat(struct trial *trial)
{
	struct shortage *shortage = trial->own;
	const uint32_t n_events = plan_of(trial)->n_events;
	uint64_t ns = 0, sum_ns = 0;
	double n_busy = 0;
	for (uint32_t i = 0; i < n_events; i++) {
		if (trial_expect(trial, "recovering", event(shortage, trial, &n_busy, &ns)) < 0)
			return -1;
		sum_ns += ns;
	}
	trial_note(trial, "seconds", (double)sum_ns / 1e9 / n_events);
	trial_note(trial, "busy", n_busy);
	return fixture_check(&shortage->fixture, trial,
		number_of(trial, "pages") - number_of(trial, "request"), 0);
}

/* ---- Trials ---------------------------------------------------------------------------------- */

static void end_filler(struct shortage *shortage)
{
	shortage->is_over = true;
	sem_post(&shortage->go);
	pthread_join(shortage->filler, NULL);
	sem_destroy(&shortage->go);
	sem_destroy(&shortage->done);
}

static int begin_filler(struct shortage *shortage)
{
	sem_init(&shortage->go, 0, 0);
	sem_init(&shortage->done, 0, 0);
	return -pthread_create(&shortage->filler, NULL, fill, shortage);
}

static int open_trial(struct trial *trial)
{
	struct shortage *shortage = calloc(1, sizeof *shortage);
	if (shortage)
		shortage->taken = calloc(number_of(trial, "request"), sizeof *shortage->taken);
	if (!shortage || !shortage->taken) {
		free(shortage);
		return problem_no_memory(trial->round->problem);
	}
	trial->own = shortage;
	shortage->promises_progress = strcmp(text_of(trial, "guarantee"), "progress") == 0;
	int result = fixture_open(&shortage->fixture, trial, 0);
	if (result == 0) {
		result = put_back(shortage, trial);
		if (result == 0)
			result = begin_filler(shortage);
		if (result < 0)
			fixture_close(&shortage->fixture);
		result = trial_expect(trial, "filling the balloon", result);
	}
	if (result < 0) {
		free(shortage->taken);
		free(shortage);
	}
	return result;
}

static void close_trial(struct trial *trial)
{
	struct shortage *shortage = trial->own;
	struct balloon_frames *frames = balloon_zone_frames(shortage->fixture.zone);
	end_filler(shortage);
	frames->ops->free(frames, shortage->taken, shortage->n_taken); /* of an event that failed */
	fixture_close(&shortage->fixture);
	free(shortage->taken);
	free(shortage);
}

/* Without a fill under way, and with one. */
static size_t count(const void *plan)
{
	(void)plan;
	return 2;
}

static const char *guarantee_of(const char *design)
{
	struct balloon_driver_design_info info;
	balloon_driver_design_describe(balloon_driver_design_find(design), &info);
	return info.relief == BALLOON_RELIEF_BUSY ? "busy" : "progress";
}

static int make(struct round *round, size_t number)
{
	static const struct trial_ops ops = {open_trial, repeat, repeat, NULL, close_trial};
	const struct system_plan *plan = round->plan;
	round->labels = (struct labels){{{"channel", .text = "slow"},
		{"strategy", .text = last_strategy(plan)},
		{"fill", .number = number, .is_flag = true},
		{"pages", .number = (uint64_t)plan->request * RELIEF_REQUESTS},
		{"request", .number = plan->request}, {"host_us", .number = plan->host_us}}};
	add_drivers(round, &ops, NULL);
	for (size_t i = 0; i < round->n_trials; i++)
		trial_label(&round->trials[i], "guarantee", guarantee_of(round->trials[i].subject));
	return 0;
}

static const struct column columns[] = {{"", "subject", NULL, 0},
	{"promises", "guarantee", NULL, 0}, {"events", "recovery_ns/samples", "%.0f", 0},
	{"p50 us", "recovery_ns/p50", "%.1f", 1e-3}, {"p99 us", "recovery_ns/p99", "%.1f", 1e-3},
	{"max us", "recovery_ns/max", "%.1f", 1e-3}, {"busy", "busy", NULL, 0}, NO_COLUMN};

const struct workload workload_relief = {"relief", NULL, columns, count, make, NULL};
