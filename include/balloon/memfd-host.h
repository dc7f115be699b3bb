/* SPDX-License-Identifier: MIT */
/**
 * The memfd channel, host side: what a host does with one guest's messages.
 *
 * A state machine without sockets: it is fed whole messages (docs/memfd-protocol.md), checks every number
 * in them, has pages punched by a callback and makes the answers. It keeps which pages the guest has
 * given up, one bit a page. The program balloon-memfd-host is this with sockets around it; a virtual
 * machine monitor may put it into its own event loop.
 *
 *     n = recvmsg(socket, message and descriptor)      one message of the guest
 *     memory = what fstat() and F_GET_SEALS say         if a descriptor came with it
 *     result = balloon_memfd_host_feed(host, message, n, memory, &answer)
 *     send(socket, answer.bytes, answer.n_bytes)        if n_bytes is not 0
 *     if (result < 0) close(socket)                     the guest does not keep the protocol
 *
 * Threads: the caller serialises the calls on one guest.
 */
#ifndef BALLOON_MEMFD_HOST_H
#define BALLOON_MEMFD_HOST_H

#include <balloon/memfd.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
	/** No message of a guest is longer. */
	BALLOON_MEMFD_MESSAGE_MAX = 24 + 8 * BALLOON_MEMFD_RANGES_MAX,
	BALLOON_MEMFD_ANSWER_BYTES = 24,
	/** No punch is of more, but for a single page that is larger. */
	BALLOON_MEMFD_PUNCH_BYTES = 16 << 20,
};

/** One guest. */
struct balloon_memfd_host;

/** Zero-initialise it and set what differs. */
struct balloon_memfd_host_config {
	/** The most pages that are taken from the guest at a time; 0: no limit. */
	uint64_t max_pages;
	/** The most pages that the guest's memory may have: a bit each is allocated; 0 means 2^28. */
	uint64_t max_memory_pages;
	/** The guest's page size is a multiple of this, the host's own; 0 means 4096. */
	uint32_t page_size;
	/**
	 * Punch this part, whole pages, out of the guest's memory: fallocate(FALLOC_FL_PUNCH_HOLE).
	 * A long request is several punches. The kernel lets a punch wait for as long as the guest
	 * likes, who can hold its file's lock: a host of several guests serves each in a thread or
	 * process of its own. Returns 0 or a negative errno, which becomes the answer.
	 */
	int (*punch)(void *context, uint64_t offset_bytes, uint64_t n_bytes);
	void *context;
};

/** What the host found out by itself about the descriptor that came with a message. */
struct balloon_memfd_memory {
	uint64_t size_bytes;
	bool is_sealed; /* F_SEAL_SHRINK: it stays that large */
};

/** What is to be sent to the guest. */
struct balloon_memfd_answer {
	uint32_t n_bytes; /* 0: nothing */
	unsigned char bytes[BALLOON_MEMFD_ANSWER_BYTES];
};

struct balloon_memfd_host_stats {
	uint64_t n_pages;    /* of the guest's memory; 0: it has not said hello */
	uint64_t page_size;  /* in bytes */
	uint64_t n_held;     /* pages that are the host's now */
	uint64_t n_requests; /* answered, whole or in part */
	uint64_t n_inflated; /* pages, ever */
	uint64_t n_deflated; /* pages, ever */
	uint64_t n_refused;  /* requests that were answered with an error */
};

/** Returns 0; -EINVAL: a null pointer or callback; -ENOMEM. Context: thread. */
BALLOON_EXPORT int balloon_memfd_host_create(
	const struct balloon_memfd_host_config *config, struct balloon_memfd_host **host);
BALLOON_EXPORT void balloon_memfd_host_destroy(struct balloon_memfd_host *host);

/**
 * Take one message of the guest.
 *
 * bytes, n_bytes: all of it, as one packet of the socket. memory: NULL unless exactly one descriptor came
 * with it. answer: receives what to send, also when the guest is to be dropped.
 * Returns 0; or why the guest is to be dropped: -EPROTO: the message is malformed, or out of turn, or
 * names pages that its memory does not have; for a hello the host's reason, which the answer tells:
 * -EPROTONOSUPPORT: another version; -EBADF: no descriptor came with it; -EPERM: the memory may shrink;
 * -EINVAL: a page size that does not fit, no pages, or more than the memory has; -E2BIG: more than
 * max_memory_pages; -ENOMEM.
 * A request that the guest may make and the host does not fulfil is no reason to drop it: the answer says
 * how many pages were done and -EEXIST: the next one is inflated already; -ENOENT: it is not inflated;
 * -ENOSPC: max_pages is reached; or what punch() says. Context: thread.
 */
BALLOON_EXPORT int balloon_memfd_host_feed(struct balloon_memfd_host *host, const void *bytes,
	size_t n_bytes, const struct balloon_memfd_memory *memory,
	struct balloon_memfd_answer *answer);

/** Returns 0; -EINVAL. Context: thread. */
BALLOON_EXPORT int balloon_memfd_host_stats(
	const struct balloon_memfd_host *host, struct balloon_memfd_host_stats *stats);

/** Is this page the host's? False also for what is no page. Context: thread. */
BALLOON_EXPORT bool balloon_memfd_host_has(const struct balloon_memfd_host *host, uint32_t page);

/** Recount: 0; -EINVAL; -EUCLEAN: the counts do not fit the pages. Cost: all pages.
 * Context: thread. */
BALLOON_EXPORT int balloon_memfd_host_validate(const struct balloon_memfd_host *host);

#ifdef __cplusplus
}
#endif

#endif
