/* SPDX-License-Identifier: MIT */
/*
 * A host that does what a test tells it: takes, refuses, takes half, answers late or never or twice or
 * nonsense, or is gone. It keeps counts of its own, page by page, and holds every request against them.
 */
#ifndef DRIVER_HOST_H
#define DRIVER_HOST_H

#include <balloon/channel-ops.h>

#include "runtime.h"

enum host_behaviour {
	HOST_TAKES,   /* does all of it, at once */
	HOST_REFUSES, /* does nothing of it: -EIO */
	HOST_HALVES,  /* does the first half of it: -EIO */
	HOST_REJECTS, /* does not let itself be told: submit fails with -EIO */
	HOST_IS_LATE, /* answers when the next request has come, or host_answer() is called */
	HOST_KEEPS,   /* answers when host_answer() is called */
	HOST_TWICE,   /* answers twice */
	HOST_WRONG,   /* answers with numbers that cannot be, then rightly */
	HOST_GONE,    /* from this request on there is nobody */
	HOST_N_BEHAVIOURS,
};

/** Whose a page is, as the host sees it. */
enum host_page {
	HOST_PAGE_GUEST,
	HOST_PAGE_HOST,
	HOST_PAGE_ASKED, /* in a request that has not been answered */
};

enum { HOST_KEPT_MAX = 16, HOST_DESCRIPTOR = 1234 };

struct host_answer {
	struct balloon_request *request;
	uint64_t id;
	uint32_t n_done;
	int error;
};

struct host {
	struct balloon_channel channel;
	/* Called when a request has come, with no lock held. May be NULL. */
	void (*on_submit)(void *context);
	void *on_submit_context;
	struct runtime_lock lock; /* protects the rest */
	uint32_t n_pages;
	unsigned char *pages; /* enum host_page */
	uint64_t n_requests;
	uint64_t n_held;  /* pages that are the host's */
	uint32_t largest; /* pages of a request */
	uint64_t n_ranges;
	uint32_t most_ranges; /* of a request */
	/* The request with this number, counted from 1, is treated so; or all from it on. */
	uint64_t fault_at;
	bool goes_on;
	enum host_behaviour fault;
	unsigned fault_kinds;      /* bits of 1 << enum balloon_request_kind; 0: all */
	int reason;                /* of refusals; 0: -EIO */
	unsigned char *is_refused; /* pages that the host stops at, for ever: the same bits */
	int reset_error;           /* what a reset comes to; 0: it lets go */
	/* Not answered yet, the oldest first, and since when. */
	struct balloon_request *kept[HOST_KEPT_MAX];
	uint64_t kept_ns[HOST_KEPT_MAX];
	size_t n_kept;
	size_t most_kept; /* so many at once, at most */
	/* Of a polled host: answers that poll() takes. */
	bool is_polled;
	struct host_answer ready[HOST_KEPT_MAX];
	size_t n_ready;
	struct balloon_event bell;
	const char *violation; /* what the guest did that it must not; the first one */
};

void host_init(struct host *host, uint32_t n_pages);
void host_fini(struct host *host);

/** Before the channel is a driver's: it has to be polled for its answers. */
void host_be_polled(struct host *host);

/** The host lets go of everything, as in a reset: all pages are the guest's. */
void host_let_go(struct host *host);

/** Treat the n-th request from now (1: the next) so. */
void host_at(struct host *host, uint64_t n, enum host_behaviour behaviour);
/** Treat all requests from now on so. */
void host_always(struct host *host, enum host_behaviour behaviour);

/** Answer what is kept, newest first: n_done pages of each (UINT32_MAX: all). Returns how many. */
size_t host_answer(struct host *host, uint32_t n_done);
/** The same for the oldest alone. Returns whether there was one. */
bool host_answer_oldest(struct host *host, uint32_t n_done);
/** Stop at this page whenever it is in a request of this kind; or do so no more. */
void host_refuse_page(
	struct host *host, uint32_t index, enum balloon_request_kind kind, bool is_refused);

enum host_page host_page(struct host *host, uint32_t index);
uint64_t host_n_held(struct host *host);
uint64_t host_n_requests(struct host *host);

#endif
