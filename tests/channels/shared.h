/* SPDX-License-Identifier: MIT */
/* Memory of a memfd, the sockets between a guest and its host, and a host in a thread. */
#ifndef CHANNELS_SHARED_H
#define CHANNELS_SHARED_H

#include <pthread.h>

#include <balloon/memfd-host.h>

#include "memory.h"

/** A memfd of the system's pages, each of which is filled with a value of its own. */
struct shared {
	struct memory memory;
	int memfd;
};

void shared_map(struct shared *shared, uint32_t n_pages);
void shared_unmap(const struct shared *shared);
/** What the kernel has behind it, in pages, as fstat() says. */
uint64_t shared_n_resident(const struct shared *shared);

/** Two ends of a connection; either may be closed early, and is -1 then. */
struct ends {
	int guest;
	int host;
};

void ends_open(struct ends *ends);
void ends_close_host(struct ends *ends);
void ends_close(struct ends *ends);

/** A host that serves one guest in a thread, until that is gone. */
struct host_thread {
	pthread_t thread;
	int socket_fd; /* the thread's, who closes it */
	uint64_t max_pages;
	uint32_t delay_ms;                     /* before each message, once it is there */
	struct balloon_memfd_host_stats stats; /* when it ended */
	bool was_dropped;
};

/** Takes the host's end over. */
void host_thread_start(
	struct host_thread *host, struct ends *ends, uint64_t max_pages, uint32_t delay_ms);
/** The guest's end has been closed or shut down: wait for the host's. */
void host_thread_join(struct host_thread *host);

#endif
