/* SPDX-License-Identifier: MIT */
/*
 * A memfd channel's traffic, guest side.
 *
 * One packet a request and one an answer. A packet is sent whole or not at all, so a full socket
 * costs a request nothing but another try. Whatever the host sends is read into a small buffer:
 * what does not fit there is no answer.
 *
 * A poller sleeps on the socket and on an eventfd at once. Who wakes it writes to the eventfd only
 * if it is asleep: mostly it is the poller itself, who completes what it waits for.
 */

#define _GNU_SOURCE 1 /* ppoll(), POLLRDHUP */

#include "channels/memfd/guest.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "channels/channel.h"
#include "channels/memfd/wire.h"
#include "platform/quiet.h"

enum {
	ANSWERS_A_POLL = 64, /* a host that never stops talking keeps nobody for ever */
	NS_PER_S = 1000000000,
};

static struct balloon_memfd_guest *of(struct balloon_channel *channel)
{
	return (struct balloon_memfd_guest *)(void *)channel;
}

/* ---- Requests -------------------------------------------------------------------------------- */

static size_t make_request(const struct balloon_request *request)
{
	unsigned char *message = BALLOON_READ(request->scratch);
	const struct balloon_range *ranges = BALLOON_READ(request->ranges);
	uint32_t n_ranges = BALLOON_READ(request->n_ranges);
	uint32_t n_bytes = REQUEST_RANGES + n_ranges * RANGE_BYTES;
	bool is_inflate = BALLOON_READ(request->kind) == BALLOON_REQUEST_INFLATE;
	memfd_put_header(message, is_inflate ? MEMFD_INFLATE : MEMFD_DEFLATE, n_bytes,
		BALLOON_READ(request->id));
	memfd_put(message + REQUEST_N_RANGES, 4, n_ranges);
	memfd_put(message + REQUEST_N_PAGES, 4, BALLOON_READ(request->n_pages));
	for (uint32_t i = 0; i < n_ranges; i++) {
		unsigned char *at = message + REQUEST_RANGES + (size_t)i * RANGE_BYTES;
		struct balloon_range range = BALLOON_READ(ranges[i]);
		memfd_put(at, 4, range.first);
		memfd_put(at + 4, 4, range.n_pages);
	}
	return n_bytes;
}

int balloon_memfd_send_error(int error)
{
	switch (error) {
	case EAGAIN:
	case EINTR:
	case ENOBUFS:
	case ENOMEM:
		return -EAGAIN;
	case EMSGSIZE:
		return -E2BIG;
	default:
		return -ENODEV;
	}
}

static int send_whole(int socket_fd, const void *message, size_t n_bytes)
{
	struct quiet quiet = quiet_begin();
	int error = send(socket_fd, message, n_bytes, MSG_DONTWAIT | MSG_NOSIGNAL) == -1
			    ? balloon_memfd_send_error(errno)
			    : 0;
	quiet_end(quiet);
	return error;
}

/* Ranges ascend: if the last one is within the memory, all are. */
static bool is_within(
	const struct balloon_memfd_guest *guest, const struct balloon_request *request)
{
	const struct balloon_range *ranges = BALLOON_READ(request->ranges);
	uint32_t n_ranges = BALLOON_READ(request->n_ranges);
	struct balloon_range last = BALLOON_READ(ranges[n_ranges - 1]);
	uint32_t n_pages = guest->channel.geometry.n_pages;
	return last.first < n_pages && last.n_pages <= n_pages - last.first;
}

static int submit(struct balloon_channel *channel, struct balloon_request *request)
{
	struct balloon_memfd_guest *guest = of(channel);
	if (!is_within(guest, request))
		return -EINVAL;
	if (!birthmark_is_here(&guest->birthmark))
		return -ENODEV;
	size_t n_bytes = make_request(request);
	return send_whole(guest->socket_fd, BALLOON_READ(request->scratch), n_bytes);
}

/* ---- Answers --------------------------------------------------------------------------------- */

