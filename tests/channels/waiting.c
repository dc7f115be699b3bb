/* SPDX-License-Identifier: MIT */
/* What all channels share: who waits, who polls meanwhile, and for how long. */

#define _POSIX_C_SOURCE 200809L /* sched_yield() */

#include <sched.h>

#include "channel-fixture.h"
#include "deadlines.h"

/* Wait until somebody sleeps in balloon_channel_sleep(), and does not poll. */
static void await_sleeper(struct balloon_channel *channel)
{
	for (bool is_there = false; !is_there; sched_yield()) {
		balloon_lock_acquire(&channel->lock);
		is_there = channel->sleepers != NULL;
		balloon_lock_release(&channel->lock);
	}
}

/* ---- Deadlines ------------------------------------------------------------------------------- */

BOTH_KINDS(a_host_that_does_not_answer_makes_an_error_not_a_hang)
{
	struct balloon_request *request = s->requests[0];
	CHECK_EQ(balloon_request_submit(channel, request), 0);
	CHECK_EQ(balloon_request_wait(channel, request, 0), -ETIMEDOUT);
	uint64_t deadline_ns = in_ms(1);
	CHECK_EQ(balloon_request_wait(channel, request, deadline_ns), -ETIMEDOUT);
	CHECK(balloon_platform_now_ns() >= deadline_ns);
	CHECK_EQ(balloon_request_state(request), BALLOON_REQUEST_OUTSTANDING);
	/* It is late, not lost; and a mere look finds it. */
	host_say(&s->host, request->id, PAGES, 0);
	CHECK_EQ(balloon_request_wait(channel, request, 0), 0);
	CHECK_EQ(request->n_done, PAGES);
	CHECK_EQ(balloon_request_wait(channel, request, 0), 0);
	CHECK_EQ(balloon_request_wait(NULL, request, 0), -EINVAL);
	CHECK_EQ(balloon_request_wait(channel, NULL, 0), -EINVAL);
	CHECK_EQ(balloon_channel_poll(NULL), -EINVAL);
	CHECK_EQ(balloon_channel_poll(channel), 0);
}

/* ---- Two waiters ----------------------------------------------------------------------------- */

/* Each thread waits for its own request; the last one answers, in the opposite order. */
static void wait_for_own(void *shared, size_t thread)
{
	struct channel_fixture *s = shared;
	if (thread < REQUESTS) {
		CHECK_EQ(balloon_request_wait(&s->host.channel, s->requests[thread], BALLOON_NEVER),
			0);
		return;
	}
	await_sleeper(&s->host.channel);
	for (int i = REQUESTS - 1; i >= 0; i--)
		host_say(&s->host, (uint64_t)i + 1, PAGES, 0); /* as they were submitted */
}

BOTH_KINDS(of_many_waiters_one_polls)
{
	for (int i = 0; i < REQUESTS; i++)
		CHECK_EQ(balloon_request_submit(channel, s->requests[i]), 0);
	run_together(REQUESTS + 1, wait_for_own, s);
	CHECK_EQ(s->host.n_polling, 0);
	CHECK_EQ(s->host.was_polled, channel->ops->poll != NULL);
	CHECK_EQ(stats_now(channel).n_completed, REQUESTS);
}

/* One polls and is answered alone: the other goes on polling in its place. */
static void wait_one_after_another(void *shared, size_t thread)
{
	struct channel_fixture *s = shared;
	struct balloon_channel *channel = &s->host.channel;
	if (thread == 0) {
		CHECK_EQ(balloon_request_wait(channel, s->requests[0], BALLOON_NEVER), 0);
	} else if (thread == 1) {
		host_await_poller(&s->host);
		CHECK_EQ(balloon_request_wait(channel, s->requests[1], BALLOON_NEVER), 0);
	} else {
		host_await_poller(&s->host);
		await_sleeper(channel);
		host_say(&s->host, 1, PAGES, 0);
		CHECK_EQ(balloon_request_wait(channel, s->requests[0], BALLOON_NEVER), 0);
		host_await_poller(&s->host);
		host_say(&s->host, 2, PAGES, 0);
	}
}

Test(channel, a_waiter_that_leaves_hands_polling_over)
{
	struct channel_fixture s;
	struct balloon_channel *channel = channel_fixture_open(&s, true);
	for (int i = 0; i < 2; i++)
		CHECK_EQ(balloon_request_submit(channel, s.requests[i]), 0);
	run_together(3, wait_one_after_another, &s);
	channel_fixture_close(&s);
}

/* ---- Events ---------------------------------------------------------------------------------- */

struct party {
	struct channel_fixture fixture;
	struct balloon_event event;
	struct balloon_atomic_u32 is_over;
};

