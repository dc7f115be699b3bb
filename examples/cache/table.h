/* SPDX-License-Identifier: MIT */
/* The cache itself: entries of all sizes in a balloon_heap, found by key, the oldest evicted first. */
#ifndef CACHE_TABLE_H
#define CACHE_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include <balloon/heap.h>

struct table;

struct table_counts {
	uint64_t n_entries;
	uint64_t bytes; /* of the entries */
	uint64_t n_hits;
	uint64_t n_inserted;
	uint64_t n_evicted;
	uint64_t n_lost;    /* keys that should be there and are not */
	uint64_t n_damaged; /* values that are not what was put in */
};

/** A table for keys from 0 to n_keys - 1, all of its own memory touched. NULL: no memory. */
struct table *table_create(uint32_t n_keys);
void table_destroy(struct table *table, struct balloon_heap *heap);

/** Look a key up, and put it in if it is not there and there is room. */
void table_use(struct table *table, struct balloon_heap *heap, uint32_t key);

/** Evict the least used entries until so many bytes were given up; returns how many were. */
uint64_t table_evict(struct table *table, struct balloon_heap *heap, uint64_t bytes);

/** From now on hold no more than so many bytes; UINT64_MAX: as many as there is room for. */
void table_limit(struct table *table, uint64_t bytes);

/** Look at each entry, and at each key that should have one. */
struct table_counts table_check(struct table *table);
struct table_counts table_counts(struct table *table);

#endif