bool balloon_memfd_read_answer(
	const unsigned char *bytes, size_t n_bytes, struct memfd_answer *answer)
{
	struct memfd_header header;
	if (n_bytes != BALLOON_MEMFD_ANSWER_BYTES || !memfd_get_header(bytes, n_bytes, &header) ||
		header.type != MEMFD_ANSWER || header.version != MEMFD_VERSION)
		return false;
	uint32_t minus_error = 0u - memfd_get32(bytes + ANSWER_ERROR);
	if (minus_error > MEMFD_ERROR_MAX)
		return false;
	answer->id = header.id;
	answer->n_done = memfd_get32(bytes + ANSWER_N_DONE);
	answer->error = -(int)minus_error;
	return true;
}

void balloon_memfd_take_answer(
	struct balloon_channel *channel, const unsigned char *bytes, size_t n_bytes)
{
	struct memfd_answer answer;
	if (balloon_memfd_read_answer(bytes, n_bytes, &answer))
		balloon_request_complete_id(channel, answer.id, answer.n_done, answer.error);
	else
		balloon_channel_count_stray(channel);
}

/* What poll() says of the socket now, unasked or asked for. A pending signal is no news of it. */
static short look_at(int socket_fd, short events)
{
	struct pollfd poll_fd = {.fd = socket_fd, .events = events};
	struct quiet quiet = quiet_begin();
	while (poll(&poll_fd, 1, 0) == -1 && errno == EINTR)
		;
	quiet_end(quiet);
	return poll_fd.revents;
}

/* An empty packet looks like the end. */
static bool is_hung_up(int socket_fd)
{
	return look_at(socket_fd, POLLRDHUP) != 0;
}

int balloon_memfd_receive(int socket_fd, unsigned char *bytes, size_t room)
{
	struct quiet quiet = quiet_begin();
	ssize_t result = recv(socket_fd, bytes, room, MSG_DONTWAIT | MSG_TRUNC);
	/* A host that went without reading everything: told once, and before what it said last. */
	if (result == -1 && errno == ECONNRESET)
		result = recv(socket_fd, bytes, room, MSG_DONTWAIT | MSG_TRUNC);
	if (result == -1)
		result = errno == EAGAIN || errno == EINTR || errno == ENOMEM ? -EAGAIN : -ENODEV;
	else if (result == 0 && is_hung_up(socket_fd))
		result = -ENODEV;
	quiet_end(quiet);
	return (int)result;
}

/* How many packets there were; -ENODEV after the last one of a host that is gone. */
static int receive_all(struct balloon_memfd_guest *guest)
{
	unsigned char bytes[BALLOON_MEMFD_ANSWER_BYTES];
	for (int n = 0; n < ANSWERS_A_POLL; n++) {
		int result = balloon_memfd_receive(guest->socket_fd, bytes, sizeof(bytes));
		if (result < 0)
			return result == -ENODEV ? result : n;
		balloon_memfd_take_answer(&guest->channel, bytes, (size_t)result);
	}
	return ANSWERS_A_POLL;
}

bool balloon_memfd_sleep(int socket_fd, int wake_fd, uint64_t deadline_ns)
{
	struct pollfd poll_fds[] = {
		{.fd = socket_fd, .events = POLLIN}, {.fd = wake_fd, .events = POLLIN}};
	uint64_t now_ns = balloon_platform_now_ns();
	uint64_t left_ns = deadline_ns > now_ns ? deadline_ns - now_ns : 0;
	uint64_t left_s = left_ns / NS_PER_S;
	/* What a time_t of 32 bits cannot say is no deadline. */
	bool has_deadline = left_s < INT32_MAX;
	struct timespec timeout = {.tv_sec = (time_t)left_s, .tv_nsec = (long)(left_ns % NS_PER_S)};
	struct quiet quiet = quiet_begin();
	ppoll(poll_fds, 2, has_deadline ? &timeout : NULL, NULL);
	quiet_end(quiet);
	return poll_fds[1].revents; /* none, if it failed */
}

