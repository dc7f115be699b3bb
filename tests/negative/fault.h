/* SPDX-License-Identifier: MIT */
/* Faults: what can be wrong in a run, and the tables that it can be wrong in. */
#ifndef NEGATIVE_FAULT_H
#define NEGATIVE_FAULT_H

#include <balloon/balloon.h>

enum fault_kind {
	FAULT_NONE,
	FAULT_NO_LOCK,      /* the function does without balloon_lock_acquire() and _release() */
	FAULT_NO_PAGE_LOCK, /* the same with page locks; a trylock always succeeds */
	FAULT_RELAXED_LOCK, /* L2 without its release, everywhere */
	FAULT_RELAXED_PAGE, /* P2 without its release, everywhere */
	FAULT_LATE_UNLOCK,  /* H-40: page unlocked, reference dropped after the lock is released */
	FAULT_EARLY_CLEAR, /* H-40: isolated flag cleared, page unlocked before the lock is taken */
};

struct fault {
	enum fault_kind kind;
	const char *function; /* of the strategy; NULL: everywhere */
};

/* Set before threads start. */
extern struct fault fault_of_run;

/* The strategies with their locks in the hands of fault_of_run. */
extern const struct balloon_strategy mutant_page_lock_strategy;
extern const struct balloon_strategy mutant_mapcount_strategy;
extern const struct balloon_strategy mutant_movable_strategy;
extern const struct balloon_strategy mutant_device_lock_strategy;
extern const struct balloon_strategy mutant_isolated_bit_strategy;

/* Pre-checks that read, without a lock, a field that a lock protects. */
bool peek_state(const struct balloon_memmap *map, struct balloon_page page);   /* page-lock */
bool peek_owner(const struct balloon_memmap *map, struct balloon_page page);   /* mapcount */
bool peek_link(const struct balloon_memmap *map, struct balloon_page page);    /* device-lock */
bool peek_counter(const struct balloon_memmap *map, struct balloon_page page); /* movable */

#endif
