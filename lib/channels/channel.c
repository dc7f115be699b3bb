/* SPDX-License-Identifier: MIT */
/*
 * What all host channels share: who has a request, refusing wrong answers, and the end of a host.
 *
 * The channel's lock protects every request that is outstanding on it. Outstanding requests are in
 * a hash table, by the id of their submission, so that an answer finds its request among many late
 * ones.
 *
 * Whom a completion wakes: a named event is signalled always, under the lock, so that its owner may
 * free it once it has passed that lock. One of the channel's own is signalled only if somebody
 * waits on it for this request, and after the lock is free, which the woken want next.
 */
#include "channels/channel.h"
#include "channels/wait.h"

#include "core/memory.h"

void balloon_channel_init(struct balloon_channel *channel, const struct balloon_channel_ops *ops)
{
	memset(channel, 0, sizeof(*channel));
	channel->ops = ops;
	channel->geometry.first_pfn = BALLOON_PFN_ANY;
	balloon_atomic_init(&channel->error, 0, BALLOON_SHARED_CHANNEL_ERROR);
	balloon_atomic_init(&channel->polled_for, 0, BALLOON_SHARED_POLLED_FOR);
	for (uint32_t i = 0; i < BALLOON_CHANNEL_EVENTS; i++)
		balloon_event_init(&channel->events[i]);
	balloon_atomic_init(&channel->n_contended, 0, BALLOON_SHARED_COUNTER);
	balloon_lock_init_lasting(&channel->lock, BALLOON_RANK_LEAF, &channel->n_contended);
}

int balloon_channel_fini(struct balloon_channel *channel)
{
	if (!channel)
		return -EINVAL;
	balloon_lock_acquire(&channel->lock);
	bool is_busy = BALLOON_READ(channel->stats.n_outstanding) > 0 ||
		       BALLOON_READ(channel->is_polled) || BALLOON_READ(channel->sleepers) ||
		       BALLOON_READ(channel->owner);
	balloon_lock_release(&channel->lock);
	if (is_busy)
		return -EBUSY;
	balloon_lock_fini(&channel->lock);
	return 0;
}

int balloon_channel_covers(const struct balloon_channel *channel, const struct balloon_memmap *map)
{
	if (!channel || !map)
		return -EINVAL;
	const struct balloon_geometry *geometry = &channel->geometry;
	uint64_t first_pfn;
	if (geometry->page_size_bytes == 0)
		return 0;
	if (geometry->page_size_bytes != balloon_memmap_page_size(map) ||
		geometry->n_pages < balloon_memmap_n_pages(map))
		return -EINVAL;
	if (geometry->first_pfn == BALLOON_PFN_ANY)
		return 0;
	int result = balloon_page_to_pfn(map, balloon_page(0), &first_pfn);
	return result == 0 && first_pfn == geometry->first_pfn ? 0 : -EINVAL;
}

int balloon_channel_claim(
	struct balloon_channel *channel, const void *owner, struct balloon_event *event)
{
	if (!channel || !owner)
		return -EINVAL;
	balloon_lock_acquire(&channel->lock);
	int result = BALLOON_READ(channel->owner) ? -EBUSY : 0;
	if (result == 0) {
		BALLOON_WRITE(channel->owner, owner);
		BALLOON_WRITE(channel->owner_event, event);
	}
	balloon_lock_release(&channel->lock);
	return result;
}

void balloon_channel_release(struct balloon_channel *channel, const void *owner)
{
	balloon_lock_acquire(&channel->lock);
	if (BALLOON_READ(channel->owner) == owner) {
		BALLOON_WRITE(channel->owner, NULL);
		BALLOON_WRITE(channel->owner_event, NULL);
	}
	balloon_lock_release(&channel->lock);
}

/* ---- The table of outstanding requests; the caller holds the lock ---------------------------- */

