/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE 1 /* CPU sets are no part of POSIX */
#include "common/threads.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

#ifdef CPU_SET

/* The CPU of the set with this number, of those that are in it. */
static size_t find_cpu(const cpu_set_t *set, unsigned number)
{
	size_t cpu = 0;
	while (!CPU_ISSET(cpu, set) || number-- > 0)
		cpu++;
	return cpu;
}

static void pin(unsigned number)
{
	cpu_set_t set;
	if (sched_getaffinity(0, sizeof set, &set) < 0 || CPU_COUNT(&set) == 0)
		return;
	size_t cpu = find_cpu(&set, number % (unsigned)CPU_COUNT(&set));
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof set, &set);
}

#else

static void pin(unsigned number)
{
	(void)number;
}

#endif

enum gate { GATE_CLOSED, GATE_OPEN, GATE_OFF };

struct start {
	const struct threads *threads;
	pthread_mutex_t mutex;
	pthread_cond_t moved;
	enum gate gate; /* under mutex */
};

struct one {
	struct start *start;
	unsigned number;
	pthread_t thread;
};

static bool pass_gate(struct start *start)
{
	pthread_mutex_lock(&start->mutex);
	while (start->gate == GATE_CLOSED)
		pthread_cond_wait(&start->moved, &start->mutex);
	bool is_open = start->gate == GATE_OPEN;
	pthread_mutex_unlock(&start->mutex);
	return is_open;
}

static void move_gate(struct start *start, enum gate gate)
{
	pthread_mutex_lock(&start->mutex);
	start->gate = gate;
	pthread_cond_broadcast(&start->moved);
	pthread_mutex_unlock(&start->mutex);
}

static void *run(void *argument)
{
	const struct one *one = argument;
	const struct threads *threads = one->start->threads;
	if (threads->is_pinned)
		pin(one->number);
	if (pass_gate(one->start))
		threads->work((char *)threads->contexts + one->number * threads->context_bytes);
	return NULL;
}

int threads_run(const struct threads *threads)
{
	struct start start = {.threads = threads};
	struct one *all = calloc(threads->n, sizeof *all);
	unsigned n = 0;
	int error = all ? 0 : ENOMEM;
	pthread_mutex_init(&start.mutex, NULL);
	pthread_cond_init(&start.moved, NULL);
	for (; n < threads->n && !error; n += !error) {
		all[n] = (struct one){.start = &start, .number = n};
		error = pthread_create(&all[n].thread, NULL, run, &all[n]);
	}
	move_gate(&start, error ? GATE_OFF : GATE_OPEN);
	if (!error && threads->meanwhile)
		threads->meanwhile(threads->argument);
	while (n > 0)
		pthread_join(all[--n].thread, NULL);
	pthread_cond_destroy(&start.moved);
	pthread_mutex_destroy(&start.mutex);
	free(all);
	return -error;
}
