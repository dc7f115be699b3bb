/* SPDX-License-Identifier: MIT */
/* What all channels share: who has a request, and which answers are believed. */

#include "setting.h"

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
	CHECK_EQ(stats_now(channel).n_completed, 2);
	CHECK_EQ(stats_now(channel).n_outstanding, 0);
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
	CHECK_EQ(stats_now(channel).n_stray, 9);
	CHECK_EQ(request->state, BALLOON_REQUEST_OUTSTANDING);
	say_and_look(s, request->id, PAGES, 0);
	CHECK_EQ(request->state, BALLOON_REQUEST_COMPLETE);
	say_and_look(s, request->id, PAGES, 0); /* twice */
	say_and_look(s, request->id, 0, -EIO);
	CHECK_EQ(request->n_done, PAGES);
	CHECK_EQ(request->error, 0);
	CHECK_EQ(stats_now(channel).n_stray, 11);
	balloon_channel_count_stray(channel);
	CHECK_EQ(stats_now(channel).n_stray, 12);
	CHECK_EQ(stats_now(channel).n_completed, 1);
	CHECK_EQ(balloon_request_complete(channel, request, PAGES, 0), -ESTALE);
	CHECK_EQ(balloon_request_complete(channel, waiting, PAGES + 1, 0), -EPROTO);
	CHECK_EQ(balloon_request_complete(channel, waiting, PAGES, 0), 0);
	CHECK_EQ(stats_now(channel).n_outstanding, 0);
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
	CHECK_EQ(stats_now(channel).n_submitted, 0);
	CHECK_EQ(stats_now(channel).n_outstanding, 0);
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
	struct balloon_channel *channel = setting_open(&s, false);
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
	CHECK_EQ(stats_now(channel).n_submitted, REQUESTS);
	for (uint32_t i = 0; i < REQUESTS; i++)
		CHECK_EQ(balloon_request_complete(channel, s.requests[i], PAGES, 0), 0);
	setting_close(&s);
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
