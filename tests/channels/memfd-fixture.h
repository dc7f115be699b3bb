/* SPDX-License-Identifier: MIT */
/* A guest of a memfd channel, with a host that keeps the protocol, or with one that the test plays. */
#ifndef CHANNELS_MEMFD_FIXTURE_H
#define CHANNELS_MEMFD_FIXTURE_H

#include <balloon/memfd.h>

#include "channels/memfd/wire.h"
#include "deadlines.h"
#include "shared.h"

enum { PAGES = 64 };

struct memfd_fixture {
	struct shared shared;
	struct ends ends;
	struct host_thread host;
	struct balloon_channel *channel;
	struct balloon_request *request; /* of room for PAGES pages */
};

struct balloon_memfd_config config_of(const struct memfd_fixture *s);

/** Memory and sockets alone. */
void open_memory(struct memfd_fixture *s);
void close_memory(struct memfd_fixture *s);

/** With a host in a thread. max_pages: what it takes; delay_ms: how slow it is. */
void open_slow(struct memfd_fixture *s, uint64_t max_pages, uint32_t delay_ms);
void open_all(struct memfd_fixture *s, uint64_t max_pages);
void close_all(struct memfd_fixture *s);

/** Tell the host about n pages, first, first + step, ..., and expect this answer. */
void tell(struct memfd_fixture *s, enum balloon_request_kind kind, uint32_t first, uint32_t step,
	uint32_t n, uint32_t n_done, int error);

/** What a host that the test plays says to the guest. */
void say(struct memfd_fixture *s, const unsigned char *bytes, size_t n_bytes);
void say_answer(struct memfd_fixture *s, uint64_t id, uint32_t n_done, int error);
/** An answer as bytes. */
void answer(unsigned char *bytes, uint64_t id, uint32_t n_done, int error);

/** What that host is asked, without the descriptor that comes with it; 0: nothing. */
size_t hear(struct memfd_fixture *s, unsigned char *bytes, size_t room);

#endif
