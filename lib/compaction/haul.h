/* SPDX-License-Identifier: MIT */
/* A haul: the pages that one step moves, and the frames that they are to go to. */
#ifndef BALLOON_COMPACTION_HAUL_H
#define BALLOON_COMPACTION_HAUL_H

#include <balloon/compactor.h>

enum { HAUL_MAX = 2 * BALLOON_COMPACTOR_STEP };
#define HAUL_DONE UINT32_MAX

/* Pages of one driver in one call, in the order of the haul. */
struct haul_call {
	struct balloon_page old_pages[HAUL_MAX];
	struct balloon_page new_pages[HAUL_MAX];
	uint8_t items[HAUL_MAX];
	uint8_t outcomes[HAUL_MAX];
	uint32_t n;
};

struct haul {
	struct balloon_compactor *compactor;
	uint64_t wait_until_ns; /* for a driver that is busy; 0: it is only asked again */
	uint32_t n;
	struct balloon_page pages[HAUL_MAX];   /* candidates, then isolated; in descending order */
	struct balloon_page targets[HAUL_MAX]; /* frames of ours, in ascending order */
	uint32_t drivers[HAUL_MAX];            /* whose page it is, in config.drivers; HAUL_DONE */
	struct haul_call call;                 /* the one under way */
};

/** How many candidates it is to have. */
uint32_t balloon_haul_size(const struct haul *haul);

/** Move the candidates as far as it can be done. As balloon_compactor_step() returns. */
int balloon_haul_move(struct haul *haul);

#endif
