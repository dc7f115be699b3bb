/* SPDX-License-Identifier: MIT */
/* movable with its locks in the hands of the run's fault. */

#include "mutant.h"

#define balloon_strategy_movable mutant_movable_strategy
#include "../../strategies/movable.c"

bool peek_counter(const struct balloon_memmap *map, struct balloon_page page)
{
	(void)*(const volatile uint64_t *)&balloon_memmap_slot(map, 0)->stats.n_listed;
	balloon_hook_yield(); /* let others in before this thread takes a lock */
	return is_candidate(map, page);
}
