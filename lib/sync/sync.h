/* SPDX-License-Identifier: MIT */
/* Around the sleep of whoever waits for a lock: a release has to find it counted. */
#ifndef BALLOON_SYNC_SYNC_H
#define BALLOON_SYNC_SYNC_H

#include <balloon/sync.h>

void balloon_lock_begin_to_wait(struct balloon_lock *lock);
void balloon_lock_end_wait(struct balloon_lock *lock);

#endif