/* ---- Polling, and waking who polls ----------------------------------------------------------- */

static void wake(struct balloon_channel *channel)
{
	struct balloon_memfd_guest *guest = of(channel);
	const uint64_t one = 1;
	if (!birthmark_is_here(&guest->birthmark))
		return;
	struct quiet quiet = quiet_begin();
	if (balloon_atomic_exchange(&guest->poller, MEMFD_POLLER_WOKEN, BALLOON_RELEASE) == /* M2 */
		MEMFD_POLLER_ASLEEP)
		while (write(guest->wake_fd, &one, sizeof(one)) == -1 && errno == EINTR)
			;
	quiet_end(quiet);
}

/*
 * Unless it was woken before. Afterwards it is awake for itself as well: what it completes may wake whoever polls,
 * and is no reason to write.
 */
static void sleep_as_poller(struct balloon_memfd_guest *guest, uint64_t deadline_ns)
{
	uint32_t seen = MEMFD_POLLER_AWAKE;
	uint64_t n_wakes;
	if (!balloon_atomic_cas(&guest->poller, &seen, MEMFD_POLLER_ASLEEP, BALLOON_RELAXED))
		return;
	bool is_woken = balloon_memfd_sleep(guest->socket_fd, guest->wake_fd, deadline_ns);
	seen = MEMFD_POLLER_ASLEEP;
	balloon_atomic_cas(&guest->poller, &seen, MEMFD_POLLER_AWAKE, BALLOON_RELAXED);
	/* Also by somebody who was late to wake a poller before this one. */
	if (!is_woken)
		return;
	struct quiet quiet = quiet_begin();
	ssize_t n_read = read(guest->wake_fd, &n_wakes, sizeof(n_wakes));
	(void)n_read; /* nothing: somebody else was faster */
	quiet_end(quiet);
}

static int poll_host(struct balloon_channel *channel, uint64_t deadline_ns)
{
	struct balloon_memfd_guest *guest = of(channel);
	if (!birthmark_is_here(&guest->birthmark))
		return -ENODEV;
	int result = receive_all(guest);
	if (result == 0 && deadline_ns != 0) {
		sleep_as_poller(guest, deadline_ns);
		result = receive_all(guest);
	}
	balloon_atomic_exchange(&guest->poller, MEMFD_POLLER_AWAKE, BALLOON_ACQUIRE); /* M1 */
	return result < 0 ? result : 0;
}

static int descriptor(struct balloon_channel *channel)
{
	return of(channel)->socket_fd;
}

/* ---- The end --------------------------------------------------------------------------------- */

/*
 * "Nothing more comes", and a host that keeps the protocol answers what it has, and hangs up. Until
 * then it may punch what it was asked to, so nothing but its end of the socket closed says that it
 * does not. Its answers are taken meanwhile: a host that cannot send them would not come to the
 * end.
 */
static int reset(struct balloon_channel *channel)
{
	struct balloon_memfd_guest *guest = of(channel);
	uint64_t deadline_ns = time_after(balloon_platform_now_ns(), guest->farewell_timeout_ns);
	if (!birthmark_is_here(&guest->birthmark))
		return -EBADF;
	struct quiet quiet = quiet_begin();
	shutdown(guest->socket_fd, SHUT_WR);
	quiet_end(quiet);
	for (;;) {
		bool is_over = balloon_platform_now_ns() >= deadline_ns;
		int n_received = receive_all(guest);
		/* Nothing comes any more. Because the host has closed, or for a reason of our own? */
		if (n_received < 0)
			return look_at(guest->socket_fd, 0) & POLLHUP ? 0 : -EBADF;
		if (is_over)
			return -ETIMEDOUT;
		if (n_received == 0)
			balloon_memfd_sleep(guest->socket_fd, -1, deadline_ns);
	}
}

const struct balloon_channel_ops balloon_memfd_ops = {
	.name = "memfd",
	.submit = submit,
	.poll = poll_host,
	.wake = wake,
	.descriptor = descriptor,
	.reset = reset,
};