static void link_request(struct balloon_channel *channel, struct balloon_request *request)
{
	uint64_t id = BALLOON_READ(request->id);
	struct balloon_request **link = &channel->buckets[id % BALLOON_CHANNEL_BUCKETS];
	struct balloon_request *next = BALLOON_READ(*link);
	BALLOON_WRITE(request->next, next);
	BALLOON_WRITE(request->link, link);
	if (next)
		BALLOON_WRITE(next->link, &request->next);
	BALLOON_WRITE(*link, request);
}

static void unlink_request(struct balloon_request *request)
{
	struct balloon_request *next = BALLOON_READ(request->next);
	struct balloon_request **link = BALLOON_READ(request->link);
	BALLOON_WRITE(*link, next);
	if (next)
		BALLOON_WRITE(next->link, link);
}

static struct balloon_request *find_request(struct balloon_channel *channel, uint64_t id)
{
	struct balloon_request *request =
		BALLOON_READ(channel->buckets[id % BALLOON_CHANNEL_BUCKETS]);
	while (request && BALLOON_READ(request->id) != id)
		request = BALLOON_READ(request->next);
	return request;
}

static bool is_outstanding(const struct balloon_request *request)
{
	return balloon_request_state(request) == BALLOON_REQUEST_OUTSTANDING;
}

struct balloon_event *channel_event_of(
	struct balloon_channel *channel, const struct balloon_request *request)
{
	struct balloon_event *event = BALLOON_READ(request->event);
	uint64_t id = BALLOON_READ(request->id);
	return event ? event : &channel->events[id % BALLOON_CHANNEL_EVENTS];
}

/*
 * The end of a submission: FREE or COMPLETE. From then on the request is its caller's. Returns who is
 * to be woken when the lock is free: those woken want it at once.
 */
static struct channel_notice end(struct balloon_channel *channel, struct balloon_request *request,
	enum balloon_request_state state)
{
	struct balloon_event *named = BALLOON_READ(request->event);
	struct channel_notice notice = {.event = named};
	if (!named && BALLOON_READ(request->is_awaited))
		notice.event = channel_event_of(channel, request);
	BALLOON_ADD(channel->stats.n_outstanding, -UINT64_C(1));
	unlink_request(request);
	balloon_hook_published(&request->state);
	balloon_atomic_store(&request->state, state, BALLOON_RELEASE); /* C2 */
	return notice.event ? channel_mark(notice.event) : notice;
}

static struct channel_notice answer(struct balloon_channel *channel,
	struct balloon_request *request, uint32_t n_done, int error)
{
	BALLOON_ADD(channel->stats.n_completed, 1);
	BALLOON_WRITE(request->n_done, n_done);
	BALLOON_WRITE(request->error, error);
	return end(channel, request, BALLOON_REQUEST_COMPLETE);
}

/* ---- Giving requests to the host, and taking answers ----------------------------------------- */

static bool is_above(uint64_t n, uint32_t limit)
{
	return limit != 0 && n > limit;
}

void channel_continue_ids(struct balloon_channel *channel, struct balloon_channel *former)
{
	balloon_lock_acquire(&former->lock);
	uint64_t last_id = BALLOON_READ(former->last_id);
	balloon_lock_release(&former->lock);
	balloon_lock_acquire(&channel->lock);
	if (BALLOON_READ(channel->last_id) < last_id)
		BALLOON_WRITE(channel->last_id, last_id);
	balloon_lock_release(&channel->lock);
}

/* 0, or why the request cannot be given to the host. The caller holds the lock. */
static int may_begin(const struct balloon_channel *channel, const struct balloon_request *request)
{
	const struct balloon_channel_limits *limits = &channel->limits;
	if (is_outstanding(request))
		return -EBUSY;
	if (BALLOON_READ(request->n_ranges) == 0)
		return -EINVAL;
	if (BALLOON_READ(channel->is_closed) || balloon_channel_error(channel) < 0)
		return -ENODEV;
	if (is_above(BALLOON_READ(request->n_pages), limits->request_pages) ||
		is_above(BALLOON_READ(request->n_ranges), limits->request_ranges))
		return -E2BIG;
	if (is_above(BALLOON_READ(channel->stats.n_outstanding) + 1, limits->n_requests))
		return -EAGAIN;
	return 0;
}

