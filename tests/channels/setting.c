/* SPDX-License-Identifier: MIT */
#include "setting.h"

struct balloon_channel *setting_open(struct setting *s, bool is_polled)
{
	puppet_init(&s->puppet, is_polled);
	for (uint32_t i = 0; i < REQUESTS; i++) {
		s->requests[i] = request_new(PAGES);
		CHECK_EQ(request_prepare_steps(
				 s->requests[i], BALLOON_REQUEST_INFLATE, 100 * i, 1, PAGES),
			0);
	}
	return &s->puppet.channel;
}

void setting_close(struct setting *s)
{
	CHECK_EQ(puppet_fini(&s->puppet), 0);
	for (uint32_t i = 0; i < REQUESTS; i++)
		request_delete(s->requests[i]);
}

struct balloon_channel_stats stats_now(struct balloon_channel *channel)
{
	struct balloon_channel_stats s;
	CHECK_EQ(balloon_channel_stats(channel, &s), 0);
	return s;
}
