/* SPDX-License-Identifier: MIT */

#include "puppet.h"

#include <sched.h>
#include <string.h>

static struct puppet *of(struct balloon_channel *channel)
{
	return (struct puppet *)(void *)channel;
}

static int submit(struct balloon_channel *channel, struct balloon_request *request)
{
	struct puppet *puppet = of(channel);
	const uint64_t id = request->id;
	pthread_mutex_lock(&puppet->mutex);
	int result = puppet->submit_error;
	bool is_prompt = puppet->is_prompt;
	if (result == 0)
		puppet->asked[puppet->n_asked++ % PUPPET_WORDS] =
			(struct puppet_answer){request->id, request->n_pages, 0};
	pthread_mutex_unlock(&puppet->mutex);
	if (result == 0 && is_prompt)
		puppet_say(puppet, id, request->n_pages, 0);
	return result;
}

static bool is_anything_new(struct puppet *puppet)
{
	pthread_mutex_lock(&puppet->mutex);
	bool result = puppet->n_said != puppet->n_fetched || puppet->is_gone || puppet->is_woken;
	pthread_mutex_unlock(&puppet->mutex);
	return result;
}

static void sleep_until(struct puppet *puppet, uint64_t deadline_ns)
{
	uint32_t seen = balloon_event_seen(&puppet->said);
	if (!is_anything_new(puppet))
		balloon_event_wait(&puppet->said, seen, deadline_ns);
}

/* Caller holds the mutex, and does not while the answer is given. */
static void give_answers(struct puppet *puppet)
{
	while (puppet->n_fetched < puppet->n_said) {
		struct puppet_answer answer = puppet->words[puppet->n_fetched++ % PUPPET_WORDS];
		pthread_mutex_unlock(&puppet->mutex);
		balloon_request_complete_id(
			&puppet->channel, answer.id, answer.n_done, answer.error);
		pthread_mutex_lock(&puppet->mutex);
	}
}

static int poll(struct balloon_channel *channel, uint64_t deadline_ns)
{
	struct puppet *puppet = of(channel);
	pthread_mutex_lock(&puppet->mutex);
	puppet->n_polls++;
	if (++puppet->n_polling > puppet->n_polling_max)
		puppet->n_polling_max = puppet->n_polling;
	pthread_mutex_unlock(&puppet->mutex);
	sleep_until(puppet, deadline_ns);
	pthread_mutex_lock(&puppet->mutex);
	puppet->is_woken = false;
	give_answers(puppet);
	puppet->n_polling--;
	int result = puppet->is_gone ? -ENODEV : 0;
	pthread_mutex_unlock(&puppet->mutex);
	return result;
}

static void wake(struct balloon_channel *channel)
{
	struct puppet *puppet = of(channel);
	pthread_mutex_lock(&puppet->mutex);
	puppet->is_woken = true;
	pthread_mutex_unlock(&puppet->mutex);
	balloon_event_signal(&puppet->said);
}

static int reset(struct balloon_channel *channel)
{
	struct puppet *puppet = of(channel);
	pthread_mutex_lock(&puppet->mutex);
	int result = puppet->reset_result;
	pthread_mutex_unlock(&puppet->mutex);
	return result;
}

static const struct balloon_channel_ops polled_ops = {
	.name = "puppet-polled", .submit = submit, .poll = poll, .wake = wake, .reset = reset};
static const struct balloon_channel_ops told_ops = {
	.name = "puppet-told", .submit = submit, .reset = reset};

void puppet_init(struct puppet *puppet, bool is_polled)
{
	memset(puppet, 0, sizeof(*puppet));
	pthread_mutex_init(&puppet->mutex, NULL);
	balloon_event_init(&puppet->said);
	balloon_channel_init(&puppet->channel, is_polled ? &polled_ops : &told_ops);
}

int puppet_fini(struct puppet *puppet)
{
	int result = balloon_channel_fini(&puppet->channel);
	if (result < 0)
		return result;
	pthread_mutex_destroy(&puppet->mutex);
	return 0;
}

void puppet_say(struct puppet *puppet, uint64_t id, uint32_t n_done, int error)
{
	if (!puppet->channel.ops->poll) {
		balloon_request_complete_id(&puppet->channel, id, n_done, error);
		return;
	}
	pthread_mutex_lock(&puppet->mutex);
	puppet->words[puppet->n_said++ % PUPPET_WORDS] = (struct puppet_answer){id, n_done, error};
	pthread_mutex_unlock(&puppet->mutex);
	balloon_event_signal(&puppet->said);
}

void puppet_await_poller(struct puppet *puppet)
{
	for (bool is_there = false; !is_there; sched_yield()) {
		pthread_mutex_lock(&puppet->mutex);
		is_there = puppet->n_polling > 0;
		pthread_mutex_unlock(&puppet->mutex);
	}
}

bool puppet_hear(struct puppet *puppet, struct puppet_answer *asked)
{
	pthread_mutex_lock(&puppet->mutex);
	bool is_asked = puppet->n_heard < puppet->n_asked;
	if (is_asked)
		*asked = puppet->asked[puppet->n_heard++ % PUPPET_WORDS];
	pthread_mutex_unlock(&puppet->mutex);
	return is_asked;
}

void puppet_leave(struct puppet *puppet)
{
	pthread_mutex_lock(&puppet->mutex);
	puppet->is_gone = true;
	pthread_mutex_unlock(&puppet->mutex);
	balloon_event_signal(&puppet->said);
}
