/* SPDX-License-Identifier: MIT */
/*
 * Models of memory: what an atomic access of a modelled build (<balloon/sync.h>) finds, by its order, for threads
 * under the search (explore/search.h).
 *
 *   sc   Sequential consistency: each access is made at once, in memory.
 *   tso  Total store order: a thread's stores, plain ones too, wait in a buffer of its own, in order, until the
 *        thread makes a read-modify-write, passes a fence, sleeps or ends; a wake-up on a word lets those to the word
 *        out. By default they go to memory when somebody else touches the place; that they go there later is a
 *        choice. What nobody touches may as well wait.
 *   ra   Release and acquire, with relaxed accesses (C11's without sequentially consistent accesses; no load sees
 *        a store that comes after it in its own thread). A word is a list of messages. A load finds the newest,
 *        or by choice any that its thread does not know to be overwritten; a store goes to the end of the list,
 *        or by choice anywhere after what its thread knows. A plain access finds what is in memory: which is right
 *        as long as there is no race, and a race is a finding.
 *
 * A choice is one of values (ENGINE_CHOOSE_VALUE): 0 is what would happen on a machine that hides nothing.
 *
 * The platform is part of the models, and promises no more than <balloon/platform.h> does. Of memory that is: who
 * waits after a wake-up on the same word compares what the waker knew of that word, or something newer; a fence
 * of all threads is passed by each at some moment of the call. That a wait ends without cause, or that its deadline
 * comes, is a choice.
 *
 * Not modelled: sequentially consistent loads, stores and read-modify-writes, fences weaker than that, accesses of
 * two sizes to one place. These are findings. Not tried: which of two sleepers a wake-up wakes (the first); which of two
 * threads' stores to one place goes to memory first when a third one touches it (the first thread's).
 */
#ifndef MEMORY_MODELS_H
#define MEMORY_MODELS_H

#include <stddef.h>

#include <balloon/sync.h>

enum { MEMORY_THREADS = 4 };

enum memory { MEMORY_SC, MEMORY_TSO, MEMORY_RA, MEMORY_MODELS };

/** "sc", "tso", "ra". */
const char *memory_name(enum memory memory);

/** Before each run, and before what it shares is made. */
void memory_begin(enum memory memory, uint32_t n_threads);
/** The last that a thread does: its stores reach memory. */
void memory_end_thread(void);
/** What the last step has found, which may be another value than memory has. Returns false: it has looked at none. */
bool memory_found(uint64_t *value);

/**
 * The orders of the program that can be weakened, one for each function and operation: the first for NULL; NULL past the
 * last.
 */
const struct balloon_order *memory_order_next(const struct balloon_order *order);
/** Take it for relaxed, wherever that function is compiled, and no other. NULL: none. */
void memory_weaken(const struct balloon_order *order);
/** "load", "store", ... */
const char *memory_operation_name(enum balloon_operation operation);

#endif
