/* SPDX-License-Identifier: MIT */
/* What all channels share: who has a request, and which answers are believed. */

#include "channel-fixture.h"

/* ---- Answers --------------------------------------------------------------------------------- */

BOTH_KINDS(an_answer_completes_the_request_that_it_names)
{
	struct balloon_request *first = s->requests[0];
	struct balloon_request *second = s->requests[1];
	CHECK_EQ(balloon_request_submit(channel, first), 0);
	CHECK_EQ(balloon_request_submit(channel, second), 0);
	CHECK_EQ(balloon_channel_fini(channel), -EBUSY);
	host_say(&s->host, first->id, PAGES, 0);
	CHECK_EQ(balloon_request_wait(channel, first, BALLOON_NEVER), 0);
	CHECK_EQ(balloon_request_state(second), BALLOON_REQUEST_OUTSTANDING);
	CHECK_EQ(first->n_done, PAGES);
	CHECK(balloon_request_did(first, balloon_page(PAGES - 1)));
	host_say(&s->host, second->id, 3, -ENOSPC);
	CHECK_EQ(balloon_request_wait(channel, second, BALLOON_NEVER), 0);
	CHECK_EQ(second->error, -ENOSPC);
	CHECK(balloon_request_did(second, balloon_page(102)));
	CHECK(!balloon_request_did(second, balloon_page(103)));
	CHECK_EQ(stats_now(channel).n_completed, 2);
	CHECK_EQ(stats_now(channel).n_outstanding, 0);
	/* It is the caller's again. */
	CHECK_EQ(balloon_request_prepare(second, BALLOON_REQUEST_DEFLATE, 2), 0);
	CHECK_EQ(balloon_request_submit(channel, second), 0);
	host_say(&s->host, second->id, 2, 0);
	CHECK_EQ(balloon_request_wait(channel, second, BALLOON_NEVER), 0);
}

/* Say it, and let it be heard by somebody who waits for something else. */
static void say_and_look(struct channel_fixture *s, uint64_t id, uint32_t n_done, int error)
{
	host_say(&s->host, id, n_done, error);
	CHECK_EQ(balloon_request_wait(&s->host.channel, s->requests[0], 0), -ETIMEDOUT);
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
	CHECK_EQ(balloon_request_state(request), BALLOON_REQUEST_OUTSTANDING);
	say_and_look(s, request->id, PAGES, 0);
	CHECK_EQ(balloon_request_state(request), BALLOON_REQUEST_COMPLETE);
	say_and_look(s, request->id, PAGES, 0); /* twice */
	say_and_look(s, request->id, 0, -EIO);
	CHECK_EQ(request->n_done, PAGES);
	CHECK_EQ(request->error, 0);
	CHECK_EQ(stats_now(channel).n_stray, 11);
	balloon_channel_count_stray(channel);
	CHECK_EQ(stats_now(channel).n_stray, 12);
	CHECK_EQ(stats_now(channel).n_completed, 1);
	CHECK_EQ(balloon_request_complete(channel, request, request->id, PAGES, 0), -ESTALE);
	CHECK_EQ(balloon_request_complete(channel, waiting, request->id, PAGES, 0), -ESTALE);
	CHECK_EQ(balloon_request_complete(channel, waiting, waiting->id, PAGES + 1, 0), -EPROTO);
	CHECK_EQ(balloon_request_complete(channel, waiting, waiting->id, PAGES, 0), 0);
	CHECK_EQ(balloon_request_complete(NULL, waiting, waiting->id, PAGES, 0), -EINVAL);
	CHECK_EQ(balloon_request_complete(channel, NULL, waiting->id, PAGES, 0), -EINVAL);
	CHECK_EQ(balloon_request_complete_id(NULL, waiting->id, PAGES, 0), -EINVAL);
	CHECK_EQ(stats_now(channel).n_outstanding, 0);
}

/*
 * Symptom: a host that answered twice completed a request that had been submitted again meanwhile.
 * Cause: an answer named the request's memory. Now it names the submission.
 */
