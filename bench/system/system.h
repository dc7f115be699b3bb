/* SPDX-License-Identifier: MIT */
/* What `balloon-bench system` is asked to do, and its workloads: each one row and one file. */
#ifndef SYSTEM_SYSTEM_H
#define SYSTEM_SYSTEM_H

#include "harness/rows.h"
#include "harness/session.h"

enum {
	SYSTEM_PAGES_MAX = 1 << 28,
	SYSTEM_REQUEST_MAX = 1024, /* what the kernel takes in a vector */
	SYSTEM_HOST_US_MAX = 1000000,
	SYSTEM_EVENTS_MAX = 100000,
	SYSTEM_PAIRS_MAX = 1 << 24,
};

struct system_plan {
	struct session session;
	struct list workloads;
	struct list channels, orders, other_threads; /* of release */
	struct list drivers, strategies;             /* by number */
	uint32_t n_pages;                            /* of release */
	uint32_t n_zone_pages;                       /* of all but release and relief */
	uint32_t request;                            /* pages */
	uint32_t host_us;  /* a request takes on the host that takes time */
	uint32_t n_events; /* of relief, a repeat */
	uint32_t n_pairs;  /* of heap, a repeat */
};

extern const struct workload workload_release, workload_target, workload_compaction,
	workload_relief, workload_cost, workload_latency, workload_contention, workload_heap,
	workload_blocks;

/** Of the channels that releases are for; NULL after the last. */
enum { CHANNEL_MADVISE, CHANNEL_MEMFD };
extern const char *const channel_names[];

static inline const struct system_plan *plan_of(const struct trial *trial)
{
	return trial->round->plan;
}

static inline uint32_t number_of(const struct trial *trial, const char *name)
{
	return (uint32_t)label_of(trial, name)->number;
}

static inline const char *text_of(const struct trial *trial, const char *name)
{
	return label_of(trial, name)->text;
}

/** The strategy of workloads that want one: the last that was asked for. */
const char *last_strategy(const struct system_plan *plan);

/** A trial for each driver design that was asked for. */
void add_drivers(struct round *round, const struct trial_ops *ops, const void *how);

#endif
