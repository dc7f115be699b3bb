/* SPDX-License-Identifier: MIT */
#define _POSIX_C_SOURCE 200809L

#include "runtime.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <balloon/balloon.h>

void runtime_lock_init(struct runtime_lock *lock)
{
	pthread_mutex_init(&lock->mutex, NULL);
}

void runtime_lock_fini(struct runtime_lock *lock)
{
	pthread_mutex_destroy(&lock->mutex);
}

void runtime_lock(struct runtime_lock *lock)
{
	pthread_mutex_lock(&lock->mutex);
}

void runtime_unlock(struct runtime_lock *lock)
{
	pthread_mutex_unlock(&lock->mutex);
}

static _Noreturn void give_up(const char *what)
{
	fprintf(stderr, "%s\n", what);
	abort();
}

void *runtime_allocate(size_t size_bytes)
{
	void *memory;
	if (posix_memalign(&memory, BALLOON_MEMORY_ALIGN, size_bytes) != 0)
		give_up("no memory");
	return memset(memory, 0, size_bytes);
}

void runtime_free(void *memory)
{
	free(memory);
}

void runtime_act(void)
{
}

struct runner {
	pthread_t thread;
	pthread_barrier_t *start;
	void (*body)(void *shared, size_t thread);
	void *shared;
	size_t number;
};

static void *run(void *argument)
{
	struct runner *runner = argument;
	pthread_barrier_wait(runner->start);
	runner->body(runner->shared, runner->number);
	return NULL;
}

void run_together(size_t n_threads, void (*body)(void *shared, size_t thread), void *shared)
{
	struct runner runners[RUNTIME_THREADS_MAX];
	pthread_barrier_t start;
	if (n_threads > RUNTIME_THREADS_MAX)
		give_up("too many threads");
	pthread_barrier_init(&start, NULL, (unsigned)n_threads);
	for (size_t i = 0; i < n_threads; i++) {
		runners[i] = (struct runner){
			.start = &start, .body = body, .shared = shared, .number = i};
		if (pthread_create(&runners[i].thread, NULL, run, &runners[i]) != 0)
			give_up("a thread could not be started");
	}
	for (size_t i = 0; i < n_threads; i++)
		pthread_join(runners[i].thread, NULL);
	pthread_barrier_destroy(&start);
}