static void sleep_until_over(struct party *party, struct balloon_event *event)
{
	for (;;) {
		uint32_t seen = balloon_event_seen(event);
		if (balloon_atomic_load(&party->is_over, BALLOON_ACQUIRE))
			return;
		balloon_channel_sleep(&party->fixture.host.channel, event, seen, BALLOON_NEVER);
	}
}

/* Threads sleep for what has nothing to do with the host: of a polled channel, one polls. */
static void sleep_or_signal(void *shared, size_t thread)
{
	struct party *party = shared;
	struct balloon_channel *channel = &party->fixture.host.channel;
	if (thread < 2) {
		sleep_until_over(party, &party->event);
		return;
	}
	await_sleeper(channel);
	if (channel->ops->poll)
		host_await_poller(&party->fixture.host);
	CHECK_EQ(balloon_channel_fini(channel), -EBUSY);
	balloon_atomic_store(&party->is_over, 1, BALLOON_RELEASE);
	balloon_channel_signal(channel, &party->event);
}

static struct balloon_channel *party_open(struct party *party, bool is_polled)
{
	*party = (struct party){.event = {{0}}};
	balloon_event_init(&party->event);
	balloon_atomic_init(&party->is_over, 0, BALLOON_SHARED_EVENT);
	return channel_fixture_open(&party->fixture, is_polled);
}

Test(channel, a_signal_wakes_who_sleeps_and_who_polls)
{
	for (int is_polled = 0; is_polled < 2; is_polled++) {
		struct party party;
		party_open(&party, is_polled);
		run_together(3, sleep_or_signal, &party);
		channel_fixture_close(&party.fixture);
	}
}

/* Named when it is submitted, or later: this event is signalled at the completion. */
BOTH_KINDS(the_event_that_a_request_names_is_signalled)
{
	struct balloon_event events[2];
	uint32_t seen[2];
	for (int i = 0; i < 2; i++) {
		balloon_event_init(&events[i]);
		seen[i] = balloon_event_seen(&events[i]);
	}
	struct balloon_request *request = s->requests[0];
	request->event = &events[0];
	CHECK_EQ(balloon_request_submit(channel, request), 0);
	CHECK(balloon_request_redirect(channel, request, &events[0]));
	CHECK(!balloon_event_is_past(&events[0], seen[0]));
	CHECK_EQ(balloon_request_complete(channel, request, request->id, PAGES, 0), 0);
	CHECK(balloon_event_is_past(&events[0], seen[0]));
	CHECK(!balloon_request_redirect(channel, request, &events[1]));
	CHECK_EQ(request->event == &events[0], true);

	request->event = NULL;
	seen[0] = balloon_event_seen(&events[0]);
	CHECK_EQ(balloon_request_submit(channel, request), 0);
	CHECK(balloon_request_redirect(channel, request, &events[1]));
	CHECK_EQ(balloon_request_complete(channel, request, request->id, PAGES, 0), 0);
	CHECK(!balloon_event_is_past(&events[0], seen[0]));
	CHECK(balloon_event_is_past(&events[1], seen[1]));
	/* Who sleeps for it does not. */
	balloon_channel_sleep(channel, &events[1], seen[1], BALLOON_NEVER);
}

/* Somebody waits for it already, on another event. */
static void wait_or_redirect(void *shared, size_t thread)
{
	struct party *party = shared;
	struct channel_fixture *s = &party->fixture;
	struct balloon_channel *channel = &s->host.channel;
	struct balloon_request *request = s->requests[0];
	if (thread == 0) {
		CHECK_EQ(balloon_request_wait(channel, request, BALLOON_NEVER), 0);
		return;
	}
	await_sleeper(channel);
	CHECK(balloon_request_redirect(channel, request, &party->event));
	CHECK_EQ(balloon_request_complete(channel, request, request->id, PAGES, 0), 0);
}

Test(channel, who_waits_follows_a_redirected_request)
{
	struct party party;
	struct balloon_channel *channel = party_open(&party, false);
	CHECK_EQ(balloon_request_submit(channel, party.fixture.requests[0]), 0);
	run_together(2, wait_or_redirect, &party);
	channel_fixture_close(&party.fixture);
}

/* An answer that nobody waits for costs no wake-up, and neither does one that was only looked for. */
static void wait_or_answer(void *shared, size_t thread)
{
	struct channel_fixture *s = shared;
	struct balloon_channel *channel = &s->host.channel;
	if (thread == 0) {
		CHECK_EQ(balloon_request_wait(channel, s->requests[1], BALLOON_NEVER), 0);
		return;
	}
	await_sleeper(channel);
	for (int i = 0; i < 3; i++) {
		uint64_t id = s->requests[i]->id;
		CHECK_EQ(balloon_request_complete(channel, s->requests[i], id, PAGES, 0), 0);
	}
}

