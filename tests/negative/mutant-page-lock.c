/* SPDX-License-Identifier: MIT */
/* page-lock with its locks in the hands of the run's fault. */

#include "mutant.h"

#define balloon_strategy_page_lock mutant_page_lock_strategy
#include "../../strategies/page-lock.c"

bool peek_state(const struct balloon_memmap *map, struct balloon_page page)
{
	(void)*(const volatile uint32_t *)&descriptor_of(map, page)->state;
	balloon_hook_yield(); /* let others in before this thread takes a lock */
	return is_candidate(map, page);
}
