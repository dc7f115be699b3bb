/* SPDX-License-Identifier: MIT */
#include "pace.h"

#include <errno.h>
#include <time.h>

void pace_init(struct pace *pace, unsigned n_tasks)
{
	pthread_condattr_t attributes;
	*pace = (struct pace){.n_tasks = n_tasks, .n_unfinished = n_tasks};
	pthread_mutex_init(&pace->mutex, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&pace->changed, &attributes);
	pthread_cond_init(&pace->ended, &attributes);
	pthread_condattr_destroy(&attributes);
}

void pace_fini(struct pace *pace)
{
	pthread_cond_destroy(&pace->ended);
	pthread_cond_destroy(&pace->changed);
	pthread_mutex_destroy(&pace->mutex);
}

/* Who starved may look again. Caller holds the mutex. */
static void step(struct pace *pace)
{
	pace->n_steps++;
	pace->n_starved = 0;
	pthread_cond_broadcast(&pace->changed);
}

/* The last row that is not too far ahead. Caller holds the mutex. */
static size_t last_row(const struct pace *pace)
{
	size_t slowest = SIZE_MAX;
	for (unsigned i = 0; i < pace->n_tasks; i++) {
		if (pace->next_rows[i] < slowest)
			slowest = pace->next_rows[i];
	}
	return slowest < SIZE_MAX - PACE_WINDOW_ROWS ? slowest + PACE_WINDOW_ROWS : SIZE_MAX;
}

void pace_call_off(struct pace *pace)
{
	pthread_mutex_lock(&pace->mutex);
	pace->is_off = true;
	step(pace);
	pthread_mutex_unlock(&pace->mutex);
}

bool pace_advance(struct pace *pace, unsigned task, size_t row, size_t *limit)
{
	pthread_mutex_lock(&pace->mutex);
	pace->next_rows[task] = row;
	step(pace);
	while (row > last_row(pace) && !pace->is_off)
		pthread_cond_wait(&pace->changed, &pace->mutex);
	*limit = row + PACE_STRIDE_ROWS;
	if (*limit > last_row(pace))
		*limit = last_row(pace) + 1;
	bool is_on = !pace->is_off;
	pthread_mutex_unlock(&pace->mutex);
	return is_on;
}

void pace_tell(struct pace *pace)
{
	pthread_mutex_lock(&pace->mutex);
	step(pace);
	pthread_mutex_unlock(&pace->mutex);
}

uint64_t pace_look(struct pace *pace)
{
	pthread_mutex_lock(&pace->mutex);
	uint64_t n_steps = pace->n_steps;
	pthread_mutex_unlock(&pace->mutex);
	return n_steps;
}

/* Nobody is left who could make progress: the caller gives up. Caller holds the mutex. */
static bool is_in_vain(struct pace *pace, uint64_t n_steps)
{
	if (pace->n_steps != n_steps || ++pace->n_starved < pace->n_unfinished)
		return false;
	step(pace);
	return true;
}

bool pace_starve(struct pace *pace, unsigned task, uint64_t n_steps)
{
	pthread_mutex_lock(&pace->mutex);
	size_t row = pace->next_rows[task];
	bool is_hopeful = !is_in_vain(pace, n_steps);
	if (is_hopeful) {
		pace->next_rows[task] = SIZE_MAX;
		pthread_cond_broadcast(&pace->changed);
		while (pace->n_steps == n_steps && !pace->is_off)
			pthread_cond_wait(&pace->changed, &pace->mutex);
		pace->next_rows[task] = row;
	}
	is_hopeful = is_hopeful && !pace->is_off;
	pthread_mutex_unlock(&pace->mutex);
	return is_hopeful;
}

void pace_finish(struct pace *pace, unsigned task)
{
	pthread_mutex_lock(&pace->mutex);
	pace->next_rows[task] = SIZE_MAX;
	pace->n_unfinished--;
	step(pace);
	pthread_cond_signal(&pace->ended);
	pthread_mutex_unlock(&pace->mutex);
}

/* Caller holds the mutex. */
static int wait_for_end(struct pace *pace)
{
	struct timespec deadline;
	uint64_t n_steps = pace->n_steps;
	clock_gettime(CLOCK_MONOTONIC, &deadline);
	deadline.tv_sec += PACE_STALL_S;
	int result = pthread_cond_timedwait(&pace->ended, &pace->mutex, &deadline);
	return result == ETIMEDOUT && pace->n_steps == n_steps ? -1 : 0;
}

int pace_join(struct pace *pace)
{
	int result = 0;
	pthread_mutex_lock(&pace->mutex);
	while (pace->n_unfinished > 0 && result == 0)
		result = wait_for_end(pace);
	pthread_mutex_unlock(&pace->mutex);
	return result;
}
