/* SPDX-License-Identifier: MIT */

#include "script.h"

static int submit(struct balloon_channel *channel, struct balloon_request *request)
{
	struct script *script = (struct script *)(void *)channel;
	pthread_mutex_lock(&script->mutex);
	enum script_answer answer = script->answers[request->kind];
	if (answer == SCRIPT_KEEP && script->n_kept < SCRIPT_KEPT_MAX) {
		script->kept[script->n_kept++] = request;
		pthread_cond_broadcast(&script->has_kept);
	}
	pthread_mutex_unlock(&script->mutex);
	if (answer == SCRIPT_DO)
		balloon_request_complete(channel, request, request->id, request->n_pages, 0);
	if (answer == SCRIPT_HALF)
		balloon_request_complete(channel, request, request->id, request->n_pages / 2, -EIO);
	if (answer == SCRIPT_REFUSE)
		balloon_request_complete(channel, request, request->id, 0, -EIO);
	return 0;
}

static const struct balloon_channel_ops script_ops = {.name = "script", .submit = submit};

void script_init(struct script *script)
{
	balloon_channel_init(&script->channel, &script_ops);
	pthread_mutex_init(&script->mutex, NULL);
	pthread_cond_init(&script->has_kept, NULL);
	script->n_kept = 0;
	script_set(script, SCRIPT_DO, SCRIPT_DO);
}

void script_fini(struct script *script)
{
	balloon_channel_fini(&script->channel);
	pthread_cond_destroy(&script->has_kept);
	pthread_mutex_destroy(&script->mutex);
}

void script_set(struct script *script, enum script_answer inflate, enum script_answer deflate)
{
	pthread_mutex_lock(&script->mutex);
	script->answers[BALLOON_REQUEST_INFLATE] = inflate;
	script->answers[BALLOON_REQUEST_DEFLATE] = deflate;
	pthread_mutex_unlock(&script->mutex);
}

void script_answer(struct script *script, bool is_done)
{
	script_set(script, SCRIPT_DO, SCRIPT_DO);
	pthread_mutex_lock(&script->mutex);
	for (; script->n_kept > 0; script->n_kept--) {
		struct balloon_request *request = script->kept[script->n_kept - 1];
		balloon_request_complete(&script->channel, request, request->id,
			is_done ? request->n_pages : 0, is_done ? 0 : -EIO);
	}
	pthread_mutex_unlock(&script->mutex);
}

void script_wait_kept(struct script *script, size_t n)
{
	pthread_mutex_lock(&script->mutex);
	while (script->n_kept < n)
		pthread_cond_wait(&script->has_kept, &script->mutex);
	pthread_mutex_unlock(&script->mutex);
}
