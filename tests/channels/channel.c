/* SPDX-License-Identifier: MIT */
/* What all channels share: who has a request, who waits for it, and which answers are believed. */

#include "memory.h"
#include "puppet.h"
#include "support.h"

enum { REQUESTS = 4, PAGES = 8, MS = 1000000 };

struct setting {
	struct puppet puppet;
	struct balloon_request *requests[REQUESTS];
};

static struct balloon_channel *open(struct setting *s, bool is_polled)
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

static void close(struct setting *s)
{
	CHECK_EQ(puppet_fini(&s->puppet), 0);
	for (uint32_t i = 0; i < REQUESTS; i++)
		request_delete(s->requests[i]);
}

static struct balloon_channel_stats stats(struct balloon_channel *channel)
{
	struct balloon_channel_stats s;
	CHECK_EQ(balloon_channel_stats(channel, &s), 0);
	return s;
}

static uint64_t in_ms(uint64_t ms)
{
	return balloon_platform_now_ns() + ms * MS;
}

/* A channel of each kind. */
#define BOTH_KINDS(name)                                                                           \
	static void name(struct setting *s, struct balloon_channel *channel);                      \
	Test(channel, name)                                                                        \
	{                                                                                          \
		for (int is_polled = 0; is_polled < 2; is_polled++) {                              \
			struct setting s;                                                          \
			struct balloon_channel *channel = open(&s, is_polled);                     \
			name(&s, channel);                                                         \
			close(&s);                                                                 \
		}                                                                                  \
	}                                                                                          \
	static void name(struct setting *s, struct balloon_channel *channel)

/* ---- Answers --------------------------------------------------------------------------------- */

BOTH_KINDS(an_answer_completes_the_request_that_it_names)
{
	struct balloon_request *first = s->requests[0];
	struct balloon_request *second = s->requests[1];
	CHECK_EQ(balloon_request_submit(channel, first), 0);
	CHECK_EQ(balloon_request_submit(channel, second), 0);
	CHECK_EQ(balloon_channel_fini(channel), -EBUSY);
	puppet_say(&s->puppet, first->id, PAGES, 0);
	CHECK_EQ(balloon_request_wait(channel, first, BALLOON_NEVER), 0);
	CHECK_EQ(second->state, BALLOON_REQUEST_OUTSTANDING);
	CHECK_EQ(first->n_done, PAGES);
	CHECK(balloon_request_did(first, balloon_page(PAGES - 1)));
	puppet_say(&s->puppet, second->id, 3, -ENOSPC);
	CHECK_EQ(balloon_request_wait(channel, second, BALLOON_NEVER), 0);
	CHECK_EQ(second->error, -ENOSPC);
	CHECK(balloon_request_did(second, balloon_page(102)));
	CHECK(!balloon_request_did(second, balloon_page(103)));
	CHECK_EQ(stats(channel).n_completed, 2);
	CHECK_EQ(stats(channel).n_outstanding, 0);
	/* It is the caller's again. */
	CHECK_EQ(balloon_request_prepare(second, BALLOON_REQUEST_DEFLATE, 2), 0);
	CHECK_EQ(balloon_request_submit(channel, second), 0);
	puppet_say(&s->puppet, second->id, 2, 0);
	CHECK_EQ(balloon_request_wait(channel, second, BALLOON_NEVER), 0);
}

/* Say it, and let it be heard by somebody who waits for something else. */
static void say_and_look(struct setting *s, uint64_t id, uint32_t n_done, int error)
{
	puppet_say(&s->puppet, id, n_done, error);
	CHECK_EQ(balloon_request_wait(&s->puppet.channel, s->requests[0], 0), -ETIMEDOUT);
}

BOTH_KINDS(answers_that_fit_nothing_are_refused_and_counted)
{
	struct balloon_request *waiting = s->requests[0];
	struct balloon_request *request = s->requests[1];
	CHECK_EQ(balloon_request_submit(channel, waiting), 0);
	CHECK_EQ(balloon_request_submit(channel, request), 0);
	say_and_look(s, 0, PAGES, 0);
	say_and_look(s, request->id + 1, PAGES, 0);
	say_and_look(s, UINT64_MAX, PAGES, 0);
	say_and_look(s, request->id, PAGES + 1, 0);
	say_and_look(s, request->id, PAGES + 1, -EIO);
	say_and_look(s, request->id, UINT32_MAX, -EIO);
	say_and_look(s, request->id, PAGES - 1, 0); /* fewer, and no reason */
	say_and_look(s, request->id, PAGES, -EIO);  /* all, and a reason */
	say_and_look(s, request->id, 3, EIO);
	CHECK_EQ(stats(channel).n_stray, 9);
	CHECK_EQ(request->state, BALLOON_REQUEST_OUTSTANDING);
	say_and_look(s, request->id, PAGES, 0);
	CHECK_EQ(request->state, BALLOON_REQUEST_COMPLETE);
	say_and_look(s, request->id, PAGES, 0); /* twice */
	say_and_look(s, request->id, 0, -EIO);
	CHECK_EQ(request->n_done, PAGES);
	CHECK_EQ(request->error, 0);
	CHECK_EQ(stats(channel).n_stray, 11);
	balloon_channel_count_stray(channel);
	CHECK_EQ(stats(channel).n_stray, 12);
	CHECK_EQ(stats(channel).n_completed, 1);
	CHECK_EQ(balloon_request_complete(channel, request, PAGES, 0), -ESTALE);
	CHECK_EQ(balloon_request_complete(channel, waiting, PAGES + 1, 0), -EPROTO);
	CHECK_EQ(balloon_request_complete(channel, waiting, PAGES, 0), 0);
	CHECK_EQ(stats(channel).n_outstanding, 0);
}

