/* SPDX-License-Identifier: MIT */
/* Finding ranges of free frames. */
#ifndef BALLOON_ZONE_FIND_H
#define BALLOON_ZONE_FIND_H

#include "zone/zone.h"

/** The first of the lowest n free frames in a row that are aligned so; SET_NONE. */
uint32_t balloon_zone_find_range(struct balloon_zone *zone, uint32_t n, uint32_t align);

#endif
