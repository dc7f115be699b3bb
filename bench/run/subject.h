/* SPDX-License-Identifier: MIT */
/*
 * Whatever is measured: a strategy, a floor of the machine, or a peer, something that people use
 * instead. All of them go through the same loops (loops.h), so that a difference is theirs.
 */
#ifndef RUN_SUBJECT_H
#define RUN_SUBJECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <balloon/balloon.h>

#include "run/shape.h"

struct worker;

enum subject_kind {
	SUBJECT_STRATEGY,
	SUBJECT_FLOOR, /* what the machine allows at best */
	SUBJECT_PEER,
};

/** Where a thread works: a device of a map, or a reference's likeness of one. */
struct place {
	struct balloon_memmap *map;    /* NULL for a reference */
	struct balloon_device *device; /* NULL for a reference */
	void *own;                     /* a reference's */
};

/**
 * The operations, with the results of their namesakes in balloon.h. A reference has insert and
 * dequeue alone. The loops are compiled for each table, so that nothing is called through it there.
 */
struct ops {
	int (*insert)(struct place *place, const struct balloon_page *pages, size_t n);
	int (*dequeue)(struct place *place, struct balloon_page *pages, size_t n);
	int (*isolate)(struct place *place, const struct balloon_page *pages, size_t n);
	int (*putback)(struct place *place, const struct balloon_page *pages, size_t n);
	int (*migrate)(struct place *place, const struct balloon_page *new_pages,
		const struct balloon_page *old_pages, size_t n);
	bool (*is_candidate)(const struct place *place, struct balloon_page page);
};

/** What was counted since the subject was made. */
struct counts {
	uint64_t n_listed, n_isolated; /* now */
	uint64_t n_contended;          /* locks found taken */
};

/** A subject in the middle of its work. */
struct instance {
	const struct subject *subject;
	const struct shape *shape;
	struct place *places;        /* one for each device */
	void *memory;                /* the subject's own */
	struct balloon_page *spares; /* of all scanners, each a batch */
	double bytes_per_page;
};

struct subject {
	const char *name;
	const char *what;  /* in one line */
	const char *lacks; /* what a peer does not offer of a balloon; NULL: nothing worth saying */
	enum subject_kind kind;
	const struct balloon_strategy *strategy; /* NULL for a reference */
	const struct ops *ops;                   /* NULL: no operations outside its work() */
	unsigned workloads;                      /* bits 1 << enum workload */
	bool is_single;                          /* for one thread only */

	/** Make places and memory, empty. Returns 0, or a negative error number: nothing is left. */
	int (*create)(struct instance *instance);
	void (*destroy)(struct instance *instance);
	/** Do the workload until worker_is_stopped(), at least one round of it. */
	void (*work)(struct worker *worker);
	/** Returns 0, or a negative error number. NULL: it keeps no counts. */
	int (*count)(struct instance *instance, struct counts *counts);
};

bool subject_can(const struct subject *subject, const struct shape *shape);

const char *subject_kind_name(enum subject_kind kind);

/** The references that were built, floors first; NULL after the last. */
extern const struct subject *const references[];

/** Fill in a subject that measures a strategy. */
void subject_of_strategy(struct subject *subject, const struct balloon_strategy *strategy);

#endif
