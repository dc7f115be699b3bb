/* SPDX-License-Identifier: MIT */
/* Finding free frames. */
#ifndef BALLOON_ZONE_FIND_H
#define BALLOON_ZONE_FIND_H

#include "zone/zone.h"

/** The frame of a free block, for up to twelve orders; SET_NONE. */
uint32_t balloon_zone_find_block(const struct balloon_zone *zone, uint32_t order);

/** The first of the lowest n free frames in a row that are aligned so; SET_NONE. */
uint32_t balloon_zone_find_range(struct balloon_zone *zone, uint32_t n, uint32_t align);

#endif
