/* SPDX-License-Identifier: MIT */
/*
 * A driver with a map, a zone of all its pages, and a host: what the works without memory run on.
 */
#ifndef SYSTEM_FIXTURE_H
#define SYSTEM_FIXTURE_H

#include <balloon/driver.h>
#include <balloon/frames-ops.h>
#include <balloon/zone.h>

#include "system/slow.h"
#include "system/system.h"

struct fixture {
	struct balloon_memmap *map;
	struct balloon_zone *zone;
	struct balloon_driver *driver;
	struct balloon_channel null; /* the host that takes no time */
	struct slow slow;            /* the one with a thread of its own, which may take some */
	bool is_slow;
};

/**
 * Make one of the pages, the design, the strategy and the host of the trial's labels, and with
 * room in the map for a device beside the driver's. n_requests: under way; 0: as many as a driver
 * has by itself. Hold-offs are short: what is measured here is not how long the library waits by
 * itself. Returns 0 or -1.
 */
int fixture_open(struct fixture *fixture, const struct trial *trial, uint32_t n_requests);

/** End it; what the balloon still holds is given back. */
void fixture_close(struct fixture *fixture);

/** Run until the balloon has so many pages. Returns 0 or a negative errno. */
int fixture_reach(struct fixture *fixture, uint64_t n_pages);

struct balloon_driver_progress fixture_progress(struct fixture *fixture);
uint64_t fixture_n_free(struct fixture *fixture);

/** Hold everything against everything, with nothing under way: n_held pages are the balloon's, and
 * n_taken are somebody else's. Returns 0 or -1. */
int fixture_check(
	struct fixture *fixture, const struct trial *trial, uint64_t n_held, uint64_t n_taken);

#endif
