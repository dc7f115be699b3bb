/* SPDX-License-Identifier: MIT */
#include "system/scene.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void *fill(void *argument)
{
	struct scene *scene = argument;
	for (;;) {
		sem_wait(&scene->go);
		if (scene->is_over)
			return NULL;
		scene->filled = balloon_driver_fill(scene->rig.driver, SYSTEM_REQUEST_MAX);
		sem_post(&scene->done);
	}
}

int scene_put_back(struct scene *scene, const struct trial *trial)
{
	struct balloon_frames *frames = balloon_zone_frames(scene->rig.zone);
	uint64_t n_held = trial->labels.pages - trial->labels.request;
	frames->ops->free(frames, scene->taken, scene->n_taken);
	scene->n_taken = 0;
	return rig_reach(&scene->rig, n_held);
}

/* ---- Memory runs out ------------------------------------------------------------------------- */

/* The fill has taken all free frames, and waits for the host. */
static bool is_filling(struct scene *scene)
{
	struct balloon_channel_stats stats;
	balloon_channel_stats(&scene->rig.slow.channel, &stats);
	return stats.n_outstanding > 0 && rig_n_free(&scene->rig) == 0;
}

/* Tell the filler to fill; whether it is at it now. Otherwise it has come to an end. */
static bool try_fill(struct scene *scene)
{
	sem_post(&scene->go);
	while (!is_filling(scene)) {
		if (sem_trywait(&scene->done) == 0)
			return false;
		sched_yield();
	}
	return true;
}

/*
 * Nothing may be inflated for a while after a relief, and a fill may be over before it is seen:
 * then once more. Returns 0 or a negative errno.
 */
int scene_begin_fill(struct scene *scene, const struct trial *trial)
{
	while (!try_fill(scene)) {
		if (scene->filled < 0 && scene->filled != -EAGAIN)
			return scene->filled;
		int result = scene_put_back(scene, trial);
		if (result < 0)
			return result;
		nanosleep(&(struct timespec){.tv_nsec = 50000}, NULL);
	}
	return 0;
}

int scene_take_all(struct scene *scene)
{
	struct balloon_frames *frames = balloon_zone_frames(scene->rig.zone);
	uint64_t n_free = rig_n_free(&scene->rig);
	while (scene->n_taken < n_free) {
		int n = frames->ops->allocate(
			frames, scene->taken + scene->n_taken, (size_t)n_free - scene->n_taken, 0);
		if (n < 0)
			return n;
		scene->n_taken += (uint32_t)n;
	}
	return 0;
}

void scene_end_fill(struct scene *scene)
{
	sem_wait(&scene->done);
}

/* ---- The scene ------------------------------------------------------------------------------- */

static void end_filler(struct scene *scene)
{
	scene->is_over = true;
	sem_post(&scene->go);
	pthread_join(scene->filler, NULL);
	sem_destroy(&scene->go);
	sem_destroy(&scene->done);
}

static int begin_filler(struct scene *scene)
{
	sem_init(&scene->go, 0, 0);
	sem_init(&scene->done, 0, 0);
	return -pthread_create(&scene->filler, NULL, fill, scene);
}

static int make(struct scene *scene, struct trial *trial, struct problem *problem)
{
	if (rig_open(&scene->rig, trial, trial->labels.pages, 0, problem) < 0)
		return -1;
	scene->promises_progress = strcmp(trial->labels.guarantee, "progress") == 0;
	int result = scene_put_back(scene, trial);
	if (result == 0)
		result = begin_filler(scene);
	if (result == 0)
		return 0;
	rig_close(&scene->rig);
	return trial_fail_errno(trial, problem, "filling the balloon", result);
}

int scene_open(struct scene *scene, struct trial *trial, struct problem *problem)
{
	*scene = (struct scene){.n_taken = 0};
	scene->taken = calloc(trial->labels.request, sizeof *scene->taken);
	int result = scene->taken ? make(scene, trial, problem) : problem_no_memory(problem);
	if (result < 0)
		free(scene->taken);
	return result;
}

void scene_close(struct scene *scene)
{
	struct balloon_frames *frames = balloon_zone_frames(scene->rig.zone);
	end_filler(scene);
	frames->ops->free(frames, scene->taken, scene->n_taken); /* of an event that failed */
	rig_close(&scene->rig);
	free(scene->taken);
}
