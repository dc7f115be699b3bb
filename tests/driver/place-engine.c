/* SPDX-License-Identifier: MIT */
#include "place.h"

#include <balloon/balloon.h>

#include "engine.h"

void place_lock_init(struct place_lock *lock)
{
	(void)lock;
}

void place_lock_fini(struct place_lock *lock)
{
	(void)lock;
}

void place_lock(struct place_lock *lock)
{
	(void)lock;
	engine_point();
}

void place_unlock(struct place_lock *lock)
{
	(void)lock;
}

void *place_allocate(size_t size_bytes)
{
	return engine_allocate(size_bytes, BALLOON_MEMORY_ALIGN);
}

void place_free(void *memory)
{
	(void)memory;
}

void place_act(void)
{
	engine_act();
}

struct runner {
	void (*body)(void *shared, size_t thread);
	void *shared;
	size_t number;
};

static void run(void *argument)
{
	struct runner *runner = argument;
	runner->body(runner->shared, runner->number);
}

void place_run_together(size_t n_threads, void (*body)(void *shared, size_t thread), void *shared)
{
	struct runner *runners = place_allocate(n_threads * sizeof(*runners));
	uint32_t threads[PLACE_THREADS_MAX];
	ENGINE_CHECK(n_threads <= PLACE_THREADS_MAX);
	for (size_t i = 0; i < n_threads; i++) {
		runners[i] = (struct runner){body, shared, i};
		threads[i] = engine_spawn("thread", run, &runners[i]);
	}
	for (size_t i = 0; i < n_threads; i++)
		engine_join(threads[i]);
}
