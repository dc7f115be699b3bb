/* SPDX-License-Identifier: MIT */
/* Where memory runs out: a fixture, somebody who fills, and somebody who takes frames. */
#ifndef SYSTEM_SHORTAGE_H
#define SYSTEM_SHORTAGE_H

#include <pthread.h>
#include <semaphore.h>

#include "system/fixture.h"

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

/** Returns 0 or -1. The balloon holds all pages but a request's worth, which are free. */
int shortage_open(struct shortage *shortage, struct trial *trial, struct problem *problem);
void shortage_close(struct shortage *shortage);

/*
 * Let memory run out: a fill has all free frames and waits for the host; or somebody else has them.
 * Each returns 0 or a negative errno.
 */
int shortage_begin_fill(struct shortage *shortage, const struct trial *trial);
int shortage_take_all(struct shortage *shortage);

/** Wait until the fill is over. */
void shortage_end_fill(struct shortage *shortage);

/** As it was in the beginning. Returns 0 or a negative errno. */
int shortage_put_back(struct shortage *shortage, const struct trial *trial);

#endif
