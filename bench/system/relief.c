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
#include <sched.h>
#include <stdlib.h>

#include "common/clock.h"
#include "system/shortage.h"

enum { RELIEF_REQUESTS = 16, RELIEF_PAGES = 32 };

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
	histogram_add(&trial->recovery, *ns);
	return result < 0 ? result : balloon_zone_free(shortage->fixture.zone, page, 0);
}

static int event(struct shortage *shortage, struct trial *trial, double *n_busy, uint64_t *ns)
{
	int result = trial->labels.fill ? shortage_begin_fill(shortage, trial)
					: shortage_take_all(shortage);
	if (result < 0)
		return result;
	result = recover(shortage, trial, n_busy, ns);
	if (trial->labels.fill)
		shortage_end_fill(shortage);
	return result < 0 ? result : shortage_put_back(shortage, trial);
}

static int repeat(struct trial *trial, struct sample *sample, struct problem *problem)
{
	struct shortage *shortage = trial->own;
	uint64_t ns = 0, sum_ns = 0;
	sample->figures[BUSY] = 0;
	for (uint32_t i = 0; i < trial->plan->n_events; i++) {
		int result = event(shortage, trial, &sample->figures[BUSY], &ns);
		if (result < 0)
			return trial_fail_errno(trial, problem, "recovering", result);
		sum_ns += ns;
	}
	sample->figures[SECONDS] = (double)sum_ns / 1e9 / trial->plan->n_events;
	return fixture_check(
		&shortage->fixture, trial, trial->labels.pages - trial->labels.request, 0, problem);
}

static int open_trial(struct trial *trial, struct problem *problem)
{
	struct shortage *shortage = malloc(sizeof *shortage);
	if (!shortage)
		return problem_no_memory(problem);
	trial->own = shortage;
	if (shortage_open(shortage, trial, problem) == 0)
		return 0;
	free(shortage);
	return -1;
}

static void close_trial(struct trial *trial)
{
	shortage_close(trial->own);
	free(trial->own);
}

static const struct trial_ops ops = {open_trial, repeat, close_trial};

/* Without a fill under way, and with one. */
static size_t count(const struct plan *plan)
{
	(void)plan;
	return 2;
}

static const char *guarantee_of(const struct balloon_driver_design *design)
{
	struct balloon_driver_design_info info;
	balloon_driver_design_describe(design, &info);
	return info.relief == BALLOON_RELIEF_BUSY ? "busy" : "progress";
}

static int make(
	const struct plan *plan, size_t number, struct round *round, struct problem *problem)
{
	struct labels labels = {.work = WORK_RELIEF,
		.kind = TRIAL_DRIVER,
		.channel = "slow",
		.strategy = strategy_name(plan->strategies.at[plan->strategies.n - 1]),
		.other_thread = -1,
		.fill = (int)number,
		.pages = plan->request * RELIEF_REQUESTS,
		.page_bytes = SMALL_PAGE,
		.request = plan->request,
		.host_us = plan->host_us};
	(void)problem;
	*round = (struct round){.n_trials = 0};
	for (size_t i = 0; i < plan->n_designs; i++) {
		labels.subject = labels.driver = driver_name(plan->designs[i]);
		labels.guarantee = guarantee_of(plan->designs[i]);
		round_add(round, &labels, &ops);
	}
	return 0;
}

const struct rounds rounds_of_relief = {.count = count, .make = make};