BOTH_KINDS(an_answer_to_a_former_submission_is_refused)
{
	struct balloon_request *request = s->requests[0];
	CHECK_EQ(balloon_request_submit(channel, request), 0);
	uint64_t former = request->id;
	CHECK_EQ(balloon_request_complete(channel, request, former, PAGES, 0), 0);
	CHECK_EQ(balloon_request_submit(channel, request), 0);
	CHECK(request->id != former);
	CHECK_EQ(balloon_request_complete(channel, request, former, 0, -EIO), -ESTALE);
	CHECK_EQ(balloon_request_complete_id(channel, former, 0, -EIO), -ESTALE);
	CHECK_EQ(balloon_request_state(request), BALLOON_REQUEST_OUTSTANDING);
	CHECK_EQ(balloon_request_complete(channel, request, request->id, PAGES, 0), 0);
	CHECK_EQ(stats_now(channel).n_stray, 2);
}

/* However many are late, an answer looks at few of them; and whichever go, the others stay. */
Test(channel, an_answer_finds_its_request_among_many)
{
	enum { MANY = 10 * BALLOON_CHANNEL_BUCKETS };
	struct channel_fixture s;
	struct balloon_channel *channel = channel_fixture_open(&s, false);
	static struct balloon_request *requests[MANY];
	for (uint32_t i = 0; i < MANY; i++) {
		requests[i] = request_new(1);
		CHECK_EQ(request_prepare_steps(requests[i], BALLOON_REQUEST_INFLATE, i, 1, 1), 0);
		CHECK_EQ(balloon_request_submit(channel, requests[i]), 0);
	}
	for (uint32_t i = 0; i < BALLOON_CHANNEL_BUCKETS; i++) {
		uint32_t n = 0;
		for (struct balloon_request *r = channel->buckets[i]; r; r = r->next)
			n++;
		CHECK_EQ(n, 10);
	}
	/* Each exactly once, first, middle and last of its bucket before others: 7 is prime to MANY. */
	for (uint32_t i = 0; i < MANY; i++) {
		struct balloon_request *request = requests[i * 7 % MANY];
		CHECK_EQ(balloon_request_state(request), BALLOON_REQUEST_OUTSTANDING);
		CHECK_EQ(balloon_request_complete_id(channel, request->id, 1, 0), 0);
		CHECK_EQ(balloon_request_state(request), BALLOON_REQUEST_COMPLETE);
		CHECK_EQ(stats_now(channel).n_outstanding, MANY - 1 - i);
	}
	for (uint32_t i = 0; i < BALLOON_CHANNEL_BUCKETS; i++)
		CHECK(!channel->buckets[i]);
	for (uint32_t i = 0; i < MANY; i++)
		request_delete(requests[i]);
	channel_fixture_close(&s);
}

/* ---- Submitting ------------------------------------------------------------------------------ */

BOTH_KINDS(what_cannot_be_submitted_is_the_callers)
{
	struct balloon_request *request = s->requests[0];
	struct balloon_request *unprepared = request_new(1);
	CHECK_EQ(balloon_request_submit(NULL, request), -EINVAL);
	CHECK_EQ(balloon_request_submit(channel, NULL), -EINVAL);
	CHECK_EQ(balloon_request_submit(channel, unprepared), -EINVAL);
	CHECK_EQ(balloon_request_state(unprepared), BALLOON_REQUEST_FREE);
	s->host.reason = -EAGAIN;
	host_always(&s->host, HOST_REJECTS);
	CHECK_EQ(balloon_request_submit(channel, request), -EAGAIN);
	CHECK_EQ(balloon_request_state(request), BALLOON_REQUEST_FREE);
	CHECK_EQ(balloon_request_wait(channel, request, 0), -EINVAL);
	CHECK_EQ(stats_now(channel).n_submitted, 0);
	CHECK_EQ(stats_now(channel).n_outstanding, 0);
	host_always(&s->host, HOST_SILENT);
	CHECK_EQ(balloon_request_submit(channel, request), 0);
	CHECK_EQ(balloon_request_submit(channel, request), -EBUSY);
	CHECK_EQ(balloon_request_prepare(request, BALLOON_REQUEST_INFLATE, 1), -EBUSY);
	CHECK_EQ(request->n_pages, PAGES);
	host_say(&s->host, request->id, PAGES, 0);
	CHECK_EQ(balloon_request_wait(channel, request, BALLOON_NEVER), 0);
	request_delete(unprepared);
}

