/* SPDX-License-Identifier: MIT */
/*
 * Races between plain accesses: two of different threads, of which one writes, to the same bytes, that no lock
 * orders. A lock orders what its holder did before the release before what the next holder does (vector
 * clocks: Fidge and Mattern, 1988; held against each access as in FastTrack: Flanagan and Freund, 2009). That is so
 * in every schedule in which the locks are taken in this order, so that a race is found though the accesses are far
 * apart. An atomic access races with nobody, and orders nothing: the words of locks are known by who takes and
 * releases the lock, and no other word of a strategy has an order. A word that hands memory over without a lock
 * would have to be told here.
 */
#ifndef EXPLORE_CLOCKS_H
#define EXPLORE_CLOCKS_H

#include "explore/search.h"

/**
 * The same subject, in whose schedules a race is a finding (ENGINE_RACE). Until the next call. The subject's
 * accesses lie in its n_bytes of memory; others are not looked at.
 */
const struct search_subject *clocks_watch(
	const struct search_subject *subject, const void *memory, size_t n_bytes);

/** The two accesses of the last race, as return addresses: the first one, and the one at which it was found. */
struct clocks_race {
	uintptr_t first;
	uintptr_t second;
};
struct clocks_race clocks_last_race(void);

#endif
