/* SPDX-License-Identifier: MIT */
/* What a lack of memory takes place in: a rig, somebody who fills, and somebody who takes frames. */
#ifndef SYSTEM_SCENE_H
#define SYSTEM_SCENE_H

#include <pthread.h>
#include <semaphore.h>

#include "system/rig.h"

struct scene {
	struct rig rig;
	struct balloon_page *taken; /* a request's worth: by somebody else */
	uint32_t n_taken;
	bool promises_progress;
	/* A thread that fills one request at a time, when it is told to. */
	pthread_t filler;
	sem_t go, done;
	bool is_over;
	int filled; /* what the fill came to */
};

/** Returns 0 or -1. The balloon holds all pages but a request's worth, which are free. */
int scene_open(struct scene *scene, struct trial *trial, struct problem *problem);
void scene_close(struct scene *scene);

/*
 * Let memory run out: a fill has all free frames and waits for the host; or somebody else has them.
 * Each returns 0 or a negative errno.
 */
int scene_begin_fill(struct scene *scene, const struct trial *trial);
int scene_take_all(struct scene *scene);

/** Wait until the fill is over. */
void scene_end_fill(struct scene *scene);

/** As it was in the beginning. Returns 0 or a negative errno. */
int scene_put_back(struct scene *scene, const struct trial *trial);

#endif
