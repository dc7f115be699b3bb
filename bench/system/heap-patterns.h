/* SPDX-License-Identifier: MIT */
/*
 * What threads do with blocks of memory. Each pattern is inlined into its subject together with that
 * subject's calls, as a program's own would be.
 *
 * A pair is an allocation and a free. The first word of a block says how large it is meant to be, and is
 * looked at before the free: who mixes blocks up is found.
 */
#ifndef SYSTEM_HEAP_PATTERNS_H
#define SYSTEM_HEAP_PATTERNS_H

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>

#include <balloon/heap.h>

#include "common/clock.h"

#define LOOP static inline __attribute__((always_inline))

enum {
	SET_SLOTS = 1024,
	SET_PAIRS = 1024, /* then a set is exchanged for the one that another thread left */
	BATCH_SLOTS = 1024,
	PIPE_BATCHES = 4,
	MEMBERS_MAX = 4,
};

struct shape {
	const char *name;
	uint32_t size_min, size_max; /* bytes */
	uint32_t n_slots;            /* of a set that is full */
	bool is_at_once;             /* beside the set: a block is freed at once */
	bool is_exchanged;           /* what one thread allocated another one frees */
	bool is_pipe;                /* one thread allocates, another one frees */
	uint32_t pairs_of_16;        /* how many are made for 16 that are asked for */
};

/* Where a subject's blocks come from. */
struct place {
	struct balloon_heap *heap;
	unsigned arena;
};

struct allocator {
	void *(*allocate)(const struct place *place, size_t size);
	void (*free)(const struct place *place, void *block);
};

struct slot {
	void *block; /* NULL: none */
	uint32_t size;
};

struct set {
	struct slot slots[SET_SLOTS];
};

/* Batches that are full, or free, from one thread to another. */
struct pipe {
	sem_t n_full, n_free;
	struct slot slots[PIPE_BATCHES][BATCH_SLOTS];
};

struct member;

struct crew {
	struct place place;
	const struct shape *shape;
	void (*run)(struct member *member, uint32_t n_pairs);
	const struct allocator *allocator;
	pthread_barrier_t warm; /* until all members are */
	uint32_t n_pairs;       /* a member's; of a pipe, those of its two */
	_Atomic(struct set *) spare;
	struct set sets[MEMBERS_MAX + 1];
	struct pipe pipes[MEMBERS_MAX / 2];
};

struct member {
	struct crew *crew;
	struct set *set;
	struct pipe *pipe;
	bool produces, consumes;
	uint64_t random;
	uint64_t ns, paused_ns; /* of this thread's processor time */
	const char *problem;    /* NULL: none */
};

LOOP void put(
	const struct allocator *allocator, struct member *member, struct slot *slot, uint32_t size)
{
	uint32_t *block = allocator->allocate(&member->crew->place, size);
	if (block)
		*(volatile uint32_t *)block = size;
	else
		member->problem = "an allocation failed";
	*slot = (struct slot){block, size};
}

LOOP void take(const struct allocator *allocator, struct member *member, const struct slot *slot)
{
	if (slot->block && *(volatile uint32_t *)slot->block != slot->size)
		member->problem = "a block has lost its contents";
	allocator->free(&member->crew->place, slot->block);
}

LOOP uint64_t next_random(struct member *member)
{
	member->random ^= member->random << 13;
	member->random ^= member->random >> 7;
	member->random ^= member->random << 17;
	return member->random;
}

LOOP uint32_t random_size(const struct shape *shape, uint64_t random)
{
	uint64_t n_sizes = shape->size_max - shape->size_min + 1;
	return shape->size_min + (uint32_t)((random & UINT32_MAX) * n_sizes >> 32);
}

LOOP void run_at_once(const struct allocator *allocator, struct member *member, uint32_t n_pairs)
{
	const uint32_t size = member->crew->shape->size_min;
	for (uint32_t i = 0; i < n_pairs; i++) {
		struct slot slot;
		put(allocator, member, &slot, size);
		take(allocator, member, &slot);
	}
}

/* A block at random makes way for another one. */
LOOP void run_set(const struct allocator *allocator, struct member *member, uint32_t n_pairs)
{
	const struct shape *shape = member->crew->shape;
	for (uint32_t i = 0; i < n_pairs; i++) {
		if (shape->is_exchanged && i % SET_PAIRS == 0)
			member->set = atomic_exchange(&member->crew->spare, member->set);
		uint64_t random = next_random(member);
		struct slot *slot = &member->set->slots[(random >> 32) * shape->n_slots >> 32];
		take(allocator, member, slot);
		put(allocator, member, slot, random_size(shape, random));
	}
}

/* What it takes to wake others, and to wait for them, is not the allocator's. */
static inline void pass_on(struct member *member, sem_t *semaphore, int (*operation)(sem_t *))
{
	uint64_t begin_ns = thread_cpu_ns();
	while (operation(semaphore) < 0) /* a signal came */
		continue;
	member->paused_ns += thread_cpu_ns() - begin_ns;
}

LOOP void produce(const struct allocator *allocator, struct member *member, struct slot *slots)
{
	pass_on(member, &member->pipe->n_free, sem_wait);
	for (uint32_t k = 0; k < BATCH_SLOTS; k++)
		put(allocator, member, &slots[k],
			random_size(member->crew->shape, next_random(member)));
	pass_on(member, &member->pipe->n_full, sem_post);
}

LOOP void consume(const struct allocator *allocator, struct member *member, struct slot *slots)
{
	pass_on(member, &member->pipe->n_full, sem_wait);
	for (uint32_t k = 0; k < BATCH_SLOTS; k++)
		take(allocator, member, &slots[k]);
	pass_on(member, &member->pipe->n_free, sem_post);
}

LOOP void run_pipe(const struct allocator *allocator, struct member *member, uint32_t n_pairs)
{
	for (uint32_t i = 0; i < n_pairs / BATCH_SLOTS; i++) {
		struct slot *slots = member->pipe->slots[i % PIPE_BATCHES];
		if (member->produces)
			produce(allocator, member, slots);
		if (member->consumes)
			consume(allocator, member, slots);
	}
}

LOOP void run_shape(const struct allocator *allocator, struct member *member, uint32_t n_pairs)
{
	if (member->crew->shape->is_pipe)
		run_pipe(allocator, member, n_pairs);
	else if (member->crew->shape->is_at_once)
		run_at_once(allocator, member, n_pairs);
	else
		run_set(allocator, member, n_pairs);
}

#endif
