/* SPDX-License-Identifier: MIT */
/*
 * Wake-ups that must not be lost, round after round in step, so that every round is a new chance to
 * lose one. Whoever loses one hangs: there is no bound in time, and no deadline that could hide it.
 *
 * Symptom: two threads waited for their own requests, the host had answered both, and one slept to
 * its deadline. Cause: between looking at its request and beginning to poll, the other one had
 * polled both answers and left.
 */

#define _POSIX_C_SOURCE 200809L /* pthread_barrier_t */

#include <stdio.h>
#include <stdlib.h>

#include <balloon/memfd.h>

#include "memory.h"
#include "host.h"
#include "scale.h"
#include "shared.h"

enum { WORKERS = 4, PAGES_EACH = 4, MEMORY_PAGES = 64 };

/* How a worker waits. */
enum way {
	WAY_REQUEST, /* for the request */
	WAY_EVENT,   /* for an event of its own */
	WAY_COMMON,  /* for one event of them all */
	WAYS,
};

struct workers {
	struct balloon_channel *channel;
	pthread_barrier_t start;
	struct balloon_event common;
	enum way way;
	uint32_t n_rounds;
	pthread_mutex_t mutex; /* protects the rest */
	uint32_t n_begun;
	uint32_t n_wrong;
};

static uint32_t rounds(void)
{
	return scaled(3000) + 20;
}

static int failed(const char *what)
{
	fprintf(stderr, "channel-lockstep: %s\n", what);
	return 1;
}

/* ---- Everybody tells the host something and waits -------------------------------------------- */

static int wait_by_event(struct workers *workers, struct balloon_request *request)
{
	struct balloon_event *event = request->event;
	for (;;) {
		uint32_t seen = balloon_event_seen(event);
		if (balloon_request_state(request) == BALLOON_REQUEST_COMPLETE)
			return 0;
		balloon_channel_sleep(workers->channel, event, seen, BALLOON_NEVER);
	}
}

/* Returns whether it was answered as it should be. */
static bool ask(
	struct workers *workers, struct balloon_request *request, uint32_t first, uint32_t round)
{
	enum balloon_request_kind kind =
		round % 2 ? BALLOON_REQUEST_DEFLATE : BALLOON_REQUEST_INFLATE;
	if (request_prepare_steps(request, kind, first, 2, PAGES_EACH) < 0 ||
		balloon_request_submit(workers->channel, request) < 0)
		return false;
	int result = workers->way == WAY_REQUEST
			     ? balloon_request_wait(workers->channel, request, BALLOON_NEVER)
			     : wait_by_event(workers, request);
	return result == 0 && request->n_done == PAGES_EACH && request->error == 0;
}

static void *worker(void *argument)
{
	struct workers *workers = argument;
	struct balloon_request *request = request_new(PAGES_EACH);
	struct balloon_event own;
	uint32_t n_wrong = 0;
	balloon_event_init(&own);
	if (workers->way != WAY_REQUEST)
		request->event = workers->way == WAY_COMMON ? &workers->common : &own;
	pthread_mutex_lock(&workers->mutex);
	uint32_t first = workers->n_begun++ * 2 * PAGES_EACH;
	pthread_mutex_unlock(&workers->mutex);
	for (uint32_t round = 0; round < workers->n_rounds; round++) {
		pthread_barrier_wait(&workers->start);
		n_wrong += !ask(workers, request, first, round);
	}
	pthread_mutex_lock(&workers->mutex);
	workers->n_wrong += n_wrong;
	pthread_mutex_unlock(&workers->mutex);
	/* An event of ours may be signalled until the completer has left the lock. */
	balloon_channel_release(workers->channel, &own);
	request_delete(request);
	return NULL;
}

static int run_workers(struct balloon_channel *channel, enum way way, uint32_t n_rounds)
{
	static struct workers workers;
	pthread_t threads[WORKERS];
	workers = (struct workers){.channel = channel, .way = way, .n_rounds = n_rounds};
	balloon_event_init(&workers.common);
	pthread_mutex_init(&workers.mutex, NULL);
	pthread_barrier_init(&workers.start, NULL, WORKERS);
	for (int i = 0; i < WORKERS; i++)
		if (pthread_create(&threads[i], NULL, worker, &workers) != 0)
			return failed("no thread");
	for (int i = 0; i < WORKERS; i++)
		pthread_join(threads[i], NULL);
	pthread_barrier_destroy(&workers.start);
	pthread_mutex_destroy(&workers.mutex);
	return workers.n_wrong == 0 ? 0 : failed("a request did not get its answer");
}

