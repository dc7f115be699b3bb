/* SPDX-License-Identifier: MIT */
/* Many threads on one driver: fill, leak, step, relieve, migrate, quiesce, in any order. */
#ifndef DRIVER_CROWD_H
#define DRIVER_CROWD_H

#include "fixture.h"

/** Returns NULL, or what is wrong afterwards. The fixture is closed. */
const char *crowd_run(
	struct fixture *fixture, unsigned n_threads, uint32_t n_rounds, uint64_t seed);

#endif
