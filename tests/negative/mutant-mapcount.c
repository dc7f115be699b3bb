/* SPDX-License-Identifier: MIT */
/* mapcount with its locks in the hands of the run's fault. */

#include "mutant.h"

#define balloon_strategy_mapcount mutant_mapcount_strategy
#include "../../strategies/mapcount.c"

bool peek_owner(const struct balloon_memmap *map, struct balloon_page page)
{
	(void)*(const volatile uint32_t *)&descriptor_of(map, page)->device;
	balloon_hook_yield(); /* let others in before this thread takes a lock */
	return is_candidate(map, page);
}
