/* SPDX-License-Identifier: MIT */
/* The guest's end of a memfd channel. */
#ifndef BALLOON_MEMFD_GUEST_H
#define BALLOON_MEMFD_GUEST_H

#include <balloon/memfd.h>

struct balloon_memfd_guest {
	struct balloon_channel channel;
	int socket_fd;    /* constant, as n_pages */
	uint32_t n_pages; /* of the map */
};

extern const struct balloon_channel_ops balloon_memfd_ops;

/** Sleep until there is something to receive, a signal, or the deadline. */
void balloon_memfd_sleep(int socket_fd, uint64_t deadline_ns);

/**
 * Receive one packet without waiting. Returns its length, which may be more than the room; -EAGAIN: none
 * yet; -ENODEV: the host is gone.
 */
int balloon_memfd_receive(int socket_fd, unsigned char *bytes, size_t room);

/** What a failed send says about the host. */
int balloon_memfd_send_error(int error);

#endif
