/* SPDX-License-Identifier: MIT */
/*
 * A host that says what it is told to say. Two kinds of channel lead to it: one that has to be polled
 * for what it said, and one whose answers come by threads of the program's own.
 */
#ifndef CHANNELS_FAKE_HOST_H
#define CHANNELS_FAKE_HOST_H

#include <pthread.h>

#include <balloon/channel-ops.h>

enum { FAKE_HOST_WORDS = 64 };

struct fake_host_answer {
	uint64_t id;
	uint32_t n_done;
	int error;
};

struct fake_host {
	struct balloon_channel channel;
	struct balloon_event said;                      /* something was, or the host is gone */
	pthread_mutex_t mutex;                          /* protects the rest */
	struct fake_host_answer words[FAKE_HOST_WORDS]; /* said and not yet fetched: a ring */
	struct fake_host_answer
		asked[FAKE_HOST_WORDS]; /* requests, with all of their pages: a ring */
	uint64_t n_asked;
	uint64_t n_heard;
	uint64_t n_said;
	uint64_t n_fetched;
	uint32_t n_polling;     /* threads in poll() now */
	uint32_t n_polling_max; /* and ever at a time */
	uint32_t n_polls;
	int submit_error; /* what submit() returns */
	int reset_result; /* what reset() returns */
	bool is_gone;
	bool is_woken;  /* poll() is to return */
	bool is_prompt; /* everything is answered at once */
};

/** is_polled: which of the two kinds. */
void fake_host_init(struct fake_host *fake_host, bool is_polled);
/** Returns what balloon_channel_fini() returns. */
int fake_host_fini(struct fake_host *fake_host);

/** Let the host answer, and whoever polls find out. */
void fake_host_say(struct fake_host *fake_host, uint64_t id, uint32_t n_done, int error);
/** Wait until somebody polls. */
void fake_host_await_poller(struct fake_host *fake_host);
/** What the host is asked next, in n_done how many pages; false: nothing now. */
bool fake_host_hear(struct fake_host *fake_host, struct fake_host_answer *asked);
/** Let the host be gone. */
void fake_host_leave(struct fake_host *fake_host);

#endif
