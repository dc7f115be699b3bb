/* SPDX-License-Identifier: MIT */
#include "run/worker.h"

#include <math.h>
#include <sched.h>

#include "common/threads.h"
#include "harness/trial.h"

bool worker_fail(struct worker *worker, const char *call, int error)
{
	worker->failed = call;
	worker->error = error;
	return false;
}

void worker_yield(void)
{
	sched_yield();
}

void worker_restore_order(struct worker *worker)
{
	uint64_t begin_ns = now_ns();
	pages_shuffle(worker->pages, worker->n_pages, 1);
	worker->aside_ns += now_ns() - begin_ns;
}

/* ---- All of them ----------------------------------------------------------------------------- */

/* How long they work. */
struct shift {
	double seconds;
	atomic_bool stop;
	bool was_interrupted;
};

static void work(void *context)
{
	struct worker *worker = context;
	uint64_t cpu_ns = thread_cpu_ns();
	worker->begin_ns = now_ns();
	worker->work(worker);
	worker->end_ns = now_ns();
	worker->cpu_ns = thread_cpu_ns() - cpu_ns;
}

static void wait_for_end(void *argument)
{
	struct shift *shift = argument;
	const double slice_ns = 0.05e9;
	const uint64_t end_ns = now_ns() + (uint64_t)(shift->seconds * 1e9);
	uint64_t now;
	while (!is_interrupted() && (now = now_ns()) < end_ns)
		nanosleep(
			&(struct timespec){.tv_nsec = (long)fmin((double)(end_ns - now), slice_ns)},
			NULL);
	shift->was_interrupted = is_interrupted();
	atomic_store(&shift->stop, true);
}

int workers_run(struct worker *workers, unsigned n, bool is_pinned, double seconds)
{
	struct shift shift = {.seconds = seconds};
	const struct threads threads = {
		n, is_pinned, work, workers, sizeof *workers, wait_for_end, &shift};
	for (unsigned i = 0; i < n; i++)
		workers[i].stop = &shift.stop;
	int result = threads_run(&threads);
	return result < 0 ? result : shift.was_interrupted;
}

double workers_elapsed_ns(const struct worker *workers, unsigned n, uint64_t *n_done)
{
	uint64_t begin_ns = UINT64_MAX, end_ns = 0, aside_ns = 0;
	*n_done = 0;
	for (unsigned i = 0; i < n; i++) {
		begin_ns = workers[i].begin_ns < begin_ns ? workers[i].begin_ns : begin_ns;
		end_ns = workers[i].end_ns > end_ns ? workers[i].end_ns : end_ns;
		aside_ns += workers[i].aside_ns;
		*n_done += workers[i].n_done;
	}
	return (double)(end_ns - begin_ns) - (double)aside_ns / n;
}
