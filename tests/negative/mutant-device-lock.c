/* SPDX-License-Identifier: MIT */
/* device-lock with its locks in the hands of the run's fault. */

#include "mutant.h"

#define balloon_strategy_device_lock mutant_device_lock_strategy
#include "../../strategies/device-lock.c"

bool peek_link(const struct balloon_memmap *map, struct balloon_page page)
{
	(void)*(const volatile uint32_t *)&descriptor_of(map, page)->link.next;
	balloon_hook_yield(); /* let others in before this thread takes a lock */
	return is_candidate(map, page);
}
