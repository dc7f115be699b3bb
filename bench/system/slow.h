/* SPDX-License-Identifier: MIT */
/*
 * A host that takes its time: each request is answered so long after it was submitted, however
 * many it has, by a thread of its own. What a host in another process or below the machine looks
 * like.
 */
#ifndef SYSTEM_SLOW_H
#define SYSTEM_SLOW_H

#include <pthread.h>
#include <stdbool.h>

#include <balloon/channel-ops.h>

enum { SLOW_REQUESTS_MAX = 64 };

struct slow_order {
	struct balloon_request *request;
	uint64_t due_ns;
};

struct slow {
	struct balloon_channel channel;
	uint64_t takes_ns;
	pthread_t thread;
	pthread_mutex_t mutex; /* protects the rest */
	pthread_cond_t changed;
	struct slow_order
		orders[SLOW_REQUESTS_MAX]; /* a ring; all take as long, so first come, first */
	unsigned first, n;
	bool is_over;
};

/** Returns 0, or a negative errno. */
int slow_init(struct slow *slow, uint64_t takes_ns);
void slow_fini(struct slow *slow);

#endif
