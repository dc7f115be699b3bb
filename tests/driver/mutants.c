/* SPDX-License-Identifier: MIT */
/*
 * Designs that are broken on purpose, each as history or a careless hand would. The claims have to find
 * them: see `mutants`.
 */
#include "claims.h"

static struct balloon_driver_design mutant(const char *name, const char *of)
{
	struct balloon_driver_design design = *balloon_driver_design_find(of);
	design.name = name;
	return design;
}

const struct balloon_driver_design *design_at(size_t index)
{
	static struct balloon_driver_design all[4];
	if (!all[0].name) {
		/* H-12: relief waits for the lock that the fill holds while it allocates. */
		all[0] = mutant("waits-for-the-fill", "coarse");
		all[0].relief = BALLOON_RELIEF_PROGRESS;
		/* H-13: what a fill has in hand is invisible. */
		all[1] = mutant("hides-pending", "alloc-outside");
		all[1].relief = BALLOON_RELIEF_BUSY;
		/* H-27 with a lock too few: a migration does not mind a fill that waits for the host. */
		all[2] = mutant("begins-at-once", "coarse");
		all[2].migration_locks = BALLOON_DRIVER_NO_LOCK;
		/* A design that promises to join leaks, and does not. */
		all[3] = mutant("split-coalesce", "split-coalesce");
		all[3].joins_leaks = false;
	}
	return index < sizeof(all) / sizeof(all[0]) ? &all[index] : NULL;
}
