/* SPDX-License-Identifier: MIT */
#define _POSIX_C_SOURCE 200809L /* nanosleep() */

#include "host.h"

#include <stdlib.h>
#include <time.h>

static void accuse(struct host *host, const char *what)
{
	if (!host->violation)
		host->violation = what;
}

/* ---- What a request has to be; the caller holds the mutex ------------------------------------ */

static void check_pages(struct host *host, const struct balloon_request *request)
{
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
	for (uint32_t i = begin; i < end; i++) {
		unsigned char *page = &host->pages[request->pages[i].index];
		host->n_held -= *page == HOST_PAGE_HOST;
		*page = (unsigned char)whose;
		host->n_held += *page == HOST_PAGE_HOST;
	}
}

/* The books come first: once the answer is out, the guest may use its pages. */
static void decide(struct host *host, const struct balloon_request *request, uint32_t n_done)
{
	bool is_inflate = request->kind == BALLOON_REQUEST_INFLATE;
	set_pages(host, request, 0, n_done, is_inflate ? HOST_PAGE_HOST : HOST_PAGE_GUEST);
	set_pages(host, request, n_done, request->n_pages,
		is_inflate ? HOST_PAGE_GUEST : HOST_PAGE_HOST);
}

static void answer(struct host *host, struct balloon_request *request, uint32_t n_done)
{
	balloon_request_complete(
		&host->channel, request, request->id, n_done, n_done < request->n_pages ? -EIO : 0);
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

static void keep(struct host *host, struct balloon_request *request)
{
	set_pages(host, request, 0, request->n_pages, HOST_PAGE_ASKED);
	if (host->n_kept < HOST_KEPT_MAX)
		host->kept[host->n_kept++] = request;
	else
		accuse(host, "the test keeps too many requests");
}

static enum host_behaviour behaviour_now(const struct host *host)
{
	bool is_now = host->fault_at != 0 &&
		      (host->n_requests == host->fault_at ||
			      (host->n_requests > host->fault_at &&
				      (host->goes_on || host->fault == HOST_GONE)));
	return is_now ? host->fault : HOST_TAKES;
}

/* What is late is answered once another request has come: out of order, then. */
static struct balloon_request *late_one(struct host *host)
{
	if (host->fault != HOST_IS_LATE || host->n_kept == 0 || behaviour_now(host) == HOST_IS_LATE)
		return NULL;
	struct balloon_request *request = host->kept[--host->n_kept];
	decide(host, request, request->n_pages);
	return request;
}

static int submit(struct balloon_channel *channel, struct balloon_request *request)
{
	struct host *host = (struct host *)(void *)channel;
	uint32_t n_done = request->n_pages;
	pthread_mutex_lock(&host->mutex);
	note(host, request);
	enum host_behaviour behaviour = behaviour_now(host);
	struct balloon_request *late = late_one(host);
	if (behaviour == HOST_IS_LATE || behaviour == HOST_KEEPS) {
		keep(host, request);
	} else if (behaviour != HOST_REJECTS && behaviour != HOST_GONE) {
		if (behaviour == HOST_REFUSES || behaviour == HOST_HALVES)
			n_done = behaviour == HOST_HALVES ? n_done / 2 : 0;
		decide(host, request, n_done);
	}
	pthread_mutex_unlock(&host->mutex);
	switch (behaviour) {
	case HOST_REJECTS:
		return -EIO;
	case HOST_GONE:
		return -ENODEV;
	case HOST_IS_LATE:
	case HOST_KEEPS:
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

static int forget(struct balloon_channel *channel)
{
	struct host *host = (struct host *)(void *)channel;
	pthread_mutex_lock(&host->mutex);
	host->n_kept = 0;
	for (uint32_t i = 0; i < host->n_pages; i++)
		host->pages[i] = HOST_PAGE_GUEST;
	host->n_held = 0;
	pthread_mutex_unlock(&host->mutex);
	return 0;
}

static const struct balloon_channel_ops ops = {
	.name = "scripted",
	.submit = submit,
	.reset = forget,
};

/* ---- For tests ------------------------------------------------------------------------------- */

void host_init(struct host *host, uint32_t n_pages)
{
	*host = (struct host){.n_pages = n_pages, .pages = calloc(n_pages, 1)};
	pthread_mutex_init(&host->mutex, NULL);
	balloon_channel_init(&host->channel, &ops);
}

void host_fini(struct host *host)
{
	balloon_channel_fini(&host->channel);
	pthread_mutex_destroy(&host->mutex);
	free(host->pages);
}

static void set_fault(struct host *host, uint64_t n, enum host_behaviour behaviour, bool goes_on)
{
	pthread_mutex_lock(&host->mutex);
	host->fault_at = host->n_requests + n;
	host->fault = behaviour;
	host->goes_on = goes_on;
	pthread_mutex_unlock(&host->mutex);
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
	pthread_mutex_lock(&host->mutex);
	size_t n = host->n_kept;
	for (size_t i = 0; i < n; i++) {
		kept[i] = host->kept[n - 1 - i];
		done[i] = n_done < kept[i]->n_pages ? n_done : kept[i]->n_pages;
		decide(host, kept[i], done[i]);
	}
	host->n_kept = 0;
	pthread_mutex_unlock(&host->mutex);
	for (size_t i = 0; i < n; i++)
		answer(host, kept[i], done[i]);
	return n;
}

void host_wait_kept(struct host *host, size_t n)
{
	for (;;) {
		pthread_mutex_lock(&host->mutex);
		bool is_there = host->n_kept >= n;
		pthread_mutex_unlock(&host->mutex);
		if (is_there)
			return;
		nanosleep(&(struct timespec){.tv_nsec = 100000}, NULL);
	}
}

enum host_page host_page(struct host *host, uint32_t index)
{
	pthread_mutex_lock(&host->mutex);
	enum host_page result = host->pages[index];
	pthread_mutex_unlock(&host->mutex);
	return result;
}

uint64_t host_n_held(struct host *host)
{
	pthread_mutex_lock(&host->mutex);
	uint64_t result = host->n_held;
	pthread_mutex_unlock(&host->mutex);
	return result;
}

uint64_t host_n_requests(struct host *host)
{
	pthread_mutex_lock(&host->mutex);
	uint64_t result = host->n_requests;
	pthread_mutex_unlock(&host->mutex);
	return result;
}
