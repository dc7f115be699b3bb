/* SPDX-License-Identifier: MIT */
/*
 * What is measured: the shape of a workload, and who does it: a strategy, a floor of the machine, or a peer, something
 * that people use instead. All of them go through the same loops (loops.h), so that a difference is theirs.
 *
 * The unit of all results is a page that went out and came in again: dequeued and inserted, or isolated and put back,
 * or isolated and replaced by another one.
 */
#ifndef RUN_SUBJECT_H
#define RUN_SUBJECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <balloon/balloon.h>

enum work {
	/* Each thread inserts its share of the pages, then dequeues as many, batch by batch. */
	WORKLOAD_CYCLE,
	/* Each thread dequeues a batch and inserts it again: at any moment some fill and some leak. */
	WORKLOAD_CHURN,
	/* Half of the threads churn, the others scan the map: isolate what they can, put it back. One
	 * thread alone does both in turns. */
	WORKLOAD_SCAN,
	/* The same; but what was isolated is replaced by pages that the scanner owns. */
	WORKLOAD_MIGRATE,
	/* Each thread churns a device of its own, as far as there are devices. */
	WORKLOAD_MULTI,
	/* Each thread fills, leaks, scans and migrates at random, in shares given as numbers. */
	WORKLOAD_MIXED,
	N_WORKLOADS,
};

enum order {
	/* Neighbours on the list are neighbours in memory. */
	ORDER_SEQUENTIAL,
	/* The list's order has become random: a balloon that has lived for a while. */
	ORDER_RANDOM,
	N_ORDERS,
};

/** How often a thread of the mixed workload does what, in any unit. */
struct mix {
	uint32_t fill, leak, scan, migrate;
};

struct shape {
	enum work workload;
	enum order order;
	uint32_t n_pages;
	uint32_t batch;
	unsigned n_threads;
	unsigned n_devices;
	struct mix mix;
};

/** NULL after the last. */
extern const char *const order_names[];

/** Does the balloon begin with all pages in it, or with none? */
bool shape_is_filled(const struct shape *shape);

/** Does a scanner of this workload isolate pages? */
bool shape_isolates(const struct shape *shape);

/** Pages beside the balloon's that scanners of this workload own, to migrate to; of all threads. */
uint32_t shape_n_spare(const struct shape *shape);

/** Of the threads, how many churn; the others scan. */
unsigned shape_n_churners(const struct shape *shape);

/* ---- Subjects -------------------------------------------------------------------------------- */

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
	const char *what; /* in one line */
	const char
		*lacks; /* what a reference does not do of a strategy's work; NULL of a strategy */
	enum subject_kind kind;
	const struct balloon_strategy *strategy; /* NULL for a reference */
	const struct ops *ops;                   /* NULL: no operations outside its work() */
	unsigned workloads;                      /* bits 1 << enum work */
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
