/* SPDX-License-Identifier: MIT */
/* Stretches that are reserved. */
#ifndef BALLOON_ZONE_RESERVE_H
#define BALLOON_ZONE_RESERVE_H

#include "zone/zone.h"

/** Those of the bits that lie in a stretch that is reserved become its own. Returns the others. */
uint64_t balloon_zone_keep(struct balloon_zone *zone, uint32_t word, uint64_t bits);

/** Give back n frames, unless one of them is free, or kept; what lies in a stretch that is reserved is kept for
 * it. Have they been given? */
bool balloon_zone_give_or_keep(struct balloon_zone *zone, uint32_t frame, uint32_t n);

#endif