/* ---- Submitting ------------------------------------------------------------------------------ */

BOTH_KINDS(what_cannot_be_submitted_is_the_callers)
{
	struct balloon_request *request = s->requests[0];
	struct balloon_request *unprepared = request_new(1);
	CHECK_EQ(balloon_request_submit(NULL, request), -EINVAL);
	CHECK_EQ(balloon_request_submit(channel, NULL), -EINVAL);
	CHECK_EQ(balloon_request_submit(channel, unprepared), -EINVAL);
	CHECK_EQ(unprepared->state, BALLOON_REQUEST_FREE);
	s->puppet.submit_error = -EAGAIN;
	CHECK_EQ(balloon_request_submit(channel, request), -EAGAIN);
	CHECK_EQ(request->state, BALLOON_REQUEST_FREE);
	CHECK_EQ(balloon_request_wait(channel, request, 0), -EINVAL);
	CHECK_EQ(stats(channel).n_submitted, 0);
	CHECK_EQ(stats(channel).n_outstanding, 0);
	s->puppet.submit_error = 0;
	CHECK_EQ(balloon_request_submit(channel, request), 0);
	CHECK_EQ(balloon_request_submit(channel, request), -EBUSY);
	CHECK_EQ(balloon_request_prepare(request, BALLOON_REQUEST_INFLATE, 1), -EBUSY);
	CHECK_EQ(request->n_pages, PAGES);
	puppet_say(&s->puppet, request->id, PAGES, 0);
	CHECK_EQ(balloon_request_wait(channel, request, BALLOON_NEVER), 0);
	request_delete(unprepared);
}

/* A number that was given back with a request that could not be sent must not come again, while a
 * request that was sent after it has the next one. */
Test(channel, no_two_requests_have_one_number)
{
	struct setting s;
	struct balloon_channel *channel = open(&s, false);
	uint64_t seen[REQUESTS];
	for (uint32_t i = 0; i < REQUESTS; i++) {
		s.puppet.submit_error = -EAGAIN;
		CHECK_EQ(balloon_request_submit(channel, s.requests[i]), -EAGAIN);
		seen[i] = s.requests[i]->id;
		for (uint32_t j = 0; j < i; j++)
			CHECK(seen[i] != seen[j] && seen[i] != s.requests[j]->id);
		s.puppet.submit_error = 0;
		CHECK_EQ(balloon_request_submit(channel, s.requests[i]), 0);
		CHECK(s.requests[i]->id != seen[i]);
	}
	CHECK_EQ(stats(channel).n_submitted, REQUESTS);
	for (uint32_t i = 0; i < REQUESTS; i++)
		CHECK_EQ(balloon_request_complete(channel, s.requests[i], PAGES, 0), 0);
	close(&s);
}

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
	CHECK_EQ(stats(channel).n_completed, REQUESTS);
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
	struct balloon_channel *channel = open(&s, true);
	for (int i = 0; i < 2; i++)
		CHECK_EQ(balloon_request_submit(channel, s.requests[i]), 0);
	run_together(3, wait_for_the_end, &s);
	CHECK_EQ(s.requests[0]->state, BALLOON_REQUEST_OUTSTANDING);
	CHECK_EQ(balloon_request_submit(channel, s.requests[2]), -ENODEV);
	CHECK_EQ(s.requests[2]->state, BALLOON_REQUEST_FREE);
	CHECK_EQ(balloon_channel_wait(channel, 0, BALLOON_NEVER), -ENODEV);
	CHECK_EQ(balloon_channel_reset(channel), 0);
	close(&s);
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
	CHECK_EQ(stats(channel).n_outstanding, 0);
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
	struct balloon_channel *channel = open(&s, false);
	CHECK_EQ(balloon_request_submit(channel, s.requests[0]), 0);
	run_together(2, wait_and_reset, &s);
	CHECK_EQ(s.requests[0]->error, -ECANCELED);
	close(&s);
}

/* ---- The channel without a host -------------------------------------------------------------- */

Test(channel, without_a_host_everything_is_done_at_once)
{
	struct balloon_channel channel;
	struct balloon_request *request = request_new(PAGES);
	balloon_channel_init(&channel, &balloon_null_channel_ops);
	CHECK_EQ(request_prepare_steps(request, BALLOON_REQUEST_INFLATE, 3, 5, PAGES), 0);
	CHECK_EQ(balloon_request_submit(&channel, request), 0);
	CHECK_EQ(request->state, BALLOON_REQUEST_COMPLETE);
	CHECK_EQ(request->n_done, PAGES);
	CHECK_EQ(balloon_request_wait(&channel, request, 0), 0);
	CHECK_EQ(balloon_channel_fini(&channel), 0);
	request_delete(request);
}
