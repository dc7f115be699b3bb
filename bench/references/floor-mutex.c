/* SPDX-License-Identifier: MIT */
/* floor-mutex: the list work under a mutex of the C library, one hold an operation. */
#include "references/shelf.h"

static void lock_init(struct shelf *shelf)
{
	pthread_mutex_init(&shelf->guard.mutex, NULL);
}

#define LOCK(shelf)      pthread_mutex_lock(&(shelf)->guard.mutex)
#define UNLOCK(shelf)    pthread_mutex_unlock(&(shelf)->guard.mutex)
#define LOCK_FINI(shelf) pthread_mutex_destroy(&(shelf)->guard.mutex)
#include "references/under-lock.h"

const struct subject reference_floor_mutex = {
	UNDER_LOCK("floor-mutex", "the same list work under a pthread mutex")};