Test(channel, an_answer_wakes_nobody_but_who_waits_for_it)
{
	struct channel_fixture s;
	uint32_t seen[BALLOON_CHANNEL_EVENTS];
	struct balloon_channel *channel = channel_fixture_open(&s, false);
	for (int i = 0; i < BALLOON_CHANNEL_EVENTS; i++)
		seen[i] = balloon_event_seen(&channel->events[i]);
	for (int i = 0; i < 3; i++)
		CHECK_EQ(balloon_request_submit(channel, s.requests[i]), 0);
	CHECK_EQ(balloon_request_wait(channel, s.requests[2], 0), -ETIMEDOUT);
	run_together(2, wait_or_answer, &s);
	for (uint64_t i = 0; i < BALLOON_CHANNEL_EVENTS; i++)
		CHECK_EQ(balloon_event_is_past(&channel->events[i], seen[i]),
			i == s.requests[1]->id % BALLOON_CHANNEL_EVENTS);
	channel_fixture_close(&s);
}

/* ---- The end of a host ----------------------------------------------------------------------- */

static void wait_for_the_end(void *shared, size_t thread)
{
	struct channel_fixture *s = shared;
	if (thread == 2) {
		host_await_poller(&s->host);
		await_sleeper(&s->host.channel);
		host_leave(&s->host);
		return;
	}
	CHECK_EQ(balloon_request_wait(&s->host.channel, s->requests[thread], BALLOON_NEVER),
		-ENODEV);
}

Test(channel, all_waiters_learn_that_the_host_is_gone)
{
	struct channel_fixture s;
	struct balloon_channel *channel = channel_fixture_open(&s, true);
	for (int i = 0; i < 2; i++)
		CHECK_EQ(balloon_request_submit(channel, s.requests[i]), 0);
	CHECK_EQ(balloon_channel_error(channel), 0);
	run_together(3, wait_for_the_end, &s);
	CHECK_EQ(balloon_request_state(s.requests[0]), BALLOON_REQUEST_OUTSTANDING);
	CHECK_EQ(balloon_request_submit(channel, s.requests[2]), -ENODEV);
	CHECK_EQ(balloon_request_state(s.requests[2]), BALLOON_REQUEST_FREE);
	CHECK_EQ(balloon_channel_error(channel), -ENODEV);
	CHECK_EQ(balloon_channel_poll(channel), -ENODEV);
	CHECK_EQ(balloon_channel_reset(channel), 0);
	channel_fixture_close(&s);
}

/* As when a process that serves the host finds it dead: a poller, a sleeper, and one whose event only a
 * request names. */
static void wait_or_fail(void *shared, size_t thread)
{
	struct party *party = shared;
	struct channel_fixture *s = &party->fixture;
	struct balloon_channel *channel = &s->host.channel;
	if (thread < 2) {
		CHECK_EQ(
			balloon_request_wait(channel, s->requests[thread], BALLOON_NEVER), -ENODEV);
		return;
	}
	await_sleeper(channel);
	if (channel->ops->poll)
		host_await_poller(&s->host);
	uint32_t seen = balloon_event_seen(&party->event);
	CHECK_EQ(balloon_channel_fail(channel, -EIO), 0);
	CHECK_EQ(balloon_channel_fail(channel, -EPROTO), 0);
	balloon_channel_sleep(channel, &party->event, seen, BALLOON_NEVER);
}

Test(channel, a_host_may_be_found_dead_by_anybody)
{
	for (int is_polled = 0; is_polled < 2; is_polled++) {
		struct party party;
		struct channel_fixture *s = &party.fixture;
		struct balloon_channel *channel = party_open(&party, is_polled);
		s->requests[2]->event = &party.event;
		for (int i = 0; i < 3; i++)
			CHECK_EQ(balloon_request_submit(channel, s->requests[i]), 0);
		run_together(3, wait_or_fail, &party);
		CHECK_EQ(balloon_channel_error(channel), -EIO);
		CHECK_EQ(balloon_request_submit(channel, s->requests[3]), -ENODEV);
		/* What was said before is true all the same. */
		CHECK_EQ(balloon_request_complete_id(channel, s->requests[0]->id, PAGES, 0), 0);
		CHECK_EQ(balloon_request_wait(channel, s->requests[0], 0), 0);
		CHECK_EQ(balloon_request_wait(channel, s->requests[1], BALLOON_NEVER), -ENODEV);
		CHECK_EQ(balloon_channel_forget(channel), 0);
		CHECK_EQ(balloon_channel_fail(NULL, -EIO), -EINVAL);
		CHECK_EQ(balloon_channel_fail(channel, 0), -EINVAL);
		channel_fixture_close(s);
	}
}

