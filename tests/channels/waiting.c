/* SPDX-License-Identifier: MIT */
/* What all channels share: who waits, who polls meanwhile, and for how long. */

#include "setting.h"

/* ---- Deadlines ------------------------------------------------------------------------------- */

BOTH_KINDS(a_host_that_does_not_answer_makes_an_error_not_a_hang)
{
	struct balloon_request *request = s->requests[0];
	CHECK_EQ(balloon_request_submit(channel, request), 0);
	CHECK_EQ(balloon_request_wait(channel, request, 0), -ETIMEDOUT);
	uint64_t deadline_ns = in_ms(20);
	CHECK_EQ(balloon_request_wait(channel, request, deadline_ns), -ETIMEDOUT);
	CHECK(balloon_platform_now_ns() >= deadline_ns);
	CHECK_EQ(request->state, BALLOON_REQUEST_OUTSTANDING);
	/* It is late, not lost; and a mere look finds it. */
	puppet_say(&s->puppet, request->id, PAGES, 0);
	CHECK_EQ(balloon_request_wait(channel, request, 0), 0);
	CHECK_EQ(request->n_done, PAGES);
	CHECK_EQ(balloon_request_wait(channel, request, 0), 0);
	CHECK_EQ(balloon_request_wait(NULL, request, 0), -EINVAL);
	CHECK_EQ(balloon_request_wait(channel, NULL, 0), -EINVAL);
	CHECK_EQ(balloon_channel_wait(NULL, 0, 0), -EINVAL);
	CHECK_EQ(balloon_channel_wait(channel, balloon_event_seen(&channel->event), 0), 0);
}

/* ---- Two waiters ----------------------------------------------------------------------------- */

/* Each thread waits for its own request; the last one answers, in the opposite order. */
static void wait_for_own(void *shared, size_t thread)
{
	struct setting *s = shared;
	if (thread < REQUESTS) {
		CHECK_EQ(balloon_request_wait(
				 &s->puppet.channel, s->requests[thread], BALLOON_NEVER),
			0);
		return;
	}
	uint64_t ids[REQUESTS];
	for (int i = 0; i < REQUESTS; i++)
		ids[i] = (uint64_t)i + 1; /* the order in which they were submitted */
	for (int i = REQUESTS - 1; i >= 0; i--) {
		balloon_platform_wait_until(&(uint32_t){0}, 0, in_ms(2));
		puppet_say(&s->puppet, ids[i], PAGES, 0);
	}
}

BOTH_KINDS(of_many_waiters_one_polls)
{
	for (int i = 0; i < REQUESTS; i++)
		CHECK_EQ(balloon_request_submit(channel, s->requests[i]), 0);
	run_together(REQUESTS + 1, wait_for_own, s);
	CHECK(s->puppet.n_polling_max <= 1);
	CHECK_EQ(s->puppet.n_polling, 0);
	CHECK_EQ(s->puppet.n_polling_max, channel->ops->poll ? 1 : 0);
	CHECK_EQ(stats_now(channel).n_completed, REQUESTS);
}

/* The first one to poll gives up early: the other goes on polling in its place. */
static void wait_unequally(void *shared, size_t thread)
{
	struct setting *s = shared;
	struct balloon_channel *channel = &s->puppet.channel;
	if (thread == 0)
		CHECK_EQ(balloon_request_wait(channel, s->requests[0], in_ms(5)), -ETIMEDOUT);
	else if (thread == 1)
		CHECK_EQ(balloon_request_wait(channel, s->requests[1], BALLOON_NEVER), 0);
	else {
		balloon_platform_wait_until(&(uint32_t){0}, 0, in_ms(40));
		puppet_say(&s->puppet, 2, PAGES, 0);
	}
}

