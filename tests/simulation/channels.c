/* SPDX-License-Identifier: MIT */
/*
 * Channels under the engine, without a driver: threads that wait for requests, for events and for both,
 * hosts that answer by themselves or have to be polled, and hosts that go.
 *
 *   channels [--mutant]    with it, something has to be found: these are channels with a fault put in
 */
#include <errno.h>
#include <string.h>

#include "host.h"
#include "scenarios.h"

enum { N_REQUESTS = 3, N_PAGES = 4 };

static struct shared {
	struct host host;
	struct balloon_request requests[N_REQUESTS];
	struct balloon_event event; /* of a thread that waits for something else, too */
	bool is_told;               /* the something else */
} * shared;

static void *memories[N_REQUESTS];

static bool has_work(void *unused)
{
	(void)unused;
	return shared->host.n_kept > 0;
}

/* Answers in any order. */
static void answer_all(void *unused)
{
	(void)unused;
	for (;;) {
		engine_wait_until(has_work, NULL);
		if (engine_chance(2))
			engine_sleep_ns(engine_choose(ENGINE_CHOOSE_VALUE, 100));
		size_t i = engine_choose(ENGINE_CHOOSE_VALUE, (uint32_t)host_n_kept(&shared->host));
		struct host_answer answer = host_take(&shared->host, i);
		host_say(&shared->host, answer.id, answer.n_done, answer.error);
	}
}

static void open_channel(void)
{
	host_init(&shared->host, 0);
	if (engine_chance(2))
		host_be_polled(&shared->host);
	host_always(&shared->host, HOST_KEEPS);
	balloon_event_init(&shared->event);
	for (size_t i = 0; i < N_REQUESTS; i++) {
		ENGINE_CHECK_EQ(
			balloon_request_init(&shared->requests[i], memories[i], N_PAGES), 0);
		for (uint32_t j = 0; j < N_PAGES; j++)
			shared->requests[i].pages[j] = balloon_page((uint32_t)i * N_PAGES + j);
	}
}

/* ---- Guests ---------------------------------------------------------------------------------- */

static void tell(struct balloon_request *request)
{
	ENGINE_CHECK_EQ(balloon_request_prepare(request, BALLOON_REQUEST_INFLATE, N_PAGES), 0);
	ENGINE_CHECK_EQ(balloon_request_submit(&shared->host.channel, request), 0);
}

static void check_answer(const struct balloon_request *request)
{
	ENGINE_CHECK_EQ(balloon_request_state(request), BALLOON_REQUEST_COMPLETE);
	ENGINE_CHECK_EQ(request->n_done, N_PAGES);
	ENGINE_CHECK_EQ(request->error, 0);
	engine_progress();
}

static void ask(void *request)
{
	for (int i = 0; i < 2; i++) {
		tell(request);
		ENGINE_CHECK_EQ(
			balloon_request_wait(&shared->host.channel, request, BALLOON_NEVER), 0);
		check_answer(request);
	}
}

/* For as long as it takes, but not at once. */
static void ask_until(void *context)
{
	struct balloon_request *request = context;
	tell(request);
	for (;;) {
		uint64_t begin_ns = engine_now_ns();
		uint64_t deadline_ns = begin_ns + engine_choose(ENGINE_CHOOSE_VALUE, 60);
		int result = balloon_request_wait(&shared->host.channel, request, deadline_ns);
		ENGINE_CHECK(engine_is_hasty() || engine_now_ns() <= deadline_ns);
		if (result == 0)
			break;
		ENGINE_CHECK_EQ(result, -ETIMEDOUT);
		ENGINE_CHECK(engine_now_ns() >= deadline_ns);
		engine_sleep_ns(1);
	}
	check_answer(request);
}

/* For two requests and something else, on one event. */
static void ask_on_event(void *unused)
{
	(void)unused;
	struct balloon_request *requests = &shared->requests[1];
	requests[0].event = &shared->event;
	requests[1].event = &shared->event;
	tell(&requests[0]);
	tell(&requests[1]);
	for (;;) {
		uint32_t seen = balloon_event_seen(&shared->event);
		if (balloon_request_state(&requests[0]) == BALLOON_REQUEST_COMPLETE &&
			balloon_request_state(&requests[1]) == BALLOON_REQUEST_COMPLETE &&
			BALLOON_READ(shared->is_told))
			break;
		balloon_channel_sleep(&shared->host.channel, &shared->event, seen, BALLOON_NEVER);
	}
	check_answer(&requests[0]);
	check_answer(&requests[1]);
}

static void tell_something(void *unused)
{
	(void)unused;
	engine_sleep_ns(engine_choose(ENGINE_CHOOSE_VALUE, 200));
	BALLOON_WRITE(shared->is_told, true);
	balloon_channel_signal(&shared->host.channel, &shared->event);
}

static void close_channel(void)
{
	engine_join_all();
	struct balloon_channel_stats stats;
	ENGINE_CHECK_EQ(balloon_channel_stats(&shared->host.channel, &stats), 0);
	ENGINE_CHECK_EQ(stats.n_submitted, stats.n_completed);
	ENGINE_CHECK_EQ(stats.n_outstanding, 0);
	ENGINE_CHECK(!shared->host.violation);
	ENGINE_CHECK_EQ(host_fini(&shared->host), 0);
}

