/* SPDX-License-Identifier: MIT */
/* A haul: the pages that one step has isolated, and the frames that they are to go to. */
#ifndef BALLOON_COMPACTION_HAUL_H
#define BALLOON_COMPACTION_HAUL_H

#include "compaction/compactor.h"

enum { HAUL_MAX = BALLOON_MIGRATE_MAX };
#define HAUL_DONE UINT32_MAX

struct haul {
	struct balloon_compactor *compactor;
	uint32_t n;
	struct balloon_page pages[HAUL_MAX];   /* isolated; ascending */
	struct balloon_page targets[HAUL_MAX]; /* frames of ours, once supplied; ascending */
	uint32_t drivers[HAUL_MAX];            /* whose page it is, in config.drivers; HAUL_DONE */
};

/** Put an isolated page back. */
void balloon_haul_put_back(struct balloon_compactor *compactor, struct balloon_page page);

/** Migrate what can be, put the rest back. As balloon_compactor_step() returns. */
int balloon_haul_migrate(struct haul *haul);

#endif