BOTH_KINDS(a_waiter_that_leaves_hands_polling_over)
{
	for (int i = 0; i < 2; i++)
		CHECK_EQ(balloon_request_submit(channel, s->requests[i]), 0);
	run_together(3, wait_unequally, s);
	puppet_say(&s->puppet, s->requests[0]->id, PAGES, 0);
	CHECK_EQ(balloon_request_wait(channel, s->requests[0], BALLOON_NEVER), 0);
	CHECK(s->puppet.n_polling_max <= 1);
}

/* ---- The end of a host ----------------------------------------------------------------------- */

static void wait_for_the_end(void *shared, size_t thread)
{
	struct setting *s = shared;
	if (thread == 2) {
		balloon_platform_wait_until(&(uint32_t){0}, 0, in_ms(10));
		puppet_leave(&s->puppet);
		return;
	}
	CHECK_EQ(balloon_request_wait(&s->puppet.channel, s->requests[thread], BALLOON_NEVER),
		-ENODEV);
}

Test(channel, all_waiters_learn_that_the_host_is_gone)
{
	struct setting s;
	struct balloon_channel *channel = setting_open(&s, true);
	for (int i = 0; i < 2; i++)
		CHECK_EQ(balloon_request_submit(channel, s.requests[i]), 0);
	run_together(3, wait_for_the_end, &s);
	CHECK_EQ(s.requests[0]->state, BALLOON_REQUEST_OUTSTANDING);
	CHECK_EQ(balloon_request_submit(channel, s.requests[2]), -ENODEV);
	CHECK_EQ(s.requests[2]->state, BALLOON_REQUEST_FREE);
	CHECK_EQ(balloon_channel_wait(channel, 0, BALLOON_NEVER), -ENODEV);
	CHECK_EQ(balloon_channel_reset(channel), 0);
	setting_close(&s);
}

BOTH_KINDS(reset_takes_all_requests_back)
{
	for (int i = 0; i < 3; i++)
		CHECK_EQ(balloon_request_submit(channel, s->requests[i]), 0);
	puppet_say(&s->puppet, s->requests[1]->id, PAGES, 0);
	CHECK_EQ(balloon_request_wait(channel, s->requests[1], BALLOON_NEVER), 0);
	CHECK_EQ(balloon_channel_reset(channel), 0);
	for (int i = 0; i < 3; i++) {
		CHECK_EQ(balloon_request_wait(channel, s->requests[i], BALLOON_NEVER), 0);
		CHECK_EQ(s->requests[i]->error, i == 1 ? 0 : -ECANCELED);
		CHECK_EQ(s->requests[i]->n_done, i == 1 ? PAGES : 0);
	}
	CHECK_EQ(stats_now(channel).n_outstanding, 0);
	CHECK_EQ(balloon_request_complete_id(channel, s->requests[0]->id, PAGES, 0), -ESTALE);
	CHECK_EQ(balloon_request_submit(channel, s->requests[3]), -ENODEV);
	CHECK_EQ(balloon_channel_reset(channel), 0);
	CHECK_EQ(balloon_channel_reset(NULL), -EINVAL);
	CHECK_EQ(balloon_channel_fini(NULL), -EINVAL);
	CHECK_EQ(balloon_channel_stats(NULL, NULL), -EINVAL);
}

/* A reset wakes who sleeps. */
static void wait_and_reset(void *shared, size_t thread)
{
	struct setting *s = shared;
	if (thread == 0) {
		CHECK_EQ(
			balloon_request_wait(&s->puppet.channel, s->requests[0], BALLOON_NEVER), 0);
		return;
	}
	balloon_platform_wait_until(&(uint32_t){0}, 0, in_ms(10));
	CHECK_EQ(balloon_channel_reset(&s->puppet.channel), 0);
}

Test(channel, reset_wakes_who_waits)
{
	struct setting s;
	struct balloon_channel *channel = setting_open(&s, false);
	CHECK_EQ(balloon_request_submit(channel, s.requests[0]), 0);
	run_together(2, wait_and_reset, &s);
	CHECK_EQ(s.requests[0]->error, -ECANCELED);
	setting_close(&s);
}
