/* SPDX-License-Identifier: MIT */

#include "fake-host.h"

#include <sched.h>
#include <string.h>

static struct fake_host *of(struct balloon_channel *channel)
{
	return (struct fake_host *)(void *)channel;
}

static int submit(struct balloon_channel *channel, struct balloon_request *request)
{
	struct fake_host *fake_host = of(channel);
	const uint64_t id = request->id;
	pthread_mutex_lock(&fake_host->mutex);
	int result = fake_host->submit_error;
	bool is_prompt = fake_host->is_prompt;
	if (result == 0)
		fake_host->asked[fake_host->n_asked++ % FAKE_HOST_WORDS] =
			(struct fake_host_answer){request->id, request->n_pages, 0};
	pthread_mutex_unlock(&fake_host->mutex);
	if (result == 0 && is_prompt)
		fake_host_say(fake_host, id, request->n_pages, 0);
	return result;
}

static bool is_anything_new(struct fake_host *fake_host)
{
	pthread_mutex_lock(&fake_host->mutex);
	bool result = fake_host->n_said != fake_host->n_fetched || fake_host->is_gone ||
		      fake_host->is_woken;
	pthread_mutex_unlock(&fake_host->mutex);
	return result;
}

static void sleep_until(struct fake_host *fake_host, uint64_t deadline_ns)
{
	uint32_t seen = balloon_event_seen(&fake_host->said);
	if (!is_anything_new(fake_host))
		balloon_event_wait(&fake_host->said, seen, deadline_ns);
}

/* Caller holds the mutex, and does not while the answer is given. */
static void give_answers(struct fake_host *fake_host)
{
	while (fake_host->n_fetched < fake_host->n_said) {
		struct fake_host_answer answer =
			fake_host->words[fake_host->n_fetched++ % FAKE_HOST_WORDS];
		pthread_mutex_unlock(&fake_host->mutex);
		balloon_request_complete_id(
			&fake_host->channel, answer.id, answer.n_done, answer.error);
		pthread_mutex_lock(&fake_host->mutex);
	}
}

static int poll(struct balloon_channel *channel, uint64_t deadline_ns)
{
	struct fake_host *fake_host = of(channel);
	pthread_mutex_lock(&fake_host->mutex);
	fake_host->n_polls++;
	if (++fake_host->n_polling > fake_host->n_polling_max)
		fake_host->n_polling_max = fake_host->n_polling;
	pthread_mutex_unlock(&fake_host->mutex);
	sleep_until(fake_host, deadline_ns);
	pthread_mutex_lock(&fake_host->mutex);
	fake_host->is_woken = false;
	give_answers(fake_host);
	fake_host->n_polling--;
	int result = fake_host->is_gone ? -ENODEV : 0;
	pthread_mutex_unlock(&fake_host->mutex);
	return result;
}

static void wake(struct balloon_channel *channel)
{
	struct fake_host *fake_host = of(channel);
	pthread_mutex_lock(&fake_host->mutex);
	fake_host->is_woken = true;
	pthread_mutex_unlock(&fake_host->mutex);
	balloon_event_signal(&fake_host->said);
}

static int reset(struct balloon_channel *channel)
{
	struct fake_host *fake_host = of(channel);
	pthread_mutex_lock(&fake_host->mutex);
	int result = fake_host->reset_result;
	pthread_mutex_unlock(&fake_host->mutex);
	return result;
}

static const struct balloon_channel_ops polled_ops = {
	.name = "fake_host-polled", .submit = submit, .poll = poll, .wake = wake, .reset = reset};
static const struct balloon_channel_ops told_ops = {
	.name = "fake_host-told", .submit = submit, .reset = reset};

void fake_host_init(struct fake_host *fake_host, bool is_polled)
{
	memset(fake_host, 0, sizeof(*fake_host));
	pthread_mutex_init(&fake_host->mutex, NULL);
	balloon_event_init(&fake_host->said);
	balloon_channel_init(&fake_host->channel, is_polled ? &polled_ops : &told_ops);
}

int fake_host_fini(struct fake_host *fake_host)
{
	int result = balloon_channel_fini(&fake_host->channel);
	if (result < 0)
		return result;
	pthread_mutex_destroy(&fake_host->mutex);
	return 0;
}

void fake_host_say(struct fake_host *fake_host, uint64_t id, uint32_t n_done, int error)
{
	if (!fake_host->channel.ops->poll) {
		balloon_request_complete_id(&fake_host->channel, id, n_done, error);
		return;
	}
	pthread_mutex_lock(&fake_host->mutex);
	fake_host->words[fake_host->n_said++ % FAKE_HOST_WORDS] =
		(struct fake_host_answer){id, n_done, error};
	pthread_mutex_unlock(&fake_host->mutex);
	balloon_event_signal(&fake_host->said);
}

void fake_host_await_poller(struct fake_host *fake_host)
{
	for (bool is_there = false; !is_there; sched_yield()) {
		pthread_mutex_lock(&fake_host->mutex);
		is_there = fake_host->n_polling > 0;
		pthread_mutex_unlock(&fake_host->mutex);
	}
}

bool fake_host_hear(struct fake_host *fake_host, struct fake_host_answer *asked)
{
	pthread_mutex_lock(&fake_host->mutex);
	bool is_asked = fake_host->n_heard < fake_host->n_asked;
	if (is_asked)
		*asked = fake_host->asked[fake_host->n_heard++ % FAKE_HOST_WORDS];
	pthread_mutex_unlock(&fake_host->mutex);
	return is_asked;
}

void fake_host_leave(struct fake_host *fake_host)
{
	pthread_mutex_lock(&fake_host->mutex);
	fake_host->is_gone = true;
	pthread_mutex_unlock(&fake_host->mutex);
	balloon_event_signal(&fake_host->said);
}
