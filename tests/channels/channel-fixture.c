/* SPDX-License-Identifier: MIT */
#include "channel-fixture.h"

struct balloon_channel *channel_fixture_open(struct channel_fixture *s, bool is_polled)
{
	host_init(&s->host, 0);
	if (is_polled)
		host_be_polled(&s->host);
	host_always(&s->host, HOST_SILENT);
	for (uint32_t i = 0; i < REQUESTS; i++) {
		s->requests[i] = request_new(PAGES);
		CHECK_EQ(request_prepare_steps(
				 s->requests[i], BALLOON_REQUEST_INFLATE, 100 * i, 1, PAGES),
			0);
	}
	return &s->host.channel;
}

void channel_fixture_close(struct channel_fixture *s)
{
	CHECK(!s->host.violation);
	CHECK_EQ(host_fini(&s->host), 0);
	for (uint32_t i = 0; i < REQUESTS; i++)
		request_delete(s->requests[i]);
}

struct balloon_channel_stats stats_now(struct balloon_channel *channel)
{
	struct balloon_channel_stats s;
	CHECK_EQ(balloon_channel_stats(channel, &s), 0);
	return s;
}
