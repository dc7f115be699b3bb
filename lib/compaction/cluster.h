/* SPDX-License-Identifier: MIT */
/* A cluster: the pages that one step moves, and the frames that they are to go to. */
#ifndef BALLOON_COMPACTION_CLUSTER_H
#define BALLOON_COMPACTION_CLUSTER_H

#include <balloon/compactor.h>
#include <balloon/frames-ops.h>

enum { CLUSTER_MAX = 2 * BALLOON_COMPACTOR_CLUSTER };
#define CLUSTER_DONE UINT32_MAX

/* Pages of one driver in one call, in the order of the cluster. */
struct cluster_call {
	struct balloon_page old_pages[CLUSTER_MAX];
	struct balloon_page new_pages[CLUSTER_MAX];
	uint8_t items[CLUSTER_MAX];
	uint8_t outcomes[CLUSTER_MAX];
	uint32_t n;
};

struct cluster {
	struct balloon_compactor *compactor;
	uint64_t wait_until_ns; /* for a driver that is busy; 0: it is only asked again */
	uint32_t n;
	struct balloon_page pages[CLUSTER_MAX]; /* candidates, then isolated; in descending order */
	struct balloon_page targets[CLUSTER_MAX]; /* frames of ours, in ascending order */
	uint32_t drivers[CLUSTER_MAX]; /* whose page it is, in config.drivers; CLUSTER_DONE */
	struct cluster_call call;      /* the one under way */
};

/** How many candidates it is to have. */
uint32_t balloon_cluster_size(const struct cluster *cluster);

/** Move the candidates as far as it can be done. As balloon_compactor_step() returns. */
int balloon_cluster_move(struct cluster *cluster);

#endif
