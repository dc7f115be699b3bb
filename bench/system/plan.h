/* SPDX-License-Identifier: MIT */
/* What `balloon-bench system` is asked to do: its options. */
#ifndef SYSTEM_PLAN_H
#define SYSTEM_PLAN_H

#include <stdbool.h>

#include <balloon/driver.h>

#include "common/strategies.h"
#include "system/region.h"
#include "system/trial.h"

enum {
	SYSTEM_REPEATS_MAX = 10000,
	SYSTEM_DESIGNS_MAX = 16,
	SYSTEM_PAGES_MAX = 1 << 28,
	SYSTEM_REQUEST_MAX = 1024, /* what the kernel takes in a vector */
	SYSTEM_HOST_US_MAX = 1000000,
	SYSTEM_EVENTS_MAX = 100000,
	SYSTEM_PAIRS_MAX = 1 << 24,
};

/** Of the channels that releases are for. */
enum { CHANNEL_MADVISE, CHANNEL_MEMFD, N_CHANNELS };
extern const char *const channel_names[N_CHANNELS];

struct plan {
	enum work works[N_WORKS];
	size_t n_works;
	unsigned channels[N_CHANNELS]; /* of release */
	size_t n_channels;
	enum page_order orders[N_ORDERS];
	size_t n_orders;
	bool neighbours[2]; /* does another thread run? */
	size_t n_neighbours;
	const struct balloon_driver_design *designs[SYSTEM_DESIGNS_MAX];
	size_t n_designs;
	struct strategies strategies; /* of compaction; the others' is the last one */
	uint32_t n_pages;             /* of release */
	uint32_t n_zone_pages;        /* of all but release and relief */
	uint32_t request;             /* pages */
	uint32_t host_us;             /* a request takes on the host that takes time */
	uint32_t n_events;            /* of relief, a repeat */
	uint32_t n_pairs;             /* of heap, a repeat */
	size_t n_repeats;
	const char *json_path, *csv_path; /* NULL: none */
};

/** Strings stay the caller's. Returns 0, or the exit status after a wrong usage. */
int plan_parse_system(struct plan *plan, int argc, char **argv);

/** As long as the design lives. */
const char *driver_name(const struct balloon_driver_design *design);

#endif
