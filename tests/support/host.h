/* SPDX-License-Identifier: MIT */
/*
 * The tests' host, which does what it is told: takes, refuses, takes half, answers late or never or twice or
 * nonsense, or is gone. It keeps an account of its own, page by page, and holds every request against it.
 * Its answers come by themselves, or have to be polled for.
 */
#ifndef SUPPORT_HOST_H
#define SUPPORT_HOST_H

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
	HOST_SILENT,  /* answers what the test says: host_say() */
	HOST_GONE,    /* from this request on there is nobody */
	HOST_N_BEHAVIOURS,
};

/** Whose a page is, as the host sees it. */
enum host_page {
	HOST_PAGE_GUEST,
	HOST_PAGE_HOST,
	HOST_PAGE_ASKED, /* in a request that has not been answered */
};

enum { HOST_KEPT_MAX = 64, HOST_DESCRIPTOR = 1234 };

/** To a submission, by its number. request: the same is said of the request itself, too; or NULL. */
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
	unsigned char *pages; /* enum host_page; n_pages 0: there is no account of pages */
	uint64_t n_requests;
	uint64_t n_held;  /* pages that are the host's */
	uint32_t largest; /* pages of a request */
	uint64_t n_ranges;
	uint32_t most_ranges;         /* of a request */
	enum host_behaviour usual[2]; /* by enum balloon_request_kind */
	/* But the request with this number, counted from 1, is treated so; or all from it on. */
	uint64_t fault_at;
	bool goes_on;
	enum host_behaviour fault;
	int reason; /* of refusals; 0: -EIO */
	/* Pages that the host stops at, for ever: bits of 1 << enum balloon_request_kind. */
	unsigned char *is_refused;
	int reset_error; /* what a reset comes to; 0: it lets go */
	/* Not answered yet, the oldest first, and since when. */
	struct balloon_request *kept[HOST_KEPT_MAX];
	uint64_t kept_ns[HOST_KEPT_MAX];
	size_t n_kept;
	size_t most_kept;             /* so many at once, at most */
	struct balloon_event noticed; /* a request is kept, or somebody polls */
	/* Of a polled host: answers that poll() takes, the oldest first. */
	bool is_polled;
	struct host_answer ready[HOST_KEPT_MAX];
	size_t n_ready;
	bool is_gone;
	bool is_woken;      /* poll() is to return */
	uint32_t n_polling; /* threads in poll() */
	bool was_polled;
	struct balloon_event bell; /* for them */
	const char *violation;     /* what the guest did that it must not; the first one */
};

/** It takes everything. n_pages: of its account, which begins with all pages the guest's; 0: it keeps none. */
void host_init(struct host *host, uint32_t n_pages);
/** Returns what balloon_channel_fini() returns; but 0, the host is as before. */
int host_fini(struct host *host);

/** Before the channel is anybody's: it has to be polled for its answers. */
void host_be_polled(struct host *host);
/** Before it is anybody's: nobody can ask the host whether it has let go. */
void host_be_without_reset(struct host *host);

/** The host lets go of everything, as in a reset: all pages are the guest's. */
void host_let_go(struct host *host);
/** The host is gone: requests and polls fail. */
void host_leave(struct host *host);

/** Treat all requests of a kind so, but for those that the next two are about. */
void host_usually(struct host *host, enum host_behaviour inflation, enum host_behaviour deflation);
/** Treat the n-th request from now (1: the next) so. */
void host_at(struct host *host, uint64_t n, enum host_behaviour behaviour);
/** Treat all requests from now on so. */
void host_always(struct host *host, enum host_behaviour behaviour);
/** Stop at this page whenever it is in a request of this kind; or do so no more. */
void host_refuse_page(
	struct host *host, uint32_t index, enum balloon_request_kind kind, bool is_refused);

/** Wait until so many requests are kept. */
void host_await_kept(struct host *host, size_t n);
/** Wait until somebody polls. */
void host_await_poller(struct host *host);

/** Answer what is kept, newest first: n_done pages of each (UINT32_MAX: all). Returns how many. */
size_t host_answer(struct host *host, uint32_t n_done);
/** The same for the oldest alone. Returns whether there was one. */
bool host_answer_oldest(struct host *host, uint32_t n_done);
/** Keep the i-th kept request no more: the test answers it. Returns what a right answer is, or an id of 0. */
struct host_answer host_take(struct host *host, size_t i);
/** Say this, true or not, without a look at any account. */
void host_say(struct host *host, uint64_t id, uint32_t n_done, int error);

enum host_page host_page(struct host *host, uint32_t index);
uint64_t host_n_held(struct host *host);
uint64_t host_n_requests(struct host *host);
size_t host_n_kept(struct host *host);

#endif
