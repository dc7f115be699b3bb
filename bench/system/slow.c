/* SPDX-License-Identifier: MIT */
#include "system/slow.h"

#include <errno.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <time.h>

#include "common/clock.h"

static int submit(struct balloon_channel *channel, struct balloon_request *request)
{
	struct slow *slow = (struct slow *)((char *)channel - offsetof(struct slow, channel));
	pthread_mutex_lock(&slow->mutex);
	bool has_room = slow->n < SLOW_REQUESTS_MAX;
	if (has_room) {
		unsigned at = (slow->first + slow->n++) % SLOW_REQUESTS_MAX;
		slow->orders[at] = (struct slow_order){request, now_ns() + slow->takes_ns};
		pthread_cond_signal(&slow->changed);
	}
	pthread_mutex_unlock(&slow->mutex);
	return has_room ? 0 : -EAGAIN;
}

static const struct balloon_channel_ops ops = {.name = "slow", .submit = submit};

/* No busy waiting: a host elsewhere takes no time of this machine's processors either. */
static void wait_until(uint64_t due_ns)
{
	uint64_t now;
	while ((now = now_ns()) < due_ns) {
		struct timespec nap = {.tv_sec = (time_t)((due_ns - now) / 1000000000),
			.tv_nsec = (long)((due_ns - now) % 1000000000)};
		nanosleep(&nap, NULL);
	}
}

static void *answer(void *argument)
{
	struct slow *slow = argument;
	prctl(PR_SET_TIMERSLACK, 1UL); /* sleeps end when they are to end */
	pthread_mutex_lock(&slow->mutex);
	while (!slow->is_over || slow->n > 0) {
		if (slow->n == 0) {
			pthread_cond_wait(&slow->changed, &slow->mutex);
			continue;
		}
		struct slow_order order = slow->orders[slow->first];
		slow->first = (slow->first + 1) % SLOW_REQUESTS_MAX;
		slow->n--;
		pthread_mutex_unlock(&slow->mutex);
		wait_until(order.due_ns);
		balloon_request_complete(&slow->channel, order.request, order.request->id,
			order.request->n_pages, 0);
		pthread_mutex_lock(&slow->mutex);
	}
	pthread_mutex_unlock(&slow->mutex);
	return NULL;
}

int slow_init(struct slow *slow, uint64_t takes_ns)
{
	*slow = (struct slow){.takes_ns = takes_ns};
	balloon_channel_init(&slow->channel, &ops);
	pthread_mutex_init(&slow->mutex, NULL);
	pthread_cond_init(&slow->changed, NULL);
	return -pthread_create(&slow->thread, NULL, answer, slow);
}

void slow_fini(struct slow *slow)
{
	pthread_mutex_lock(&slow->mutex);
	slow->is_over = true;
	pthread_cond_signal(&slow->changed);
	pthread_mutex_unlock(&slow->mutex);
	pthread_join(slow->thread, NULL);
	balloon_channel_fini(&slow->channel);
	pthread_cond_destroy(&slow->changed);
	pthread_mutex_destroy(&slow->mutex);
}
