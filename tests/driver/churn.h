/* SPDX-License-Identifier: MIT */
/* Many threads on one driver: fill, leak, step, relieve, migrate, quiesce, in any order. */
#ifndef DRIVER_CHURN_H
#define DRIVER_CHURN_H

#include "fixture.h"

/** Returns NULL, or what is wrong afterwards. The fixture is closed. */
const char *churn_run(
	struct fixture *fixture, unsigned n_threads, uint32_t n_rounds, uint64_t seed);

#endif
