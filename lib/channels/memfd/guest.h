/* SPDX-License-Identifier: MIT */
/* The guest's end of a memfd channel. */
#ifndef BALLOON_CHANNELS_MEMFD_GUEST_H
#define BALLOON_CHANNELS_MEMFD_GUEST_H

#include <balloon/channel-ops.h>
#include <balloon/memfd.h>

#include "platform/birthmark.h"

struct balloon_memfd_guest {
	struct balloon_channel channel;
	/* Constant. */
	int socket_fd;
	int wake_fd; /* an eventfd, written to when the poller has to wake up */
	uint64_t farewell_timeout_ns;
	struct balloon_birthmark birthmark; /* a child's copy leaves the socket alone */
	struct balloon_atomic_u32 poller;   /* enum memfd_poller */
};

/*
 * M1 (acquire), where the poller leaves, pairs with M2 (release) where somebody wakes it: it finds
 * what it was woken for. Without the pair it could look too early, and sleep again.
 */
enum memfd_poller {
	MEMFD_POLLER_AWAKE, /* or there is none */
	MEMFD_POLLER_ASLEEP,
	MEMFD_POLLER_WOKEN, /* the one that is there, or else the next one, returns soon */
};

extern const struct balloon_channel_ops balloon_memfd_ops;

/**
 * Sleep until there is something to receive, a signal, or the deadline, or wake_fd is readable; -1:
 * none. Returns whether that is readable.
 */
bool balloon_memfd_sleep(int socket_fd, int wake_fd, uint64_t deadline_ns);

/**
 * Receive one packet without waiting. Returns its length, which may be more than the room; -EAGAIN:
 * none yet; -ENODEV: the host is gone.
 */
int balloon_memfd_receive(int socket_fd, unsigned char *bytes, size_t room);

/** What a failed send says about the host. */
int balloon_memfd_send_error(int error);

/** An answer of the host. */
struct memfd_answer {
	uint64_t id;
	uint32_t n_done;
	int error;
};

/** Read an answer. False: it is none, or its numbers are out of bounds. */
bool balloon_memfd_read_answer(
	const unsigned char *bytes, size_t n_bytes, struct memfd_answer *answer);

/** Complete what a message of the host names, or count it as stray. */
void balloon_memfd_take_answer(
	struct balloon_channel *channel, const unsigned char *bytes, size_t n_bytes);

#endif
