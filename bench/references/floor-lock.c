/* SPDX-License-Identifier: MIT */
/* floor-lock: the list work under the library's lock, one hold an operation, written inline. */
#include "references/shelf.h"

static void lock_init(struct shelf *shelf)
{
	balloon_atomic_init(&shelf->n_contended, 0, BALLOON_SHARED_COUNTER);
	balloon_lock_init(&shelf->guard.lock, BALLOON_RANK_PAGES, &shelf->n_contended);
}

#define LOCK(shelf)      balloon_lock_acquire(&(shelf)->guard.lock)
#define UNLOCK(shelf)    balloon_lock_release(&(shelf)->guard.lock)
#define LOCK_FINI(shelf) balloon_lock_fini(&(shelf)->guard.lock)
#include "references/under-lock.h"

const struct subject reference_floor_lock = {
	UNDER_LOCK("floor-lock", "the same list work under the library's lock, inline")};
