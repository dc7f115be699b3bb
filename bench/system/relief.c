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
#include <stdatomic.h>
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
	pthread_t filler;
	atomic_bool has_filled;
	int filled; /* what the fill came to */
};

/* A thread of its own for each fill. */
static void *fill(void *argument)
{
	struct shortage *shortage = argument;
	shortage->filled = balloon_driver_fill(shortage->fixture.driver, SYSTEM_REQUEST_MAX);
	atomic_store(&shortage->has_filled, true);
	return NULL;
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

/*
 * Nothing may be inflated for a while after a relief, and a fill may be over before it is seen:
 * then once more. Returns 0, and the filler is to be joined; or a negative errno.
 */
static int begin_fill(struct shortage *shortage, const struct trial *trial)
{
	for (;;) {
		atomic_store(&shortage->has_filled, false);
		int result = -pthread_create(&shortage->filler, NULL, fill, shortage);
		if (result < 0)
			return result;
		while (!is_filling(shortage) && !atomic_load(&shortage->has_filled))
			sched_yield();
		if (!atomic_load(&shortage->has_filled))
			return 0;
		pthread_join(shortage->filler, NULL);
		result = shortage->filled < 0 && shortage->filled != -EAGAIN
				 ? shortage->filled
				 : put_back(shortage, trial);
		if (result < 0)
			return result;
		nanosleep(&(struct timespec){.tv_nsec = 50000}, NULL);
	}
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
		pthread_join(shortage->filler, NULL);
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

static int open_trial(struct trial *trial)
{
	struct shortage *shortage = trial->own;
	shortage->promises_progress = strcmp(text_of(trial, "guarantee"), "progress") == 0;
	shortage->taken = calloc(number_of(trial, "request"), sizeof *shortage->taken);
	if (!shortage->taken)
		return problem_no_memory(trial->round->problem);
	int result = fixture_open(&shortage->fixture, trial, 0);
	if (result == 0) {
		result = trial_expect(trial, "filling the balloon", put_back(shortage, trial));
		if (result < 0)
			fixture_close(&shortage->fixture);
	}
	if (result < 0)
		free(shortage->taken);
	return result;
}

static void close_trial(struct trial *trial)
{
	struct shortage *shortage = trial->own;
	struct balloon_frames *frames = balloon_zone_frames(shortage->fixture.zone);
	frames->ops->free(frames, shortage->taken, shortage->n_taken); /* of an event that failed */
	fixture_close(&shortage->fixture);
	free(shortage->taken);
}

static const char *guarantee_of(const char *design)
{
	struct balloon_driver_design_info info;
	balloon_driver_design_describe(balloon_driver_design_find(design), &info);
	return info.relief == BALLOON_RELIEF_BUSY ? "busy" : "progress";
}

static int make(struct round *round, size_t number)
{
	static const struct trial_ops ops = {
		sizeof(struct shortage), open_trial, repeat, repeat, NULL, close_trial};
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

const struct workload workload_relief = {"relief", "from a failed allocation to one that succeeds",
	NULL, columns, NULL, make, NULL, 2};
