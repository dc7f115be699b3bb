/* SPDX-License-Identifier: MIT */
/*
 * The list work of a balloon and nothing else: what a page's way out and in again costs if nothing
 * had to be refused, found by address, or told. Floors wrap it in a lock of their choice.
 */
#ifndef REFERENCES_SHELF_H
#define REFERENCES_SHELF_H

#include <pthread.h>

#include <balloon/sync.h>

#include "run/loops.h"

/** Per page: as in a strategy, a link in both directions and the owner. */
struct node {
	uint32_t next, previous, owner;
};

/** In place of a device. What is used at each operation fills one cache line. */
struct shelf {
	union {
		struct balloon_lock lock;
		pthread_mutex_t mutex;
	} guard;
	struct node *nodes; /* of all pages */
	uint64_t n_listed;
	uint32_t first;
	uint32_t owner; /* what to write into the nodes */
	struct balloon_atomic_word n_contended __attribute__((aligned(64)));
} __attribute__((aligned(64)));

#define SHELF_END UINT32_C(0xffffffff)

static inline void shelf_push(struct shelf *shelf, const struct balloon_page *pages, size_t n_pages)
{
	for (size_t i = 0; i < n_pages; i++) {
		struct node *node = &shelf->nodes[pages[i].index];
		*node = (struct node){shelf->first, SHELF_END, shelf->owner};
		if (shelf->first != SHELF_END)
			shelf->nodes[shelf->first].previous = pages[i].index;
		shelf->first = pages[i].index;
	}
	shelf->n_listed += n_pages;
}

static inline size_t shelf_pop(struct shelf *shelf, struct balloon_page *pages, size_t n_pages)
{
	size_t n = 0;
	while (n < n_pages && shelf->first != SHELF_END) {
		pages[n] = balloon_page(shelf->first);
		struct node *node = &shelf->nodes[shelf->first];
		shelf->first = node->next;
		if (shelf->first != SHELF_END)
			shelf->nodes[shelf->first].previous = SHELF_END;
		*node = (struct node){0};
		n++;
	}
	shelf->n_listed -= n;
	return n;
}

/* The create, destroy and count of a subject whose places are shelves. */
int shelves_create(struct instance *instance);
void shelves_destroy(struct instance *instance);
int shelves_count(struct instance *instance, struct counts *counts);

#endif
