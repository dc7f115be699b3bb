/* SPDX-License-Identifier: MIT */
#include "host.h"

static void accuse(struct host *host, const char *what)
{
	if (!host->violation)
		host->violation = what;
}

/* ---- What a request has to be; the caller holds the lock ------------------------------------ */

static void check_pages(struct host *host, const struct balloon_request *request)
{
	if (!host->pages)
		return;
	const unsigned char wanted =
		request->kind == BALLOON_REQUEST_INFLATE ? HOST_PAGE_GUEST : HOST_PAGE_HOST;
	for (uint32_t i = 0; i < request->n_pages; i++) {
		uint32_t index = request->pages[i].index;
		if (index >= host->n_pages)
			accuse(host, "a page outside the map");
		else if (i > 0 && index <= request->pages[i - 1].index)
			accuse(host, "pages are not in ascending order");
		else if (host->pages[index] != wanted)
			accuse(host,
				wanted == HOST_PAGE_GUEST
					? "inflated a page that the guest does not have"
					: "deflated a page whose inflation was not acknowledged");
	}
}

static void check_ranges(struct host *host, const struct balloon_request *request)
{
	uint32_t page = 0;
	for (uint32_t i = 0; i < request->n_ranges; i++) {
		const struct balloon_range *range = &request->ranges[i];
		for (uint32_t k = 0; k < range->n_pages; k++, page++)
			if (page >= request->n_pages ||
				request->pages[page].index != range->first + k)
				accuse(host, "ranges and pages differ");
		if (i > 0 && range->first <= range[-1].first + range[-1].n_pages)
			accuse(host, "ranges that could be one");
	}
	if (page != request->n_pages)
		accuse(host, "ranges and pages differ");
	host->n_ranges += request->n_ranges;
	if (request->n_ranges > host->most_ranges)
		host->most_ranges = request->n_ranges;
}

static void note(struct host *host, const struct balloon_request *request)
{
	host->n_requests++;
	if (request->n_pages > host->largest)
		host->largest = request->n_pages;
	check_pages(host, request);
	check_ranges(host, request);
}

/* ---- Answers --------------------------------------------------------------------------------- */

static void set_pages(struct host *host, const struct balloon_request *request, uint32_t begin,
	uint32_t end, enum host_page whose)
{
	if (!host->pages)
		return;
	for (uint32_t i = begin; i < end; i++) {
		unsigned char *page = &host->pages[request->pages[i].index];
		host->n_held -= *page == HOST_PAGE_HOST;
		*page = (unsigned char)whose;
		host->n_held += *page == HOST_PAGE_HOST;
	}
}

/* The counts come first: once the answer is out, the guest may use its pages. */
static void decide(struct host *host, const struct balloon_request *request, uint32_t n_done)
{
	bool is_inflate = request->kind == BALLOON_REQUEST_INFLATE;
	set_pages(host, request, 0, n_done, is_inflate ? HOST_PAGE_HOST : HOST_PAGE_GUEST);
	set_pages(host, request, n_done, request->n_pages,
		is_inflate ? HOST_PAGE_GUEST : HOST_PAGE_HOST);
}

static int reason(const struct host *host)
{
	return host->reason ? host->reason : -EIO;
}

static void give(struct host *host, const struct host_answer *answer)
{
	struct balloon_channel *channel = &host->channel;
	if (answer->request)
		balloon_request_complete(
			channel, answer->request, answer->id, answer->n_done, answer->error);
	else
		balloon_request_complete_id(channel, answer->id, answer->n_done, answer->error);
}

/* At once, or when somebody polls. */
static void say(struct host *host, const struct host_answer *answer)
{
	if (!host->is_polled) {
		give(host, answer);
		return;
	}
	runtime_lock(&host->lock);
	if (host->n_ready < HOST_KEPT_MAX)
		host->ready[host->n_ready++] = *answer;
	else
		accuse(host, "more answers than the test has room for");
	runtime_unlock(&host->lock);
	balloon_event_signal(&host->bell);
}

static void answer(struct host *host, struct balloon_request *request, uint32_t n_done)
{
	const struct host_answer answer = {
		request, request->id, n_done, n_done < request->n_pages ? reason(host) : 0};
	runtime_act();
	say(host, &answer);
}

