/* SPDX-License-Identifier: MIT */
/* What the engine's files share. */
#ifndef SIMULATION_ENGINE_INTERNAL_H
#define SIMULATION_ENGINE_INTERNAL_H

#include "engine.h"

#if defined(__SANITIZE_ADDRESS__)
#define ENGINE_HAS_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ENGINE_HAS_ASAN 1
#endif
#endif

/** Points that are no accesses come after enum balloon_access. */
enum engine_point_kind {
	ENGINE_POINT_READ,
	ENGINE_POINT_WRITE,
	ENGINE_POINT_LOAD,
	ENGINE_POINT_STORE,
	ENGINE_POINT_MODIFY,
	ENGINE_POINT_WAIT,
	ENGINE_POINT_WAKE,
	ENGINE_POINT_CLOCK,
	ENGINE_POINT_OTHER,
	ENGINE_POINT_LOCKED, /* no point: a lock that was waited for is taken */
};

const char *engine_point_name(unsigned kind);

/* A stack of its own, for code that runs until it switches away. */
struct engine_context {
	void *stack_pointer;
	void *stack; /* its lowest address, and how long it is: for sanitizers */
	size_t stack_bytes;
	void *fake_stack;
};

/* Make a context that begins with entry(), which never returns. */
void engine_context_init(
	struct engine_context *context, void *stack, size_t stack_bytes, void (*entry)(void));
/* Go from one to the other; comes back when somebody goes to `from`. is_last: nobody will. */
void engine_context_switch(struct engine_context *from, struct engine_context *to, bool is_last);
/* The first thing that entry() does. */
void engine_context_entered(void);

/* The hook: a point before an access. Outside of threads it is none. */
void engine_access(const volatile void *place, size_t size_bytes, unsigned kind, uintptr_t where);

/* Sleep on a word until woken or the deadline; UINT64_MAX: none. */
void engine_sleep_on(const volatile void *word, uint64_t deadline_ns);
/* Wake up to n threads that sleep on it. */
void engine_wake(const volatile void *word, uint32_t n);
/* Wait until (*word & bits) == 0: true; or the deadline: false. There is no point in between and the
 * return; to an explorer what the caller does then is a step. */
bool engine_wait_clear(const uint32_t *word, uint32_t bits, uint64_t deadline_ns);
/* A store that the thread's next load may overtake. */
void engine_store_later(uint32_t *place, uint32_t value, uintptr_t where);
/* A shared word was changed by the engine itself. */
void engine_changed(void);

/* Locks that the calling thread holds. */
void engine_held_check(const void *word, uint32_t rank, bool is_plural);
void engine_held_add(const void *word, uint32_t rank);
void engine_held_remove(const void *word);
bool engine_held(const void *word);
/* The locks that a thread holds, or held when the last run ended: number i, NULL past the last. */
const void *engine_held_at(uint32_t thread, uint32_t i);

#endif