/* A number that was given back with a request that could not be sent must not come again, while a
 * request that was sent after it has the next one. */
Test(channel, no_two_requests_have_one_number)
{
	struct channel_fixture s;
	struct balloon_channel *channel = channel_fixture_open(&s, false);
	uint64_t seen[REQUESTS];
	for (uint32_t i = 0; i < REQUESTS; i++) {
		s.host.reason = -EAGAIN;
		host_always(&s.host, HOST_REJECTS);
		CHECK_EQ(balloon_request_submit(channel, s.requests[i]), -EAGAIN);
		seen[i] = s.requests[i]->id;
		for (uint32_t j = 0; j < i; j++)
			CHECK(seen[i] != seen[j] && seen[i] != s.requests[j]->id);
		host_always(&s.host, HOST_SILENT);
		CHECK_EQ(balloon_request_submit(channel, s.requests[i]), 0);
		CHECK(s.requests[i]->id != seen[i]);
	}
	CHECK_EQ(stats_now(channel).n_submitted, REQUESTS);
	for (uint32_t i = 0; i < REQUESTS; i++)
		CHECK_EQ(balloon_request_complete_id(channel, s.requests[i]->id, PAGES, 0), 0);
	channel_fixture_close(&s);
}

/* ---- What a channel says of itself ----------------------------------------------------------- */

/* More than the host takes is refused for good, more requests than it takes until one is answered. */
BOTH_KINDS(limits_are_kept)
{
	channel->limits = (struct balloon_channel_limits){PAGES, 2, 2};
	struct balloon_request *large = request_new(PAGES + 1);
	CHECK_EQ(request_prepare_steps(large, BALLOON_REQUEST_INFLATE, 0, 1, PAGES + 1), 0);
	CHECK_EQ(balloon_request_submit(channel, large), -E2BIG);
	CHECK_EQ(request_prepare_steps(large, BALLOON_REQUEST_INFLATE, 0, 2, 3), 0);
	CHECK_EQ(balloon_request_submit(channel, large), -E2BIG);
	CHECK_EQ(balloon_request_state(large), BALLOON_REQUEST_FREE);
	CHECK_EQ(request_prepare_steps(large, BALLOON_REQUEST_INFLATE, 0, 2, 2), 0);
	CHECK_EQ(balloon_request_submit(channel, large), 0);
	CHECK_EQ(balloon_request_submit(channel, s->requests[0]), 0);
	CHECK_EQ(balloon_request_submit(channel, s->requests[1]), -EAGAIN);
	CHECK_EQ(balloon_request_state(s->requests[1]), BALLOON_REQUEST_FREE);
	CHECK_EQ(balloon_request_complete(channel, large, large->id, 2, 0), 0);
	CHECK_EQ(balloon_request_submit(channel, s->requests[1]), 0);
	CHECK_EQ(stats_now(channel).n_submitted, 3);
	for (int i = 0; i < 2; i++) {
		uint64_t id = s->requests[i]->id;
		CHECK_EQ(balloon_request_complete(channel, s->requests[i], id, PAGES, 0), 0);
	}
	request_delete(large);
}

Test(channel, a_map_that_the_channel_does_not_cover_is_refused)
{
	struct balloon_memmap_config config = {.strategy = balloon_strategy_find("page-lock"),
		.n_pages = 16,
		.first_pfn = 100,
		.page_size_bytes = 8192};
	struct balloon_memmap *map;
	struct balloon_channel channel;
	CHECK_EQ(balloon_memmap_create(&config, &map), 0);
	balloon_channel_init(&channel, &balloon_null_channel_ops);
	CHECK_EQ(balloon_channel_covers(NULL, map), -EINVAL);
	CHECK_EQ(balloon_channel_covers(&channel, NULL), -EINVAL);
	CHECK_EQ(balloon_channel_covers(&channel, map), 0); /* no geometry */
	channel.geometry = (struct balloon_geometry){BALLOON_PFN_ANY, 16, 8192};
	CHECK_EQ(balloon_channel_covers(&channel, map), 0);
	channel.geometry = (struct balloon_geometry){100, 17, 8192};
	CHECK_EQ(balloon_channel_covers(&channel, map), 0);
	channel.geometry = (struct balloon_geometry){0, 16, 8192};
	CHECK_EQ(balloon_channel_covers(&channel, map), -EINVAL);
	channel.geometry = (struct balloon_geometry){100, 15, 8192};
	CHECK_EQ(balloon_channel_covers(&channel, map), -EINVAL);
	channel.geometry = (struct balloon_geometry){100, 16, 4096};
	CHECK_EQ(balloon_channel_covers(&channel, map), -EINVAL);
	CHECK_EQ(balloon_channel_fini(&channel), 0);
	CHECK_EQ(balloon_memmap_destroy(map), 0);
}

