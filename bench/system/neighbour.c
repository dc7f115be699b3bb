/* SPDX-License-Identifier: MIT */
#include "system/neighbour.h"

#include <sched.h>
#include <stdbool.h>

#include "common/pin.h"

static void *run(void *argument)
{
	struct neighbour *neighbour = argument;
	pin_thread(1);
	atomic_store(&neighbour->has_begun, true);
	while (!atomic_load_explicit(&neighbour->stop, memory_order_relaxed))
		; /* no hint that it only waits: below virtual machines it would be taken at its word */
	return NULL;
}

int neighbour_begin(struct neighbour *neighbour)
{
	atomic_init(&neighbour->has_begun, false);
	atomic_init(&neighbour->stop, false);
	int error = pthread_create(&neighbour->thread, NULL, run, neighbour);
	while (!error && !atomic_load(&neighbour->has_begun))
		sched_yield();
	return -error;
}

void neighbour_end(struct neighbour *neighbour)
{
	atomic_store(&neighbour->stop, true);
	pthread_join(neighbour->thread, NULL);
}