static int run_prompt_host(bool is_polled)
{
	static struct host host;
	int result = 0;
	host_init(&host, 0);
	if (is_polled)
		host_be_polled(&host);
	for (int way = 0; way < WAYS && result == 0; way++)
		result = run_workers(&host.channel, (enum way)way, rounds());
	if (result == 0 && host.violation)
		result = failed(host.violation);
	return result == 0 && host_fini(&host) < 0 ? failed("no end") : result;
}

/* ---- Two threads pass a ball by events, on a channel whose host says nothing ------------------- */

struct game {
	struct balloon_channel *channel;
	struct balloon_event events[2];
	struct balloon_atomic_u32 turn;
	uint32_t n_rounds;
};

static void play(struct game *game, uint32_t self)
{
	struct balloon_event *event = &game->events[self];
	for (uint32_t round = 0; round < game->n_rounds; round++) {
		for (;;) {
			uint32_t seen = balloon_event_seen(event);
			if (balloon_atomic_load(&game->turn, BALLOON_ACQUIRE) == 2 * round + self)
				break;
			balloon_channel_sleep(game->channel, event, seen, BALLOON_NEVER);
		}
		balloon_atomic_store(&game->turn, 2 * round + self + 1, BALLOON_RELEASE);
		balloon_channel_signal(game->channel, &game->events[1 - self]);
	}
}

static void *play_second(void *argument)
{
	play(argument, 1);
	return NULL;
}

static int run_game(struct balloon_channel *channel)
{
	static struct game game;
	pthread_t thread;
	game.channel = channel;
	game.n_rounds = rounds();
	balloon_atomic_init(&game.turn, 0, BALLOON_SHARED_EVENT);
	for (int i = 0; i < 2; i++)
		balloon_event_init(&game.events[i]);
	if (pthread_create(&thread, NULL, play_second, &game) != 0)
		return failed("no thread");
	play(&game, 0);
	pthread_join(thread, NULL);
	return 0;
}

static int run_silent_host(bool is_polled)
{
	static struct host host;
	host_init(&host, 0);
	if (is_polled)
		host_be_polled(&host);
	int result = run_game(&host.channel);
	return result == 0 && host_fini(&host) < 0 ? failed("no end") : result;
}

/* ---- With a memfd channel and a host that keeps the protocol --------------------------------- */

static int run_all_ways(struct balloon_channel *channel)
{
	int result = run_game(channel);
	for (int way = 0; way < WAYS && result == 0; way++)
		result = run_workers(channel, (enum way)way, rounds() / 5);
	return result;
}

static int run_memfd(void)
{
	struct shared shared;
	struct ends ends;
	struct host_thread host;
	struct balloon_channel *channel;
	shared_map(&shared, MEMORY_PAGES);
	ends_open(&ends);
	host_thread_start(&host, &ends, 0, 0);
	struct balloon_memfd_config config = {.socket_fd = ends.guest,
		.memfd = shared.memfd,
		.n_pages = MEMORY_PAGES,
		.hello_timeout_ns = BALLOON_NEVER,
		.farewell_timeout_ns = BALLOON_NEVER};
	if (balloon_memfd_create(&config, &channel) < 0)
		return failed("no channel");
	int result = run_all_ways(channel);
	if (balloon_channel_reset(channel) < 0 || balloon_memfd_destroy(channel) < 0)
		result = failed("no end");
	host_thread_join(&host);
	ends_close(&ends);
	shared_unmap(&shared);
	return result;
}

int main(void)
{
	int result = 0;
	for (int is_polled = 0; is_polled < 2 && result == 0; is_polled++)
		result = run_prompt_host(is_polled) || run_silent_host(is_polled);
	return result || run_memfd() ? 1 : 0;
}
