/* SPDX-License-Identifier: MIT */
/* A compactor, inside. */
#ifndef BALLOON_COMPACTION_COMPACTOR_H
#define BALLOON_COMPACTION_COMPACTOR_H

#include <balloon/compactor.h>

#include "internal.h"

struct balloon_compactor {
	struct balloon_compactor_config config; /* constant, with its defaults filled in */
	struct balloon_lock lock;               /* protects the next two */
	bool is_at_work;
	struct balloon_compactor_stats stats; /* as the last step left them */
	struct balloon_atomic_word n_contended;
	/* The thread's that is at work. */
	struct balloon_compactor_stats counts;
	uint32_t migrate_cursor; /* the next page to look at */
	uint32_t free_cursor;    /* free frames are taken from below it */
};

#endif
