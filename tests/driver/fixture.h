/* SPDX-License-Identifier: MIT */
/* A driver with all that it needs: map, scripted host, test source. Free of any test framework. */
#ifndef DRIVER_FIXTURE_H
#define DRIVER_FIXTURE_H

#include <balloon/driver-design.h>
#include <balloon/strategy.h>

#include "deadlines.h"
#include "host.h"
#include "source.h"

enum {
	FIXTURE_PAGES = 256,
	FIXTURE_REQUEST = 16,     /* pages of a request */
	FIXTURE_NODE_PAGES = 100, /* pages below are on node 0, the others on node 1 */
};

struct fixture {
	const struct balloon_strategy *strategy;
	const struct balloon_driver_design *design;
	struct balloon_memmap *map;
	struct balloon_driver *driver;
	struct host host;
	struct source source;
	void *memory[2]; /* of the map, of the driver */
	struct runtime_lock lock;
	int64_t ballooned[2]; /* lock: by node, as the driver's account says */
};

/** What differs from the defaults. */
struct balloon_driver_config fixture_config(struct fixture *fixture);

/** Returns 0 or a negative errno. change: may alter the configuration; may be NULL. */
int fixture_open(struct fixture *fixture, const struct balloon_strategy *strategy,
	const struct balloon_driver_design *design,
	void (*change)(struct balloon_driver_config *config));

/**
 * Hold everything against everything, with nothing under way: driver, map, host, source, accounts. NULL,
 * or what is wrong.
 */
const char *fixture_check(struct fixture *fixture);

/** Empty the balloon, check, and release all. Returns NULL, or what is wrong. */
const char *fixture_close(struct fixture *fixture);

struct balloon_driver_progress fixture_progress(struct fixture *fixture);

/** Isolate up to n pages of the balloon. Returns how many. */
uint32_t fixture_isolate(struct fixture *fixture, struct balloon_page *pages, uint32_t n_pages);

/**
 * Isolate up to n pages, migrate them into fresh frames, and deal with what became of each: freed, put
 * back, or left to the driver. Returns what balloon_driver_migrate() did; 0 if nothing could be isolated.
 */
int fixture_migrate(struct fixture *fixture, uint32_t n_pages);

#endif
