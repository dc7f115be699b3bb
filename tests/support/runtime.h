/* SPDX-License-Identifier: MIT */
/*
 * Where a test runs: on threads of the system (runtime-native.c), or in the engine that runs threads in an
 * order of its own and in virtual time (runtime-engine.c). Host and source are the same in both.
 */
#ifndef SUPPORT_RUNTIME_H
#define SUPPORT_RUNTIME_H

#include <pthread.h>
#include <stddef.h>

/** In the engine a point: another thread may go on before. What follows comes to no other one. */
struct runtime_lock {
	pthread_mutex_t mutex;
};

void runtime_lock_init(struct runtime_lock *lock);
void runtime_lock_fini(struct runtime_lock *lock);
void runtime_lock(struct runtime_lock *lock);
void runtime_unlock(struct runtime_lock *lock);

/** Zeroed memory, aligned to BALLOON_MEMORY_ALIGN. In the engine it is gone at the end of the run. */
void *runtime_allocate(size_t size_bytes);
void runtime_free(void *memory);

/** Something is done that nobody does without a reason. */
void runtime_act(void);

enum { RUNTIME_THREADS_MAX = 16 };

/**
 * Run body(shared, 0) to body(shared, n_threads - 1), each in a thread, from one starting line, and wait for all
 * of them.
 */
void run_together(size_t n_threads, void (*body)(void *shared, size_t thread), void *shared);

#endif
