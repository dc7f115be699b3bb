/* SPDX-License-Identifier: MIT */
/* Taking the locks that a design wants for a request. */
#ifndef BALLOON_DRIVER_LOCK_H
#define BALLOON_DRIVER_LOCK_H

#include "driver/batch.h"

/** Take the locks for a request. Returns 0; -EAGAIN: not in time; -ENODEV; -ECANCELED. */
int batch_lock(struct balloon_driver *driver, struct balloon_batch *batch, unsigned locks,
	enum lock_direction direction, uint64_t limit_ns);

/** Take the lock that the design wants for it. As batch_lock(). */
int batch_lock_by_design(
	struct balloon_driver *driver, struct balloon_batch *batch, uint64_t limit_ns);

#endif
