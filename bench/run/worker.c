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

/* The same order in every run. */
void pages_shuffle(struct balloon_page *pages, size_t n)
{
	uint64_t x = UINT64_C(0x853c49e6748fea9b);
	for (size_t i = n; i > 1; i--) {
		x = x * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
		size_t k = (size_t)((x >> 33) % i);
		struct balloon_page page = pages[i - 1];
		pages[i - 1] = pages[k];
		pages[k] = page;
	}
}

void worker_restore_order(struct worker *worker)
{
	uint64_t begin_ns = now_ns();
	pages_shuffle(worker->pages, worker->n_pages);
	worker->aside_ns += now_ns() - begin_ns;
}
