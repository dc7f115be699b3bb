/* SPDX-License-Identifier: MIT */
/* Counting blocks. */
#ifndef BALLOON_ZONE_VALIDATE_H
#define BALLOON_ZONE_VALIDATE_H

#include "zone/zone.h"

/**
 * Count blocks that are not counted yet, of ZONE_COUNTED_AT_ONCE words of tier 1 at most. Were these all?
 */
bool balloon_zone_count_some(struct balloon_zone *zone);

#endif
