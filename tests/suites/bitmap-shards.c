/* SPDX-License-Identifier: MIT */
/*
 * bitmap on maps of a few pages, in shards, as a module of somebody else's: a strategy of another shape than those
 * with lists has no advantage of being built in.
 */
#define BITMAP_GROUP_PAGES  4
#define BITMAP_BLOCK_GROUPS 1
#define BITMAP_SHARD_BLOCKS 1

#include <balloon/strategy.h>

#define balloon_strategy_bitmap balloon_strategy
BALLOON_EXPORT extern const struct balloon_strategy balloon_strategy;

#include "../../strategies/bitmap.c"