static void answer_twice(struct host *host, struct balloon_request *request)
{
	uint64_t id = request->id;
	answer(host, request, request->n_pages);
	if (balloon_request_complete_id(&host->channel, id, 1, 0) != -ESTALE)
		accuse(host, "a second answer was taken");
}

static void answer_wrongly(struct host *host, struct balloon_request *request)
{
	struct balloon_channel *channel = &host->channel;
	if (balloon_request_complete(channel, request, request->id, request->n_pages + 1, 0) !=
			-EPROTO ||
		balloon_request_complete(channel, request, request->id, 0, 0) != -EPROTO ||
		balloon_request_complete(channel, request, request->id, 0, 5) != -EPROTO ||
		balloon_request_complete(channel, request, request->id, request->n_pages, -EIO) !=
			-EPROTO ||
		balloon_request_complete_id(channel, request->id + 1000, 0, -EIO) != -ESTALE)
		accuse(host, "an answer was taken that cannot be");
	answer(host, request, request->n_pages);
}

static void keep(struct host *host, struct balloon_request *request, uint64_t now_ns)
{
	set_pages(host, request, 0, request->n_pages, HOST_PAGE_ASKED);
	if (host->n_kept == HOST_KEPT_MAX) {
		accuse(host, "the test keeps too many requests");
		return;
	}
	host->kept_ns[host->n_kept] = now_ns;
	host->kept[host->n_kept++] = request;
	if (host->n_kept > host->most_kept)
		host->most_kept = host->n_kept;
}

/* How many pages come before one that the host stops at. */
static uint32_t n_before_refused(const struct host *host, const struct balloon_request *request)
{
	uint32_t n = 0;
	while (n < request->n_pages &&
		!(host->pages && host->is_refused[request->pages[n].index] & 1u << request->kind))
		n++;
	return n;
}

static enum host_behaviour behaviour_now(const struct host *host, enum balloon_request_kind kind)
{
	if (host->is_gone)
		return HOST_GONE;
	bool is_now = host->fault_at != 0 &&
		      (host->n_requests == host->fault_at ||
			      (host->n_requests > host->fault_at &&
				      (host->goes_on || host->fault == HOST_GONE)));
	return is_now ? host->fault : host->usual[kind];
}

/* What is late is answered once another request has come: out of order, then. */
static struct balloon_request *late_one(struct host *host, enum host_behaviour behaviour)
{
	if (host->fault != HOST_IS_LATE || host->n_kept == 0 || behaviour == HOST_IS_LATE)
		return NULL;
	struct balloon_request *request = host->kept[--host->n_kept];
	decide(host, request, request->n_pages);
	return request;
}

static int submit(struct balloon_channel *channel, struct balloon_request *request)
{
	struct host *host = (struct host *)(void *)channel;
	uint64_t now_ns = balloon_platform_now_ns();
	if (host->on_submit)
		host->on_submit(host->on_submit_context);
	runtime_lock(&host->lock);
	runtime_act();
	note(host, request);
	uint32_t n_done = n_before_refused(host, request);
	enum host_behaviour behaviour = behaviour_now(host, request->kind);
	struct balloon_request *late = late_one(host, behaviour);
	if (behaviour == HOST_IS_LATE || behaviour == HOST_KEEPS) {
		keep(host, request, now_ns);
	} else if (behaviour != HOST_REJECTS && behaviour != HOST_GONE &&
		   behaviour != HOST_SILENT) {
		if (behaviour == HOST_REFUSES || behaviour == HOST_HALVES)
			n_done = behaviour == HOST_HALVES ? n_done / 2 : 0;
		decide(host, request, n_done);
	}
	runtime_unlock(&host->lock);
	switch (behaviour) {
	case HOST_REJECTS:
		return reason(host);
	case HOST_GONE:
		return -ENODEV;
	case HOST_IS_LATE:
	case HOST_KEEPS:
		balloon_event_signal(&host->noticed);
		break;
	case HOST_SILENT:
		break;
	case HOST_TWICE:
		answer_twice(host, request);
		break;
	case HOST_WRONG:
		answer_wrongly(host, request);
		break;
	default:
		answer(host, request, n_done);
	}
	if (late)
		answer(host, late, late->n_pages);
	return 0;
}

