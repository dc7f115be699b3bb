/* SPDX-License-Identifier: MIT */
#include "system/shortage.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

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

int shortage_put_back(struct shortage *shortage, const struct trial *trial)
{
	struct balloon_frames *frames = balloon_zone_frames(shortage->fixture.zone);
	uint64_t n_held = trial->labels.pages - trial->labels.request;
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
int shortage_begin_fill(struct shortage *shortage, const struct trial *trial)
{
	while (!try_fill(shortage)) {
		if (shortage->filled < 0 && shortage->filled != -EAGAIN)
			return shortage->filled;
		int result = shortage_put_back(shortage, trial);
		if (result < 0)
			return result;
		nanosleep(&(struct timespec){.tv_nsec = 50000}, NULL);
	}
	return 0;
}

int shortage_take_all(struct shortage *shortage)
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

void shortage_end_fill(struct shortage *shortage)
{
	sem_wait(&shortage->done);
}

/* ---- The shortage ------------------------------------------------------------------------------- */

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

static int make(struct shortage *shortage, struct trial *trial, struct problem *problem)
{
	if (fixture_open(&shortage->fixture, trial, trial->labels.pages, 0, problem) < 0)
		return -1;
	shortage->promises_progress = strcmp(trial->labels.guarantee, "progress") == 0;
	int result = shortage_put_back(shortage, trial);
	if (result == 0)
		result = begin_filler(shortage);
	if (result == 0)
		return 0;
	fixture_close(&shortage->fixture);
	return trial_fail_errno(trial, problem, "filling the balloon", result);
}

int shortage_open(struct shortage *shortage, struct trial *trial, struct problem *problem)
{
	*shortage = (struct shortage){.n_taken = 0};
	shortage->taken = calloc(trial->labels.request, sizeof *shortage->taken);
	int result = shortage->taken ? make(shortage, trial, problem) : problem_no_memory(problem);
	if (result < 0)
		free(shortage->taken);
	return result;
}

void shortage_close(struct shortage *shortage)
{
	struct balloon_frames *frames = balloon_zone_frames(shortage->fixture.zone);
	end_filler(shortage);
	frames->ops->free(frames, shortage->taken, shortage->n_taken); /* of an event that failed */
	fixture_close(&shortage->fixture);
	free(shortage->taken);
}