static void begin(struct balloon_channel *channel, struct balloon_request *request)
{
	BALLOON_ADD(channel->stats.n_submitted, 1);
	BALLOON_ADD(channel->stats.n_outstanding, 1);
	/* Not one of the counts: those go back when the host cannot be told. */
	BALLOON_ADD(channel->last_id, 1);
	BALLOON_WRITE(request->id, BALLOON_READ(channel->last_id));
	BALLOON_WRITE(request->n_done, 0);
	BALLOON_WRITE(request->error, 0);
	BALLOON_WRITE(request->is_awaited, false);
	balloon_atomic_store(&request->state, BALLOON_REQUEST_OUTSTANDING, BALLOON_RELAXED);
	link_request(channel, request);
}

/* The host was not told: unless a reset has taken the submission back already, it never was. */
static void take_back(struct balloon_channel *channel, struct balloon_request *request, uint64_t id)
{
	struct channel_notice notice = {.event = NULL};
	balloon_lock_acquire(&channel->lock);
	if (is_outstanding(request) && BALLOON_READ(request->id) == id) {
		notice = end(channel, request, BALLOON_REQUEST_FREE);
		BALLOON_ADD(channel->stats.n_submitted, -UINT64_C(1));
	}
	balloon_lock_release(&channel->lock);
	channel_wake(channel, notice);
}

int balloon_request_submit(struct balloon_channel *channel, struct balloon_request *request)
{
	if (!channel || !request)
		return -EINVAL;
	uint64_t id = 0;
	struct channel_notice notice = {.event = NULL};
	balloon_lock_acquire(&channel->lock);
	int result = may_begin(channel, request);
	bool has_host = channel->ops->submit != NULL;
	if (result == 0) {
		begin(channel, request);
		id = BALLOON_READ(request->id);
		if (!has_host)
			notice = answer(channel, request, BALLOON_READ(request->n_pages), 0);
	}
	balloon_lock_release(&channel->lock);
	channel_wake(channel, notice);
	if (result < 0 || !has_host)
		return result;
	result = channel->ops->submit(channel, request);
	if (result < 0)
		take_back(channel, request, id);
	return result;
}

bool balloon_request_redirect(struct balloon_channel *channel, struct balloon_request *request,
	struct balloon_event *event)
{
	balloon_lock_acquire(&channel->lock);
	bool is_there = is_outstanding(request);
	struct balloon_event *former = channel_event_of(channel, request);
	if (is_there) {
		BALLOON_WRITE(request->event, event);
		if (BALLOON_READ(request->is_awaited))
			balloon_channel_signal(channel, former);
	}
	balloon_lock_release(&channel->lock);
	return is_there;
}

/* An answer is about this submission, or about nothing. Unlocks. */
static int answer_and_unlock(struct balloon_channel *channel, struct balloon_request *request,
	uint32_t n_done, int error) BALLOON_RELEASES(channel->lock)
{
	struct channel_notice notice = {.event = NULL};
	int result = 0;
	if (!request)
		result = -ESTALE;
	else if (n_done > BALLOON_READ(request->n_pages) || error > 0 ||
		 (n_done < BALLOON_READ(request->n_pages)) != (error != 0))
		result = -EPROTO;
	if (result < 0)
		BALLOON_ADD(channel->stats.n_stray, 1);
	else
		notice = answer(channel, request, n_done, error);
	balloon_lock_release(&channel->lock);
	channel_wake(channel, notice);
	return result;
}