void host_let_go(struct host *host)
{
	runtime_lock(&host->lock);
	host->n_kept = 0;
	host->n_ready = 0;
	for (uint32_t i = 0; i < host->n_pages; i++)
		host->pages[i] = HOST_PAGE_GUEST;
	host->n_held = 0;
	runtime_unlock(&host->lock);
}

static int reset(struct balloon_channel *channel)
{
	struct host *host = (struct host *)(void *)channel;
	if (host->reset_error == 0)
		host_let_go(host);
	return host->reset_error;
}

static bool has_news(struct host *host)
{
	runtime_lock(&host->lock);
	host->was_polled = true;
	if (host->n_polling++ > 0)
		accuse(host, "two threads poll at once");
	bool result = host->n_ready > 0 || host->is_gone || host->is_woken;
	runtime_unlock(&host->lock);
	balloon_event_signal(&host->noticed);
	return result;
}

static bool take_ready(struct host *host, struct host_answer *answer)
{
	runtime_lock(&host->lock);
	bool is_there = host->n_ready > 0;
	if (is_there) {
		*answer = host->ready[0];
		host->n_ready--;
		for (size_t i = 0; i < host->n_ready; i++)
			host->ready[i] = host->ready[i + 1];
	}
	runtime_unlock(&host->lock);
	return is_there;
}

static int poll(struct balloon_channel *channel, uint64_t deadline_ns)
{
	struct host *host = (struct host *)(void *)channel;
	struct host_answer answer;
	uint32_t seen = balloon_event_seen(&host->bell);
	if (!has_news(host) && deadline_ns > 0)
		balloon_event_wait(&host->bell, seen, deadline_ns);
	while (take_ready(host, &answer))
		give(host, &answer);
	runtime_lock(&host->lock);
	host->is_woken = false;
	host->n_polling--;
	bool is_gone = host->is_gone;
	runtime_unlock(&host->lock);
	return is_gone ? -ENODEV : 0;
}

static void wake(struct balloon_channel *channel)
{
	struct host *host = (struct host *)(void *)channel;
	runtime_lock(&host->lock);
	host->is_woken = true;
	runtime_unlock(&host->lock);
	balloon_event_signal(&host->bell);
}

static int descriptor(struct balloon_channel *channel)
{
	(void)channel;
	return HOST_DESCRIPTOR;
}

static const struct balloon_channel_ops polled_ops = {
	.name = "scripted, polled",
	.submit = submit,
	.poll = poll,
	.wake = wake,
	.descriptor = descriptor,
	.reset = reset,
};

static const struct balloon_channel_ops ops = {
	.name = "scripted",
	.submit = submit,
	.reset = reset,
};

static const struct balloon_channel_ops without_reset_ops = {
	.name = "scripted, without reset",
	.submit = submit,
};

/* ---- For tests ------------------------------------------------------------------------------- */

void host_init(struct host *host, uint32_t n_pages)
{
	*host = (struct host){.n_pages = n_pages};
	if (n_pages > 0) {
		host->pages = runtime_allocate(n_pages);
		host->is_refused = runtime_allocate(n_pages);
	}
	runtime_lock_init(&host->lock);
	balloon_event_init(&host->noticed);
	balloon_event_init(&host->bell);
	balloon_channel_init(&host->channel, &ops);
}

void host_be_polled(struct host *host)
{
	host->is_polled = true;
	host->channel.ops = &polled_ops;
}

void host_be_without_reset(struct host *host)
{
	host->channel.ops = &without_reset_ops;
}

int host_fini(struct host *host)
{
	int result = balloon_channel_fini(&host->channel);
	if (result < 0)
		return result;
	runtime_lock_fini(&host->lock);
	runtime_free(host->pages);
	runtime_free(host->is_refused);
	return 0;
}

void host_leave(struct host *host)
{
	runtime_lock(&host->lock);
	host->is_gone = true;
	runtime_unlock(&host->lock);
	balloon_event_signal(&host->bell);
}

void host_usually(struct host *host, enum host_behaviour inflation, enum host_behaviour deflation)
{
	runtime_lock(&host->lock);
	host->usual[BALLOON_REQUEST_INFLATE] = inflation;
	host->usual[BALLOON_REQUEST_DEFLATE] = deflation;
	runtime_unlock(&host->lock);
}

