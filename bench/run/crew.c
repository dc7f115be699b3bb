/* SPDX-License-Identifier: MIT */
#include "run/bench.h"

#include <errno.h>
#include <math.h>

#include "common/pin.h"
#include "harness/interrupt.h"

enum gate_state { GATE_CLOSED, GATE_OPEN, GATE_OFF };

struct crew {
	pthread_mutex_t mutex;
	pthread_cond_t moved;
	enum gate_state gate; /* under mutex */
	atomic_bool stop;
	bool is_pinned;
};

static bool pass_gate(struct crew *crew)
{
	pthread_mutex_lock(&crew->mutex);
	while (crew->gate == GATE_CLOSED)
		pthread_cond_wait(&crew->moved, &crew->mutex);
	bool is_open = crew->gate == GATE_OPEN;
	pthread_mutex_unlock(&crew->mutex);
	return is_open;
}

static void move_gate(struct crew *crew, enum gate_state state)
{
	pthread_mutex_lock(&crew->mutex);
	crew->gate = state;
	pthread_cond_broadcast(&crew->moved);
	pthread_mutex_unlock(&crew->mutex);
}

static void *run_worker(void *argument)
{
	struct worker *worker = argument;
	if (worker->crew->is_pinned)
		pin_thread(worker->number);
	if (!pass_gate(worker->crew))
		return NULL;
	uint64_t cpu_ns = thread_cpu_ns();
	worker->begin_ns = now_ns();
	worker->work(worker);
	worker->end_ns = now_ns();
	worker->cpu_ns = thread_cpu_ns() - cpu_ns;
	return NULL;
}

/* Returns true if it was interrupted. */
static bool wait_for(double seconds)
{
	const double slice = 0.05;
	const uint64_t end = now_ns() + (uint64_t)(seconds * 1e9);
	while (!is_interrupted()) {
		uint64_t now = now_ns();
		if (now >= end)
			return false;
		double left = (double)(end - now) / 1e9;
		struct timespec nap = {.tv_nsec = (long)(fmin(left, slice) * 1e9)};
		nanosleep(&nap, NULL);
	}
	return true;
}

/* Returns how many of the threads there are now; *error: why not all. */
static unsigned start(struct crew *crew, struct worker *workers, unsigned n, int *error)
{
	*error = 0;
	for (unsigned i = 0; i < n; i++) {
		workers[i].crew = crew;
		workers[i].stop = &crew->stop;
		*error = pthread_create(&workers[i].thread, NULL, run_worker, &workers[i]);
		if (*error)
			return i;
	}
	return n;
}

int crew_run(struct worker *workers, unsigned n, bool is_pinned, double seconds)
{
	struct crew crew = {.is_pinned = is_pinned};
	bool was_interrupted = false;
	int error;
	pthread_mutex_init(&crew.mutex, NULL);
	pthread_cond_init(&crew.moved, NULL);
	unsigned n_started = start(&crew, workers, n, &error);
	move_gate(&crew, error ? GATE_OFF : GATE_OPEN);
	if (!error)
		was_interrupted = wait_for(seconds);
	atomic_store(&crew.stop, true);
	for (unsigned i = 0; i < n_started; i++)
		pthread_join(workers[i].thread, NULL);
	pthread_cond_destroy(&crew.moved);
	pthread_mutex_destroy(&crew.mutex);
	return error ? -error : was_interrupted;
}
