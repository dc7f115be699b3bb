/* SPDX-License-Identifier: MIT */
/* A channel to a host that says what a test does, and some requests. */
#ifndef CHANNELS_FIXTURE_H
#define CHANNELS_FIXTURE_H

#include "host.h"
#include "memory.h"
#include "suite.h"

enum { REQUESTS = 4, PAGES = 8 };

struct channel_fixture {
	struct host host;
	struct balloon_request *requests[REQUESTS]; /* prepared: pages 0 to 7, 100 to 107, ... */
};

struct balloon_channel *channel_fixture_open(struct channel_fixture *s, bool is_polled);
void channel_fixture_close(struct channel_fixture *s);

struct balloon_channel_stats stats_now(struct balloon_channel *channel);

/* A channel of each kind. */
#define BOTH_KINDS(name)                                                                           \
	static void name(struct channel_fixture *s, struct balloon_channel *channel);              \
	Test(channel, name)                                                                        \
	{                                                                                          \
		for (int is_polled = 0; is_polled < 2; is_polled++) {                              \
			struct channel_fixture s;                                                  \
			struct balloon_channel *channel = channel_fixture_open(&s, is_polled);     \
			name(&s, channel);                                                         \
			channel_fixture_close(&s);                                                 \
		}                                                                                  \
	}                                                                                          \
	static void name(struct channel_fixture *s, struct balloon_channel *channel)

#endif