static void set_fault(struct host *host, uint64_t n, enum host_behaviour behaviour, bool goes_on)
{
	runtime_lock(&host->lock);
	host->fault_at = host->n_requests + n;
	host->fault = behaviour;
	host->goes_on = goes_on;
	runtime_unlock(&host->lock);
}

void host_at(struct host *host, uint64_t n, enum host_behaviour behaviour)
{
	set_fault(host, n, behaviour, false);
}

void host_always(struct host *host, enum host_behaviour behaviour)
{
	set_fault(host, 1, behaviour, true);
}

size_t host_answer(struct host *host, uint32_t n_done)
{
	struct balloon_request *kept[HOST_KEPT_MAX];
	uint32_t done[HOST_KEPT_MAX];
	runtime_lock(&host->lock);
	size_t n = host->n_kept;
	for (size_t i = 0; i < n; i++) {
		kept[i] = host->kept[n - 1 - i];
		done[i] = n_done < kept[i]->n_pages ? n_done : kept[i]->n_pages;
		decide(host, kept[i], done[i]);
	}
	host->n_kept = 0;
	runtime_unlock(&host->lock);
	for (size_t i = 0; i < n; i++)
		answer(host, kept[i], done[i]);
	return n;
}

/* The caller holds the lock. */
static struct balloon_request *keep_no_more(struct host *host, size_t i)
{
	if (i >= host->n_kept)
		return NULL;
	struct balloon_request *request = host->kept[i];
	host->n_kept--;
	for (; i < host->n_kept; i++) {
		host->kept[i] = host->kept[i + 1];
		host->kept_ns[i] = host->kept_ns[i + 1];
	}
	return request;
}

bool host_answer_oldest(struct host *host, uint32_t n_done)
{
	runtime_lock(&host->lock);
	struct balloon_request *request = keep_no_more(host, 0);
	if (request) {
		if (n_done > request->n_pages)
			n_done = request->n_pages;
		decide(host, request, n_done);
	}
	runtime_unlock(&host->lock);
	if (request)
		answer(host, request, n_done);
	return request != NULL;
}

struct host_answer host_take(struct host *host, size_t i)
{
	struct host_answer answer = {NULL, 0, 0, 0};
	runtime_lock(&host->lock);
	struct balloon_request *request = keep_no_more(host, i);
	if (request)
		answer = (struct host_answer){request, request->id, request->n_pages, 0};
	runtime_unlock(&host->lock);
	return answer;
}

void host_say(struct host *host, uint64_t id, uint32_t n_done, int error)
{
	say(host, &(struct host_answer){NULL, id, n_done, error});
}

void host_await_kept(struct host *host, size_t n)
{
	for (;;) {
		uint32_t seen = balloon_event_seen(&host->noticed);
		if (host_n_kept(host) >= n)
			return;
		balloon_event_wait(&host->noticed, seen, BALLOON_NEVER);
	}
}

void host_await_poller(struct host *host)
{
	for (;;) {
		uint32_t seen = balloon_event_seen(&host->noticed);
		runtime_lock(&host->lock);
		bool is_there = host->n_polling > 0;
		runtime_unlock(&host->lock);
		if (is_there)
			return;
		balloon_event_wait(&host->noticed, seen, BALLOON_NEVER);
	}
}

void host_refuse_page(
	struct host *host, uint32_t index, enum balloon_request_kind kind, bool is_refused)
{
	unsigned char bit = (unsigned char)(1u << kind);
	runtime_lock(&host->lock);
	host->is_refused[index] =
		(unsigned char)(is_refused ? host->is_refused[index] | bit
					   : host->is_refused[index] & ~(unsigned)bit);
	runtime_unlock(&host->lock);
}

enum host_page host_page(struct host *host, uint32_t index)
{
	runtime_lock(&host->lock);
	enum host_page result = host->pages[index];
	runtime_unlock(&host->lock);
	return result;
}

uint64_t host_n_held(struct host *host)
{
	runtime_lock(&host->lock);
	uint64_t result = host->n_held;
	runtime_unlock(&host->lock);
	return result;
}

uint64_t host_n_requests(struct host *host)
{
	runtime_lock(&host->lock);
	uint64_t result = host->n_requests;
	runtime_unlock(&host->lock);
	return result;
}

size_t host_n_kept(struct host *host)
{
	runtime_lock(&host->lock);
	size_t result = host->n_kept;
	runtime_unlock(&host->lock);
	return result;
}
