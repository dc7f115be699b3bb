/* SPDX-License-Identifier: MIT */
/*
 * Many threads on one channel, under every tool that looks at threads: each has requests of its own and
 * waits for them with deadlines that are often too short, while a host answers out of order, sometimes
 * wrongly, sometimes twice. Each request gets exactly the answer that was meant for it.
 */

#define _POSIX_C_SOURCE 200809L /* pthread_barrier_t */

#include <stdio.h>
#include <stdlib.h>

#include "memory.h"
#include "deadlines.h"
#include "host.h"
#include "scale.h"

enum { WORKERS = 3, PAGES = 8, HELD = 2 };

struct workers {
	struct host host;
	pthread_barrier_t start;
	pthread_mutex_t mutex; /* protects the rest */
	uint32_t n_working;
	uint32_t n_wrong;
	uint32_t n_rounds; /* constant */
};

static uint32_t rounds(void)
{
	return scaled(10000) + 20;
}

static uint32_t next_random(uint32_t *state)
{
	*state = *state * 1664525 + 1013904223;
	return *state >> 16;
}

/* What the host does with a request follows from its number: all, or a part with a reason. */
static struct host_answer right_answer(uint64_t id, uint32_t n_pages)
{
	if (id % 5 == 0)
		return (struct host_answer){NULL, id, n_pages / 2, -ENOSPC};
	return (struct host_answer){NULL, id, n_pages, 0};
}

/* ---- The host -------------------------------------------------------------------------------- */

static void answer(struct workers *workers, const struct host_answer *asked, uint32_t *random)
{
	struct host *host = &workers->host;
	struct host_answer right = right_answer(asked->id, asked->n_done);
	if (next_random(random) % 8 == 0)
		host_say(host, asked->id, asked->n_done + 1, 0);
	if (next_random(random) % 8 == 0)
		host_say(host, asked->id + 1000000, 1, 0);
	host_say(host, right.id, right.n_done, right.error);
	if (next_random(random) % 8 == 0)
		host_say(host, right.id, right.n_done, right.error);
}

static bool is_over(struct workers *workers)
{
	pthread_mutex_lock(&workers->mutex);
	bool result = workers->n_working == 0;
	pthread_mutex_unlock(&workers->mutex);
	return result;
}

/* Keeps up to HELD requests back, to answer others first. */
static void *answer_all(void *argument)
{
	struct workers *workers = argument;
	struct host_answer held[HELD];
	uint32_t n_held = 0;
	uint32_t random = 7;
	const uint32_t nothing = 0;
	pthread_barrier_wait(&workers->start);
	while (!is_over(workers)) {
		struct host_answer asked = host_take(&workers->host, 0);
		bool is_asked = asked.id != 0;
		if (is_asked && n_held < HELD && next_random(&random) % 2)
			held[n_held++] = asked;
		else if (is_asked)
			answer(workers, &asked, &random);
		else if (n_held > 0)
			answer(workers, &held[--n_held], &random);
		else
			balloon_platform_wait_until(&nothing, 0, in_ms(0) + MS / 50);
	}
	return NULL;
}

/* ---- The workers ----------------------------------------------------------------------------- */

static bool is_answered_rightly(const struct balloon_request *request)
{
	struct host_answer right = right_answer(request->id, request->n_pages);
	return request->n_done == right.n_done && request->error == right.error;
}

static int wait_patiently(
	struct balloon_channel *channel, struct balloon_request *request, uint32_t *random)
{
	int result = -ETIMEDOUT;
	while (result == -ETIMEDOUT) {
		uint32_t choice = next_random(random) % 4;
		uint64_t now_ns = balloon_platform_now_ns();
		result = balloon_request_wait(
			channel, request, choice == 0 ? BALLOON_NEVER : now_ns + choice * 5000);
	}
	return result;
}

/* Returns whether all went as it should. */
static bool go_round(struct balloon_channel *channel, struct balloon_request **requests,
	uint32_t first_page, uint32_t *random)
{
	for (uint32_t i = 0; i < 2; i++) {
		uint32_t n = 1 + next_random(random) % PAGES;
		if (request_prepare_steps(requests[i], BALLOON_REQUEST_INFLATE, first_page, 2, n) <
				0 ||
			balloon_request_submit(channel, requests[i]) < 0)
			return false;
	}
	for (uint32_t i = 0; i < 2; i++)
		if (wait_patiently(channel, requests[i], random) < 0 ||
			!is_answered_rightly(requests[i]))
			return false;
	return true;
}

static void *worker(void *argument)
{
	struct workers *workers = argument;
	struct balloon_request *requests[2] = {request_new(PAGES), request_new(PAGES)};
	pthread_mutex_lock(&workers->mutex);
	uint32_t random = ++workers->n_working;
	pthread_mutex_unlock(&workers->mutex);
	uint32_t first_page = random * 100;
	uint32_t n_wrong = 0;
	pthread_barrier_wait(&workers->start);
	for (uint32_t i = 0; i < workers->n_rounds; i++)
		n_wrong += !go_round(&workers->host.channel, requests, first_page, &random);
	pthread_mutex_lock(&workers->mutex);
	workers->n_wrong += n_wrong;
	workers->n_working--;
	pthread_mutex_unlock(&workers->mutex);
	request_delete(requests[0]);
	request_delete(requests[1]);
	return NULL;
}

/* ---- Both kinds of channel ------------------------------------------------------------------- */

static int failed(const char *what)
{
	fprintf(stderr, "channel-threads: %s\n", what);
	return 1;
}

static int check(struct workers *workers)
{
	struct balloon_channel_stats stats;
	uint64_t n_requests = (uint64_t)WORKERS * workers->n_rounds * 2;
	if (balloon_channel_stats(&workers->host.channel, &stats) < 0)
		return failed("no counts");
	if (workers->n_wrong != 0)
		return failed("a request did not get its answer");
	if (stats.n_submitted != n_requests || stats.n_completed != n_requests ||
		stats.n_outstanding != 0)
		return failed("requests were lost");
	if (stats.n_stray == 0)
		return failed("wrong answers were not counted");
	if (workers->host.violation)
		return failed(workers->host.violation);
	return host_fini(&workers->host) == 0 ? 0 : failed("no end");
}

static int run(bool is_polled)
{
	static struct workers workers;
	pthread_t threads[WORKERS + 1];
	workers = (struct workers){.n_rounds = rounds()};
	host_init(&workers.host, 0);
	if (is_polled)
		host_be_polled(&workers.host);
	host_always(&workers.host, HOST_KEEPS);
	pthread_mutex_init(&workers.mutex, NULL);
	pthread_barrier_init(&workers.start, NULL, WORKERS + 1);
	for (int i = 0; i <= WORKERS; i++)
		if (pthread_create(
			    &threads[i], NULL, i < WORKERS ? worker : answer_all, &workers) != 0)
			return failed("no thread");
	for (int i = 0; i <= WORKERS; i++)
		pthread_join(threads[i], NULL);
	pthread_barrier_destroy(&workers.start);
	pthread_mutex_destroy(&workers.mutex);
	return check(&workers);
}

int main(void)
{
	return run(false) || run(true) ? 1 : 0;
}
