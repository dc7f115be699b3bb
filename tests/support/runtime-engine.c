/* SPDX-License-Identifier: MIT */
#include "runtime.h"

#include <balloon/balloon.h>

#include "engine.h"

void runtime_lock_init(struct runtime_lock *lock)
{
	(void)lock;
}

void runtime_lock_fini(struct runtime_lock *lock)
{
	(void)lock;
}

void runtime_lock(struct runtime_lock *lock)
{
	(void)lock;
	engine_point();
}

void runtime_unlock(struct runtime_lock *lock)
{
	(void)lock;
}

void *runtime_allocate(size_t size_bytes)
{
	return engine_allocate(size_bytes, BALLOON_MEMORY_ALIGN);
}

void runtime_free(void *memory)
{
	(void)memory;
}

void runtime_act(void)
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

void run_together(size_t n_threads, void (*body)(void *shared, size_t thread), void *shared)
{
	struct runner *runners = runtime_allocate(n_threads * sizeof(*runners));
	uint32_t threads[RUNTIME_THREADS_MAX];
	ENGINE_CHECK(n_threads <= RUNTIME_THREADS_MAX);
	for (size_t i = 0; i < n_threads; i++) {
		runners[i] = (struct runner){body, shared, i};
		threads[i] = engine_spawn("thread", run, &runners[i]);
	}
	for (size_t i = 0; i < n_threads; i++)
		engine_join(threads[i]);
}
