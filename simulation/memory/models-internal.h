/* SPDX-License-Identifier: MIT */
/* What the models' files share. */
#ifndef MEMORY_MODELS_INTERNAL_H
#define MEMORY_MODELS_INTERNAL_H

#include "engine-internal.h"
#include "memory/models.h"

/** An atomic access of a thread. */
struct memory_access {
	uint32_t thread;
	const volatile void *place;
	size_t size_bytes;
	enum balloon_operation operation;
	bool acquires;
	bool releases;
	uint64_t operand;
	uint64_t expected; /* of a comparison */
};

struct memory_model {
	const char *name;
	void (*begin)(void);
	uint64_t (*load)(const struct memory_access *access);
	void (*store)(const struct memory_access *access);
	/* A read-modify-write: returns what it found. */
	uint64_t (*modify)(const struct memory_access *access);
	void (*fence)(uint32_t thread);
	/* Returns where the plain access is to be made. */
	void *(*plain)(
		uint32_t thread, const volatile void *place, size_t size_bytes, bool is_write);
	/* What a wait compares. */
	uint64_t (*look)(const struct memory_access *access);
	void (*wake)(const struct memory_access *access);
	/* A wait has ended. */
	void (*woken)(const struct memory_access *access);
	void (*end)(uint32_t thread);
};

extern const struct memory_model memory_tso;
extern const struct memory_model memory_ra;

uint64_t memory_read(const volatile void *place, size_t size_bytes);
void memory_write(const volatile void *place, size_t size_bytes, uint64_t value);

/** Does it change what it finds there? To *changed. A comparison that fails does not. */
bool memory_changes(const struct memory_access *access, uint64_t found, uint64_t *changed);
/** A read-modify-write of memory itself: returns what it found. */
uint64_t memory_modify(const struct memory_access *access);

/** The thread comes to a step, as by engine_access(). */
void memory_step(const volatile void *place, size_t size_bytes, unsigned kind, uintptr_t where);

/** A number below n; 0 is what would happen on a machine that hides nothing. */
uint32_t memory_choose(uint32_t n);

/** The model is too small for the program. */
_Noreturn void memory_full(void);

/** Is there anything in both? Fails if it is not the same place: accesses of two sizes are not modelled. */
bool memory_is_same(const volatile void *a, size_t a_bytes, const volatile void *b, size_t b_bytes);

#endif
