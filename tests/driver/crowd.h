/* SPDX-License-Identifier: MIT */
/* Many threads on one driver: fill, leak, step, relieve, migrate, quiesce, in any order. */
#ifndef DRIVER_CROWD_H
#define DRIVER_CROWD_H

#include "rig.h"

/** Returns NULL, or what is wrong afterwards. The rig is closed. */
const char *crowd_run(struct rig *rig, unsigned n_threads, uint32_t n_rounds, uint64_t seed);

#endif
