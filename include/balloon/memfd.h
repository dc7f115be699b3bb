/* SPDX-License-Identifier: MIT */
/**
 * The memfd channel, guest side: the host is another process, which shares the guest's memory.
 *
 * The memory is a memfd (memfd_create()) that the guest has mapped; page i of the map is its bytes
 * from i * page_size. Guest and host talk over a connected Unix socket, by the protocol of
 * docs/memfd-protocol.md; the host's half is <balloon/memfd-host.h> and the program
 * balloon-memfd-host. What is inflated the host punches out of the memfd, so that the machine has
 * it back; it reads as zeros until somebody writes to it. Deflating tells the host that the pages
 * are in use again.
 *
 * Neither side trusts the other. An answer that fits no request is refused and counted
 * (balloon_channel_stats()). What the guest cannot prevent: a host that has the memfd can write to
 * it.
 *
 * Answers are taken when somebody waits or polls: balloon_request_wait(), balloon_channel_sleep(),
 * balloon_channel_poll(); balloon_channel_descriptor() is the socket. Submitting never blocks:
 * -EAGAIN when the socket is full, -E2BIG for more than BALLOON_MEMFD_RANGES_MAX ranges. When the
 * host closes its end, waiting ends in -ENODEV and requests stay outstanding: until
 * balloon_channel_reset() their pages may be punched at any time.
 *
 * balloon_channel_reset() says to a host that still lives that nothing more comes, takes its
 * answers, and waits until it has closed its end. A host that keeps the protocol has answered
 * everything by then and punches nothing any more. If it has not closed in time, as one that is
 * stopped, the result is -ETIMEDOUT: it still may punch what it was asked to, and nothing is taken
 * back. -EBADF: the socket was closed here.
 *
 * After fork() a child's copy of the channel leaves socket and host alone: requests and waits are -ENODEV, a
 * reset -EBADF. The memory is the parent's too: what the child writes there the parent finds.
 *
 * Hosted programs on Linux, 4.14 or later.
 */
#ifndef BALLOON_MEMFD_H
#define BALLOON_MEMFD_H

#include <balloon/channel.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
	/** More ranges than so many are too much for a request. */
	BALLOON_MEMFD_RANGES_MAX = 4096,
	/** How long a reset waits for the host, in nanoseconds, if nothing else is said. */
	BALLOON_MEMFD_FAREWELL_NS = 1000000000,
};

/** Zero-initialise it and set what differs. The descriptors stay the caller's, until the end. */
struct balloon_memfd_config {
	/** Connected, AF_UNIX, SOCK_SEQPACKET; nobody else uses it. */
	int socket_fd;
	/** The memory. It gets the seal F_SEAL_SHRINK: the host demands that it cannot shrink. */
	int memfd;
	/** Of the map's pages, in bytes: a power of two, a multiple of the system's; 0: the system's. */
	uint32_t page_size;
	uint32_t n_pages;
	/** How long the host may take to accept the memory; 0 means 5 s. */
	uint64_t hello_timeout_ns;
	/** How long a reset waits for the host to close its end; 0 means BALLOON_MEMFD_FAREWELL_NS. */
	uint64_t farewell_timeout_ns;
};

/**
 * Introduce the memory to the host, wait for its consent, and make the channel.
 *
 * Returns 0; -EINVAL: a null pointer, no pages, a bad page size, more pages than the memory has, no
 * socket of that kind, a descriptor that takes no seals; -EPERM: the seals are sealed; -EROFS: nothing can be
 * punched out of the memory: it is sealed against writing, or opened for reading only; -EOPNOTSUPP: it consists
 * of huge pages that are larger than the map's; -ENOMEM;
 * -ETIMEDOUT: no answer; -ENODEV: the host is gone; -EPROTO: its answer makes no sense; else why the host
 * refuses; or a negative errno of eventfd(), by which waiting threads are woken, or of madvise(), by which a
 * child's copy is known. Context: thread.
 */
BALLOON_EXPORT int balloon_memfd_create(
	const struct balloon_memfd_config *config, struct balloon_channel **channel);

/**
 * End it; the socket is as it was. Returns 0; -EINVAL; -EBUSY: as balloon_channel_fini().
 * Threads: the caller serialises it against every other call. Context: thread.
 */
BALLOON_EXPORT int balloon_memfd_destroy(struct balloon_channel *channel);

#ifdef __cplusplus
}
#endif

#endif
