/* SPDX-License-Identifier: MIT */
/*
 * What all host channels share: who has a request, and refusing wrong answers.
 *
 * The channel's lock protects the state of every request that is outstanding on it.
 */
#include <balloon/channel.h>

#include "internal.h"

void balloon_channel_init(struct balloon_channel *channel, const struct balloon_channel_ops *ops)
{
	memset(channel, 0, sizeof(*channel));
	channel->ops = ops;
	balloon_atomic_init(&channel->n_contended, 0, BALLOON_SHARED_COUNTER);
	balloon_lock_init(&channel->lock, BALLOON_RANK_BOOKS, &channel->n_contended);
	balloon_event_init(&channel->event);
}

int balloon_channel_fini(struct balloon_channel *channel)
{
	if (!channel)
		return -EINVAL;
	if (BALLOON_READ(channel->newest))
		return -EBUSY;
	balloon_lock_fini(&channel->lock);
	return 0;
}

/* ---- The list of outstanding requests; the caller holds the lock ----------------------------- */

static void link_request(struct balloon_channel *channel, struct balloon_request *request)
{
	struct balloon_request *older = BALLOON_READ(channel->newest);
	BALLOON_WRITE(request->newer, NULL);
	BALLOON_WRITE(request->older, older);
	if (older)
		BALLOON_WRITE(older->newer, request);
	BALLOON_WRITE(channel->newest, request);
}

static void unlink_request(struct balloon_channel *channel, struct balloon_request *request)
{
	struct balloon_request *newer = BALLOON_READ(request->newer);
	struct balloon_request *older = BALLOON_READ(request->older);
	if (newer)
		BALLOON_WRITE(newer->older, older);
	else
		BALLOON_WRITE(channel->newest, older);
	if (older)
		BALLOON_WRITE(older->newer, newer);
}

static void begin(struct balloon_channel *channel, struct balloon_request *request)
{
	BALLOON_BOOK(channel->stats.n_submitted, 1);
	BALLOON_BOOK(channel->stats.n_outstanding, 1);
	/* Not one of the counts: those go back when the host cannot be told. */
	BALLOON_BOOK(channel->last_id, 1);
	BALLOON_WRITE(request->id, BALLOON_READ(channel->last_id));
	BALLOON_WRITE(request->n_done, 0);
	BALLOON_WRITE(request->error, 0);
	BALLOON_WRITE(request->state, BALLOON_REQUEST_OUTSTANDING);
	link_request(channel, request);
}

static void end(struct balloon_channel *channel, struct balloon_request *request,
	enum balloon_request_state state)
{
	BALLOON_BOOK(channel->stats.n_outstanding, -UINT64_C(1));
	BALLOON_WRITE(request->state, state);
	unlink_request(channel, request);
}

static void answer(struct balloon_channel *channel, struct balloon_request *request,
	uint32_t n_done, int error)
{
	BALLOON_BOOK(channel->stats.n_completed, 1);
	BALLOON_WRITE(request->n_done, n_done);
	BALLOON_WRITE(request->error, error);
	end(channel, request, BALLOON_REQUEST_COMPLETE);
}

/* ---- Giving requests to the host, and taking answers ----------------------------------------- */

/* 0, or why the request cannot be given to the host. It is outstanding then. */
static int try_begin(struct balloon_channel *channel, struct balloon_request *request)
{
	int result = 0;
	balloon_lock_acquire(&channel->lock);
	if (BALLOON_READ(request->state) == BALLOON_REQUEST_OUTSTANDING)
		result = -EBUSY;
	else if (BALLOON_READ(channel->error))
		result = -ENODEV;
	else
		begin(channel, request);
	balloon_lock_release(&channel->lock);
	return result;
}

int balloon_request_submit(struct balloon_channel *channel, struct balloon_request *request)
{
	if (!channel || !request)
		return -EINVAL;
	int result = try_begin(channel, request);
	if (result < 0)
		return result;
	result = request->n_ranges ? channel->ops->submit(channel, request) : -EINVAL;
	if (result == 0)
		return 0;
	balloon_lock_acquire(&channel->lock);
	/* Unless a reset came between, which has taken it back already. */
	if (BALLOON_READ(request->state) == BALLOON_REQUEST_OUTSTANDING) {
		end(channel, request, BALLOON_REQUEST_FREE);
		BALLOON_BOOK(channel->stats.n_submitted, -UINT64_C(1));
	}
	balloon_lock_release(&channel->lock);
	return result;
}

/* Caller holds the lock. */
static int answer_checked(struct balloon_channel *channel, struct balloon_request *request,
	uint32_t n_done, int error)
{
	int result = 0;
	if (!request || BALLOON_READ(request->state) != BALLOON_REQUEST_OUTSTANDING)
		result = -ESTALE;
	else if (n_done > request->n_pages || error > 0 ||
		 (n_done < request->n_pages) != (error != 0))
		result = -EPROTO;
	if (result < 0)
		BALLOON_BOOK(channel->stats.n_stray, 1);
	else
		answer(channel, request, n_done, error);
	return result;
}

int balloon_request_complete(struct balloon_channel *channel, struct balloon_request *request,
	uint32_t n_done, int error)
{
	if (!channel || !request)
		return -EINVAL;
	balloon_lock_acquire(&channel->lock);
	int result = answer_checked(channel, request, n_done, error);
	balloon_lock_release(&channel->lock);
	if (result == 0)
		balloon_event_signal(&channel->event);
	return result;
}

int balloon_request_complete_id(
	struct balloon_channel *channel, uint64_t id, uint32_t n_done, int error)
{
	if (!channel)
		return -EINVAL;
	balloon_lock_acquire(&channel->lock);
	struct balloon_request *request = BALLOON_READ(channel->newest);
	while (request && BALLOON_READ(request->id) != id)
		request = BALLOON_READ(request->older);
	int result = answer_checked(channel, request, n_done, error);
	balloon_lock_release(&channel->lock);
	if (result == 0)
		balloon_event_signal(&channel->event);
	return result;
}

void balloon_channel_count_stray(struct balloon_channel *channel)
{
	balloon_lock_acquire(&channel->lock);
	BALLOON_BOOK(channel->stats.n_stray, 1);
	balloon_lock_release(&channel->lock);
}

/* ---- The end of a host ----------------------------------------------------------------------- */

int balloon_channel_reset(struct balloon_channel *channel)
{
	if (!channel)
		return -EINVAL;
	balloon_lock_acquire(&channel->lock);
	BALLOON_WRITE(channel->error, -ENODEV);
	balloon_lock_release(&channel->lock);
	if (channel->ops->reset)
		channel->ops->reset(channel);
	balloon_lock_acquire(&channel->lock);
	while (BALLOON_READ(channel->newest))
		answer(channel, channel->newest, 0, -ECANCELED);
	balloon_lock_release(&channel->lock);
	balloon_event_signal(&channel->event);
	return 0;
}

int balloon_channel_stats(struct balloon_channel *channel, struct balloon_channel_stats *stats)
{
	if (!channel || !stats)
		return -EINVAL;
	balloon_lock_acquire(&channel->lock);
	*stats = BALLOON_READ(channel->stats);
	balloon_lock_release(&channel->lock);
	return 0;
}

/* ---- The channel without a host -------------------------------------------------------------- */

static int null_submit(struct balloon_channel *channel, struct balloon_request *request)
{
	return balloon_request_complete(channel, request, request->n_pages, 0);
}

const struct balloon_channel_ops balloon_null_channel_ops = {
	.name = "null",
	.submit = null_submit,
};