/* Nothing is outstanding: they wait for anything at all. */
static void sleep_until_failed(void *shared, size_t thread)
{
	struct party *party = shared;
	struct balloon_channel *channel = &party->fixture.host.channel;
	if (thread == 2) {
		await_sleeper(channel);
		if (channel->ops->poll)
			host_await_poller(&party->fixture.host);
		CHECK_EQ(balloon_channel_fail(channel, -EIO), 0);
		return;
	}
	for (;;) {
		uint32_t seen = balloon_event_seen(&party->event);
		if (balloon_channel_error(channel) < 0)
			return;
		balloon_channel_sleep(channel, &party->event, seen, BALLOON_NEVER);
	}
}

Test(channel, who_waits_for_nothing_of_the_hosts_learns_of_its_end)
{
	for (int is_polled = 0; is_polled < 2; is_polled++) {
		struct party party;
		party_open(&party, is_polled);
		run_together(3, sleep_until_failed, &party);
		channel_fixture_close(&party.fixture);
	}
}

/* ---- Reset ----------------------------------------------------------------------------------- */

BOTH_KINDS(reset_takes_all_requests_back)
{
	for (int i = 0; i < 3; i++)
		CHECK_EQ(balloon_request_submit(channel, s->requests[i]), 0);
	host_say(&s->host, s->requests[1]->id, PAGES, 0);
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
	CHECK_EQ(balloon_channel_forget(NULL), -EINVAL);
	CHECK_EQ(balloon_channel_fini(NULL), -EINVAL);
	CHECK_EQ(balloon_channel_stats(NULL, NULL), -EINVAL);
}

BOTH_KINDS(a_reset_that_the_host_has_not_confirmed_takes_nothing_back)
{
	s->host.reset_error = -ETIMEDOUT;
	for (int i = 0; i < 3; i++)
		CHECK_EQ(balloon_request_submit(channel, s->requests[i]), 0);
	CHECK_EQ(balloon_channel_reset(channel), -ETIMEDOUT);
	for (int i = 0; i < 3; i++)
		CHECK_EQ(balloon_request_wait(channel, s->requests[i], 0), -ETIMEDOUT);
	CHECK_EQ(balloon_request_submit(channel, s->requests[3]), -ENODEV);
	CHECK_EQ(balloon_channel_fini(channel), -EBUSY);
	/* The host is late: what it says is still heard. */
	host_say(&s->host, s->requests[0]->id, PAGES, 0);
	CHECK_EQ(balloon_request_wait(channel, s->requests[0], BALLOON_NEVER), 0);
	CHECK_EQ(s->requests[0]->error, 0);
	CHECK_EQ(balloon_channel_reset(channel), -ETIMEDOUT);
	CHECK_EQ(balloon_request_state(s->requests[1]), BALLOON_REQUEST_OUTSTANDING);
	s->host.reset_error = 0;
	CHECK_EQ(balloon_channel_reset(channel), 0);
	CHECK_EQ(s->requests[1]->error, -ECANCELED);
	CHECK_EQ(s->requests[2]->error, -ECANCELED);
}

Test(channel, who_cannot_ask_its_host_takes_nothing_back_unless_forced)
{
	struct channel_fixture s;
	struct balloon_channel *channel = channel_fixture_open(&s, false);
	struct balloon_request *request = s.requests[0];
	host_be_without_reset(&s.host);
	CHECK_EQ(balloon_request_submit(channel, request), 0);
	CHECK_EQ(balloon_channel_reset(channel), -EBUSY);
	CHECK_EQ(balloon_request_state(request), BALLOON_REQUEST_OUTSTANDING);
	CHECK_EQ(balloon_channel_forget(channel), 0);
	CHECK_EQ(balloon_request_state(request), BALLOON_REQUEST_COMPLETE);
	CHECK_EQ(request->error, -ECANCELED);
	CHECK_EQ(balloon_channel_reset(channel), 0);
	channel_fixture_close(&s);
}

/* A reset wakes who waits, whether it sleeps or polls. */
static void wait_and_reset(void *shared, size_t thread)
{
	struct channel_fixture *s = shared;
	struct balloon_channel *channel = &s->host.channel;
	if (thread < 2) {
		CHECK_EQ(balloon_request_wait(channel, s->requests[thread], BALLOON_NEVER), 0);
		CHECK_EQ(s->requests[thread]->error, -ECANCELED);
		return;
	}
	await_sleeper(channel);
	if (channel->ops->poll)
		host_await_poller(&s->host);
	CHECK_EQ(balloon_channel_reset(channel), 0);
}

BOTH_KINDS(reset_wakes_who_waits)
{
	for (int i = 0; i < 2; i++)
		CHECK_EQ(balloon_request_submit(channel, s->requests[i]), 0);
	run_together(3, wait_and_reset, s);
}
