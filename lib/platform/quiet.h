/* SPDX-License-Identifier: MIT */
/*
 * Around what the C library or the kernel is asked: the library leaves errno alone, and none of its calls is one
 * in which a thread that was cancelled ends. Such a thread would take a request, a lock or its place among
 * those who poll with it; it ends when the call is over.
 */
#ifndef BALLOON_PLATFORM_QUIET_H
#define BALLOON_PLATFORM_QUIET_H

#include <errno.h>
#include <pthread.h>

struct quiet {
	int error;
	int cancel_state;
};

static inline struct quiet quiet_begin(void)
{
	struct quiet quiet = {.error = errno};
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &quiet.cancel_state);
	return quiet;
}

static inline void quiet_end(struct quiet quiet)
{
	int ignored;
	pthread_setcancelstate(quiet.cancel_state, &ignored);
	errno = quiet.error;
}

#endif
