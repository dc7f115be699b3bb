/* SPDX-License-Identifier: MIT */
/* A channel to a puppet, and some requests. */
#ifndef CHANNELS_SETTING_H
#define CHANNELS_SETTING_H

#include "memory.h"
#include "puppet.h"
#include "support.h"

enum { REQUESTS = 4, PAGES = 8 };

struct setting {
	struct puppet puppet;
	struct balloon_request *requests[REQUESTS]; /* prepared: pages 0 to 7, 100 to 107, ... */
};

struct balloon_channel *setting_open(struct setting *s, bool is_polled);
void setting_close(struct setting *s);

struct balloon_channel_stats stats_now(struct balloon_channel *channel);

/* A channel of each kind. */
#define BOTH_KINDS(name)                                                                           \
	static void name(struct setting *s, struct balloon_channel *channel);                      \
	Test(channel, name)                                                                        \
	{                                                                                          \
		for (int is_polled = 0; is_polled < 2; is_polled++) {                              \
			struct setting s;                                                          \
			struct balloon_channel *channel = setting_open(&s, is_polled);             \
			name(&s, channel);                                                         \
			setting_close(&s);                                                         \
		}                                                                                  \
	}                                                                                          \
	static void name(struct setting *s, struct balloon_channel *channel)

#endif
