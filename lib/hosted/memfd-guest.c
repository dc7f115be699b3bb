/* SPDX-License-Identifier: MIT */
/*
 * A memfd channel's traffic, guest side.
 *
 * One packet a request and one an answer. A packet is sent whole or not at all, so a full socket costs a
 * request nothing but another try. Whatever the host sends is read into a small buffer: what does not fit
 * there is no answer.
 */

#define _GNU_SOURCE /* ppoll(), POLLRDHUP */

#include "memfd-guest.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>

#include "memfd-wire.h"

enum {
	ATTEMPTS = 16,       /* to send, when signals interrupt */
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
	unsigned char *message = request->scratch;
	uint32_t n_bytes = REQUEST_RANGES + request->n_ranges * RANGE_BYTES;
	memfd_put_header(message,
		request->kind == BALLOON_REQUEST_INFLATE ? MEMFD_INFLATE : MEMFD_DEFLATE, n_bytes,
		request->id);
	memfd_put(message + REQUEST_N_RANGES, 4, request->n_ranges);
	memfd_put(message + REQUEST_N_PAGES, 4, request->n_pages);
	for (uint32_t i = 0; i < request->n_ranges; i++) {
		unsigned char *at = message + REQUEST_RANGES + (size_t)i * RANGE_BYTES;
		memfd_put(at, 4, request->ranges[i].first);
		memfd_put(at + 4, 4, request->ranges[i].n_pages);
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
	int saved = errno;
	ssize_t result = -1;
	errno = EINTR;
	for (int i = 0; i < ATTEMPTS && result < 0 && errno == EINTR; i++)
		result = send(socket_fd, message, n_bytes, MSG_DONTWAIT | MSG_NOSIGNAL);
	int error = result < 0 ? balloon_memfd_send_error(errno) : 0;
	errno = saved;
	return error;
}

/* Ranges ascend: if the last one is within the memory, all are. */
static bool is_within(
	const struct balloon_memfd_guest *guest, const struct balloon_request *request)
{
	struct balloon_range last = request->ranges[request->n_ranges - 1];
	return last.first < guest->n_pages && last.n_pages <= guest->n_pages - last.first;
}

static int submit(struct balloon_channel *channel, struct balloon_request *request)
{
	struct balloon_memfd_guest *guest = of(channel);
	if (!is_within(guest, request))
		return -EINVAL;
	if (request->n_ranges > BALLOON_MEMFD_RANGES_MAX)
		return -E2BIG;
	return send_whole(guest->socket_fd, request->scratch, make_request(request));
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

/* An empty packet looks like the end. */
static bool is_hung_up(int socket_fd)
{
	struct pollfd poll_fd = {.fd = socket_fd, .events = POLLRDHUP};
	return poll(&poll_fd, 1, 0) != 0;
}

int balloon_memfd_receive(int socket_fd, unsigned char *bytes, size_t room)
{
	int saved = errno;
	ssize_t result = recv(socket_fd, bytes, room, MSG_DONTWAIT | MSG_TRUNC);
	/* A host that went without reading everything: told once, and before what it said last. */
	if (result < 0 && errno == ECONNRESET)
		result = recv(socket_fd, bytes, room, MSG_DONTWAIT | MSG_TRUNC);
	if (result < 0)
		result = errno == EAGAIN || errno == EINTR || errno == ENOMEM ? -EAGAIN : -ENODEV;
	else if (result == 0 && is_hung_up(socket_fd))
		result = -ENODEV;
	errno = saved;
	return (int)result;
}

/* How many packets there were; -ENODEV behind the last one of a host that is gone. */
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

void balloon_memfd_sleep(int socket_fd, uint64_t deadline_ns)
{
	struct pollfd poll_fd = {.fd = socket_fd, .events = POLLIN};
	uint64_t now_ns = balloon_platform_now_ns();
	uint64_t left_ns = deadline_ns > now_ns ? deadline_ns - now_ns : 0;
	struct timespec timeout = {
		.tv_sec = (time_t)(left_ns / NS_PER_S), .tv_nsec = (long)(left_ns % NS_PER_S)};
	int saved = errno;
	ppoll(&poll_fd, 1, deadline_ns == BALLOON_NEVER ? NULL : &timeout, NULL);
	errno = saved;
}

static int poll_host(struct balloon_channel *channel, uint64_t deadline_ns)
{
	struct balloon_memfd_guest *guest = of(channel);
	int result = receive_all(guest);
	if (result == 0 && deadline_ns != 0) {
		balloon_memfd_sleep(guest->socket_fd, deadline_ns);
		result = receive_all(guest);
	}
	return result < 0 ? result : 0;
}

/* ---- The end --------------------------------------------------------------------------------- */

/*
 * "Nothing more comes", and a host that keeps the protocol answers what it has, and hangs up. Until
 * then it may punch what it was asked to, so this waits; but not for a host that hangs.
 */
static void reset(struct balloon_channel *channel)
{
	int socket_fd = of(channel)->socket_fd;
	struct pollfd poll_fd = {.fd = socket_fd, .events = 0}; /* POLLHUP comes unasked */
	uint64_t deadline_ns = balloon_platform_now_ns() + BALLOON_MEMFD_FAREWELL_NS;
	int saved = errno;
	shutdown(socket_fd, SHUT_WR);
	while (poll(&poll_fd, 1, 10) <= 0 && balloon_platform_now_ns() < deadline_ns)
		;
	shutdown(socket_fd, SHUT_RDWR);
	errno = saved;
}

const struct balloon_channel_ops balloon_memfd_ops = {
	.name = "memfd",
	.submit = submit,
	.poll = poll_host,
	.reset = reset,
};