BOTH_KINDS(a_channel_has_one_owner)
{
	int owners[2] = {0};
	CHECK_EQ(balloon_channel_claim(NULL, &owners[0], NULL), -EINVAL);
	CHECK_EQ(balloon_channel_claim(channel, NULL, NULL), -EINVAL);
	CHECK_EQ(balloon_channel_claim(channel, &owners[0], NULL), 0);
	CHECK_EQ(balloon_channel_claim(channel, &owners[1], NULL), -EBUSY);
	CHECK_EQ(balloon_channel_claim(channel, &owners[0], NULL), -EBUSY);
	balloon_channel_release(channel, &owners[1]); /* not its own */
	CHECK_EQ(balloon_channel_claim(channel, &owners[1], NULL), -EBUSY);
	CHECK_EQ(balloon_channel_fini(channel), -EBUSY);
	balloon_channel_release(channel, &owners[0]);
	CHECK_EQ(balloon_channel_claim(channel, &owners[1], NULL), 0);
	balloon_channel_release(channel, &owners[1]);
	CHECK_EQ(balloon_channel_descriptor(channel), channel->ops->poll ? HOST_DESCRIPTOR : -1);
	CHECK_EQ(balloon_channel_descriptor(NULL), -1);
	(void)s;
}

/* ---- The channel without a host -------------------------------------------------------------- */

Test(channel, without_a_host_everything_is_done_at_once)
{
	struct balloon_channel channel;
	struct balloon_request *request = request_new(PAGES);
	balloon_channel_init(&channel, &balloon_null_channel_ops);
	CHECK_EQ(request_prepare_steps(request, BALLOON_REQUEST_INFLATE, 3, 5, PAGES), 0);
#ifdef BALLOON_COUNTING
	uint64_t n_atomics = balloon_count_atomics;
#endif
	CHECK_EQ(balloon_request_submit(&channel, request), 0);
	CHECK_EQ(balloon_request_state(request), BALLOON_REQUEST_COMPLETE);
#ifdef BALLOON_COUNTING
	CHECK_EQ(balloon_count_atomics - n_atomics, 4); /* the lock, twice */
#endif
	CHECK_EQ(request->n_done, PAGES);
	CHECK_EQ(balloon_request_wait(&channel, request, 0), 0);
	CHECK_EQ(balloon_channel_fini(&channel), 0);
	request_delete(request);
}

/* The same, in memory of its own. */
Test(channel, without_a_host_may_be_created)
{
	struct balloon_channel *channel = NULL;
	struct balloon_request *request = request_new(PAGES);
	CHECK_EQ(balloon_null_create(NULL), -EINVAL);
	CHECK_EQ(balloon_null_create(&channel), 0);
	CHECK_EQ(balloon_channel_error(channel), 0);
	for (int kind = BALLOON_REQUEST_INFLATE; kind <= BALLOON_REQUEST_DEFLATE; kind++) {
		CHECK_EQ(request_prepare_steps(
				 request, (enum balloon_request_kind)kind, 3, 5, PAGES),
			0);
		CHECK_EQ(balloon_request_submit(channel, request), 0);
		CHECK_EQ(balloon_request_state(request), BALLOON_REQUEST_COMPLETE);
		CHECK_EQ(request->n_done, PAGES);
	}
	CHECK_EQ(stats_now(channel).n_completed, 2);
	CHECK_EQ(balloon_null_destroy(NULL), -EINVAL);
	CHECK_EQ(balloon_null_destroy(channel), 0);
	request_delete(request);
}
