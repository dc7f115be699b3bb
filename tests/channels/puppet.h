/* SPDX-License-Identifier: MIT */
/*
 * A host that says what it is told to say. Two kinds of channel lead to it: one that has to be polled
 * for what it said, and one whose answers come by threads of the program's own.
 */
#ifndef CHANNELS_PUPPET_H
#define CHANNELS_PUPPET_H

#include <pthread.h>

#include <balloon/channel.h>

enum { PUPPET_WORDS = 64 };

struct puppet_answer {
	uint64_t id;
	uint32_t n_done;
	int error;
};

struct puppet {
	struct balloon_channel channel;
	struct balloon_event said;                /* something was, or the host is gone */
	pthread_mutex_t mutex;                    /* protects the rest */
	struct puppet_answer words[PUPPET_WORDS]; /* said and not yet fetched: a ring */
	struct puppet_answer asked[PUPPET_WORDS]; /* requests, with all of their pages: a ring */
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
void puppet_init(struct puppet *puppet, bool is_polled);
/** Returns what balloon_channel_fini() returns. */
int puppet_fini(struct puppet *puppet);

/** Let the host answer, and whoever polls find out. */
void puppet_say(struct puppet *puppet, uint64_t id, uint32_t n_done, int error);
/** Wait until somebody polls. */
void puppet_await_poller(struct puppet *puppet);
/** What the host is asked next, in n_done how many pages; false: nothing now. */
bool puppet_hear(struct puppet *puppet, struct puppet_answer *asked);
/** Let the host be gone. */
void puppet_leave(struct puppet *puppet);

#endif
