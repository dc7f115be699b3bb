/* SPDX-License-Identifier: MIT */
/* Blocks of the orders 0 to 10, several at once. */
#ifndef BALLOON_ZONE_BLOCKS_H
#define BALLOON_ZONE_BLOCKS_H

#include "zone/zone.h"

/*
 * Both go through an array of blocks in order, and return how many they have taken or given. A block is the page that
 * it begins with; or, with `shift` its order, a page of a map of such blocks. The caller holds the lock.
 */

/** Fewer than n: there are no more. */
size_t balloon_zone_take_blocks(struct balloon_zone *zone, uint32_t order, uint32_t shift,
	struct balloon_page *pages, size_t n);

/** Fewer than n: the next one is no block of the zone's, or not in use. What lies in a stretch that is reserved is
 * kept for it. */
size_t balloon_zone_give_blocks(struct balloon_zone *zone, uint32_t order, uint32_t shift,
	const struct balloon_page *pages, size_t n);

#endif
