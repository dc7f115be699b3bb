/* SPDX-License-Identifier: MIT */
/*
 * What is measured: a workload, and its size.
 *
 * The unit of all results is a page that went out and came in again: dequeued and inserted, or
 * isolated and put back, or isolated and replaced by another one.
 */
#ifndef RUN_SHAPE_H
#define RUN_SHAPE_H

#include <stdbool.h>
#include <stdint.h>

enum workload {
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
	enum workload workload;
	enum order order;
	uint32_t n_pages;
	uint32_t batch;
	unsigned n_threads;
	unsigned n_devices;
	struct mix mix;
};

extern const char *const workload_names[N_WORKLOADS];
extern const char *const order_names[N_ORDERS];

/** Does the balloon begin with all pages in it, or with none? */
bool shape_is_filled(const struct shape *shape);

/** Does a scanner of this workload isolate pages? */
bool shape_isolates(const struct shape *shape);

/** Pages beside the balloon's that scanners of this workload own, to migrate to; of all threads. */
uint32_t shape_n_spare(const struct shape *shape);

/** Of the threads, how many churn; the others scan. */
unsigned shape_n_churners(const struct shape *shape);

#endif