/* ---- Scenarios ---------------------------------------------------------------------------------- */

static void waiters(void *unused)
{
	(void)unused;
	open_channel();
	engine_spawn_daemon("host", answer_all, NULL);
	for (size_t i = 0; i < N_REQUESTS; i++)
		engine_spawn("waiter", ask, &shared->requests[i]);
	close_channel();
}

static void waiters_until(void *unused)
{
	(void)unused;
	open_channel();
	engine_spawn_daemon("host", answer_all, NULL);
	engine_spawn("waiter", ask, &shared->requests[0]);
	engine_spawn("waiter until", ask_until, &shared->requests[1]);
	engine_spawn("waiter until", ask_until, &shared->requests[2]);
	close_channel();
}

static void sleepers(void *unused)
{
	(void)unused;
	open_channel();
	engine_spawn_daemon("host", answer_all, NULL);
	engine_spawn("waiter", ask, &shared->requests[0]);
	engine_spawn("sleeper", ask_on_event, NULL);
	engine_spawn("teller", tell_something, NULL);
	close_channel();
}

/* Whoever waits for a host that goes is told so. */
static void ask_who_goes(void *request)
{
	tell(request);
	ENGINE_CHECK_EQ(
		balloon_request_wait(&shared->host.channel, request, BALLOON_NEVER), -ENODEV);
	engine_progress();
}

/* Of nobody who sleeps yet, only the event of an outstanding request is signalled. */
static void wait_for_the_end(void *unused)
{
	(void)unused;
	if (engine_is_hasty())
		shared->requests[2].event = &shared->event;
	tell(&shared->requests[2]);
	for (;;) {
		uint32_t seen = balloon_event_seen(&shared->event);
		if (balloon_channel_error(&shared->host.channel) < 0)
			break;
		balloon_channel_sleep(&shared->host.channel, &shared->event, seen, BALLOON_NEVER);
	}
}

static bool are_told(void *unused)
{
	(void)unused;
	return shared->host.n_kept == N_REQUESTS;
}

static void go(void *unused)
{
	(void)unused;
	engine_wait_until(are_told, NULL);
	engine_sleep_ns(1 + engine_choose(ENGINE_CHOOSE_VALUE, 100));
	if (shared->host.is_polled && engine_chance(2))
		host_leave(&shared->host);
	else
		balloon_channel_fail(&shared->host.channel, -EPIPE);
}

static void host_goes(void *unused)
{
	(void)unused;
	open_channel();
	engine_spawn("waiter", ask_who_goes, &shared->requests[0]);
	engine_spawn("waiter", ask_who_goes, &shared->requests[1]);
	engine_spawn("sleeper", wait_for_the_end, NULL);
	engine_spawn("end", go, NULL);
	engine_join_all();
	ENGINE_CHECK(balloon_channel_error(&shared->host.channel) < 0);
	ENGINE_CHECK_EQ(balloon_channel_forget(&shared->host.channel), 0);
	ENGINE_CHECK_EQ(balloon_request_state(&shared->requests[0]), BALLOON_REQUEST_COMPLETE);
	ENGINE_CHECK_EQ(shared->requests[1].error, -ECANCELED);
	close_channel();
}

/* A reset that the host does not confirm changes nothing; whoever waits hears of one that it does. */
static void ask_until_forgotten(void *context)
{
	struct balloon_request *request = context;
	tell(request);
	ENGINE_CHECK_EQ(balloon_request_wait(&shared->host.channel, request, BALLOON_NEVER), 0);
	ENGINE_CHECK(request->error == -ECANCELED || request->n_done == N_PAGES);
	engine_progress();
}

static void forget(void *unused)
{
	(void)unused;
	engine_wait_until(are_told, NULL);
	ENGINE_CHECK_EQ(balloon_channel_forget(&shared->host.channel), 0);
}

static void host_is_forgotten(void *unused)
{
	(void)unused;
	open_channel();
	engine_spawn("waiter", ask_until_forgotten, &shared->requests[0]);
	engine_spawn("waiter", ask_until_forgotten, &shared->requests[1]);
	engine_spawn("waiter", ask_until_forgotten, &shared->requests[2]);
	engine_spawn("end", forget, NULL);
	close_channel();
}

/* ---- The program ----------------------------------------------------------------------------- */

static const struct scenario scenarios[] = {
	{"waiters", waiters},
	{"waiters until", waiters_until},
	{"sleepers", sleepers},
	{"the host goes", host_goes},
	{"the host is forgotten", host_is_forgotten},
};

int main(int argc, char **argv)
{
	shared = engine_allocate(sizeof(*shared), 64);
	for (size_t i = 0; i < N_REQUESTS; i++)
		memories[i] = engine_allocate(balloon_request_size(N_PAGES), 64);
	return scenarios_play(
		argc, argv, scenarios, sizeof(scenarios) / sizeof(scenarios[0]), 4000);
}
