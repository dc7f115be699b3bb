/* SPDX-License-Identifier: MIT */
/* How a request gets its pages. */
#ifndef BALLOON_DRIVER_PAGES_H
#define BALLOON_DRIVER_PAGES_H

#include "driver/batch.h"

/**
 * Get n pages and tell the host. Returns true: the request is with the host, or answered; false: it is
 * over, and *result says what came of it.
 */
bool batch_start(struct balloon_driver *driver, struct balloon_batch *batch, uint32_t n_pages,
	uint64_t limit_ns, int *result);

#endif