int balloon_request_complete(struct balloon_channel *channel, struct balloon_request *request,
	uint64_t id, uint32_t n_done, int error)
{
	if (!channel || !request)
		return -EINVAL;
	balloon_lock_acquire(&channel->lock);
	bool is_meant = is_outstanding(request) && BALLOON_READ(request->id) == id;
	return answer_and_unlock(channel, is_meant ? request : NULL, n_done, error);
}

int balloon_request_complete_id(
	struct balloon_channel *channel, uint64_t id, uint32_t n_done, int error)
{
	if (!channel)
		return -EINVAL;
	balloon_lock_acquire(&channel->lock);
	return answer_and_unlock(channel, find_request(channel, id), n_done, error);
}

void balloon_channel_count_stray(struct balloon_channel *channel)
{
	balloon_lock_acquire(&channel->lock);
	BALLOON_ADD(channel->stats.n_stray, 1);
	balloon_lock_release(&channel->lock);
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

int balloon_channel_descriptor(struct balloon_channel *channel)
{
	return channel && channel->ops->descriptor ? channel->ops->descriptor(channel) : -1;
}

/* ---- The end of a host ----------------------------------------------------------------------- */

int balloon_channel_error(const struct balloon_channel *channel)
{
	return -(int)balloon_atomic_load(&channel->error, BALLOON_RELAXED);
}

/*
 * Whoever remembered an event before it looked, and found the host there, finds the event
 * signalled: as one of the sleepers, as the owner's, or as the event of an outstanding request. The
 * caller holds the lock.
 */
void channel_fail(struct balloon_channel *channel, int error)
{
	if (balloon_channel_error(channel) < 0)
		return;
	balloon_atomic_store(&channel->error, 0u - (uint32_t)error, BALLOON_RELAXED);
	channel_wake_sleepers(channel);
	struct balloon_event *owner_event = BALLOON_READ(channel->owner_event);
	if (owner_event)
		balloon_channel_signal(channel, owner_event);
	for (uint32_t i = 0; i < BALLOON_CHANNEL_BUCKETS; i++)
		for (struct balloon_request *request = BALLOON_READ(channel->buckets[i]); request;
			request = BALLOON_READ(request->next))
			balloon_channel_signal(channel, channel_event_of(channel, request));
	/* The poller looks at once, whatever it polls for. */
	if (BALLOON_READ(channel->is_polled) && channel->ops->wake)
		channel->ops->wake(channel);
}

int balloon_channel_fail(struct balloon_channel *channel, int error)
{
	if (!channel || error >= 0)
		return -EINVAL;
	balloon_lock_acquire(&channel->lock);
	channel_fail(channel, error);
	balloon_lock_release(&channel->lock);
	return 0;
}

/* Complete whatever is outstanding: nobody will answer it. */
static void cancel_all(struct balloon_channel *channel)
{
	balloon_lock_acquire(&channel->lock);
	BALLOON_WRITE(channel->is_closed, true);
	for (uint32_t i = 0; i < BALLOON_CHANNEL_BUCKETS; i++) {
		struct balloon_request *request;
		while ((request = BALLOON_READ(channel->buckets[i])) != NULL)
			channel_wake(channel, answer(channel, request, 0, -ECANCELED));
	}
	balloon_lock_release(&channel->lock);
}

int balloon_channel_reset(struct balloon_channel *channel)
{
	if (!channel)
		return -EINVAL;
	balloon_lock_acquire(&channel->lock);
	BALLOON_WRITE(channel->is_closed, true);
	int result = BALLOON_READ(channel->stats.n_outstanding) > 0 ? -EBUSY : 0;
	balloon_lock_release(&channel->lock);
	if (channel->ops->reset)
		result = channel->ops->reset(channel);
	if (result == 0)
		cancel_all(channel);
	return result;
}

int balloon_channel_forget(struct balloon_channel *channel)
{
	if (!channel)
		return -EINVAL;
	cancel_all(channel);
	return 0;
}

/* ---- The channel without a host -------------------------------------------------------------- */

const struct balloon_channel_ops balloon_null_channel_ops = {
	.name = "null",
};
