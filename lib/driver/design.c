/* SPDX-License-Identifier: MIT */
/* What designs lock with. */

#include "driver/parts.h"

void balloon_driver_lock_init(struct balloon_driver *driver, struct balloon_lock *lock)
{
	balloon_lock_init(lock, BALLOON_RANK_DRIVER, &driver->n_contended);
}

BALLOON_LOCK_INTERNALS bool balloon_driver_lock(
	struct balloon_driver *driver, struct balloon_lock *lock)
{
	uint64_t deadline_ns = balloon_platform_now_ns() + driver->config.host_timeout_ns;
	bool is_taken = balloon_lock_acquire_until(lock, deadline_ns);
	if (!is_taken)
		driver_count(driver, &driver->books.progress.n_busy, 1);
	return is_taken;
}

BALLOON_LOCK_INTERNALS bool balloon_driver_trylock(
	struct balloon_driver *driver, struct balloon_lock *lock)
{
	bool is_taken = balloon_lock_try(lock);
	if (!is_taken)
		driver_count(driver, &driver->books.progress.n_busy, 1);
	return is_taken;
}
