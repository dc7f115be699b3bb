/* SPDX-License-Identifier: MIT */
#include "run/worker.h"

#include <sched.h>

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
