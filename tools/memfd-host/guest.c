/* SPDX-License-Identifier: MIT */
/* One guest: its socket and its memory. What its messages mean is the library's affair. */

#define _GNU_SOURCE 1 /* fallocate(), seals */

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "program.h"

enum {
	ATTEMPTS = 16,   /* to punch, when signals interrupt; to read what is being written */
	DESCRIPTORS = 4, /* so many of a message are taken in, to be closed */
};

/* ---- What others can know -------------------------------------------------------------------- */

static void count_held(struct report *report, uint64_t n_held)
{
	struct common *common = report->common;
	uint64_t change = n_held - report->n_counted; /* modulo 2^64 */
	uint64_t n = atomic_fetch_add(&common->n_held, change) + change;
	uint64_t n_max = atomic_load(&common->n_held_max);
	while (n > n_max && !atomic_compare_exchange_weak(&common->n_held_max, &n_max, n))
		;
	report->n_counted = n_held;
}

/* Readers look at the other one of the two meanwhile. */
static void report_write(struct report *report, const struct balloon_memfd_host *host)
{
	uint32_t version = atomic_load(&report->version) + 1;
	balloon_memfd_host_stats(host, &report->stats[version % 2]);
	atomic_store(&report->version, version);
	count_held(report, report->stats[version % 2].n_held);
}

void report_end(struct report *report)
{
	count_held(report, 0);
}

void report_read(const struct report *report, struct balloon_memfd_host_stats *stats)
{
	uint32_t version;
	int n_tries = 0;
	do {
		version = atomic_load(&report->version);
		*stats = report->stats[version % 2];
		atomic_thread_fence(memory_order_acquire);
	} while (atomic_load(&report->version) != version && ++n_tries < ATTEMPTS);
}

/* ---- Life ------------------------------------------------------------------------------------ */

static int punch(void *context, uint64_t offset_bytes, uint64_t n_bytes)
{
	const struct guest *guest = context;
	if (guest->report) { /* of a long request, what was done so far */
		report_write(guest->report, guest->host);
		if (atomic_load(&guest->report->common->is_over))
			return -ECANCELED;
	}
	if (offset_bytes > INT64_MAX || n_bytes > INT64_MAX)
		return -EFBIG;
	for (int i = 0; i < ATTEMPTS; i++) {
		sched_yield(); /* a long request takes turns with others for a processor */
		if (fallocate(guest->memfd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			    (off_t)offset_bytes, (off_t)n_bytes) == 0)
			return 0;
		if (errno != EINTR)
			break;
	}
	return -errno;
}

int guest_open(
	struct guest *guest, int socket_fd, const struct options *options, struct report *report)
{
	struct balloon_memfd_host_config config = {.max_pages = options->max_pages,
		.max_memory_pages = options->max_memory_pages,
		.page_size = (uint32_t)sysconf(_SC_PAGESIZE),
		.punch = punch,
		.context = guest};
	*guest = (struct guest){.report = report, .socket_fd = socket_fd, .memfd = -1};
	return balloon_memfd_host_create(&config, &guest->host);
}

void guest_close(struct guest *guest)
{
	close(guest->socket_fd);
	if (guest->memfd >= 0)
		close(guest->memfd);
	balloon_memfd_host_destroy(guest->host);
	guest->host = NULL;
}

/* ---- A packet and the descriptor that comes with it ------------------------------------------ */

struct packet {
	unsigned char bytes[BALLOON_MEMFD_MESSAGE_MAX];
	size_t n_bytes;
	int memfd; /* -1: not exactly one descriptor came with it */
};

static void take_descriptors(struct packet *packet, struct msghdr *header)
{
	int fds[DESCRIPTORS];
	size_t n_fds = 0;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(header); c; c = CMSG_NXTHDR(header, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		n_fds = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		memcpy(fds, CMSG_DATA(c), n_fds * sizeof(int));
	}
	bool is_one = n_fds == 1 && !(header->msg_flags & MSG_CTRUNC);
	packet->memfd = is_one ? fds[0] : -1;
	for (size_t i = 0; i < n_fds && !is_one; i++)
		close(fds[i]);
}

/* Returns 0; -EAGAIN: nothing there; -ECONNRESET: the guest has gone. */
static int receive(int socket_fd, struct packet *packet)
{
	_Alignas(struct cmsghdr) unsigned char control[CMSG_SPACE(DESCRIPTORS * sizeof(int))];
	struct iovec part = {packet->bytes, sizeof(packet->bytes)};
	struct msghdr header = {.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control)};
	ssize_t n = recvmsg(socket_fd, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC | MSG_TRUNC);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? -EAGAIN : -ECONNRESET;
	take_descriptors(packet, &header);
	packet->n_bytes = (size_t)n;
	/* An empty packet is no message either. */
	return n == 0 ? -ECONNRESET : 0;
}

static bool look_at_memory(int memfd, struct balloon_memfd_memory *memory)
{
	struct stat status;
	*memory = (struct balloon_memfd_memory){.size_bytes = 0};
	if (memfd < 0)
		return false;
	/* What has no seals is not asked for its size: a file of any kind may take for ever to say. */
	int seals = fcntl(memfd, F_GET_SEALS);
	if (seals < 0)
		return true;
	if (fstat(memfd, &status) < 0 || status.st_size < 0)
		return false;
	memory->size_bytes = (uint64_t)status.st_size;
	memory->is_sealed = seals & F_SEAL_SHRINK;
	return true;
}

/* ---- Serving --------------------------------------------------------------------------------- */

/* What cannot be sent now stays, and nothing more is read until it could. */
static enum guest_result send_answer(struct guest *guest)
{
	if (guest->answer.n_bytes == 0)
		return GUEST_STAYS;
	ssize_t result = send(guest->socket_fd, guest->answer.bytes, guest->answer.n_bytes,
		MSG_DONTWAIT | MSG_NOSIGNAL);
	if (result < 0)
		return errno == EAGAIN || errno == EINTR || errno == ENOBUFS ? GUEST_STAYS
									     : GUEST_LEFT;
	guest->answer.n_bytes = 0;
	return GUEST_STAYS;
}

/* Returns what the library says. The descriptor is the guest's, or closed. */
static int feed(struct guest *guest, const struct packet *packet)
{
	struct balloon_memfd_memory memory;
	bool has_memory = look_at_memory(packet->memfd, &memory);
	bool is_first = guest->memfd < 0;
	if (is_first)
		guest->memfd = packet->memfd;
	else if (packet->memfd >= 0)
		close(packet->memfd);
	if (packet->n_bytes > sizeof(packet->bytes))
		return -EPROTO;
	int result = balloon_memfd_host_feed(guest->host, packet->bytes, packet->n_bytes,
		has_memory ? &memory : NULL, &guest->answer);
	if (guest->report)
		report_write(guest->report, guest->host);
	return result;
}

enum guest_result guest_serve(struct guest *guest)
{
	static struct packet packet; /* large, and one at a time */
	if (guest->answer.n_bytes != 0)
		return send_answer(guest);
	int result = receive(guest->socket_fd, &packet);
	if (result < 0)
		return result == -EAGAIN ? GUEST_STAYS : GUEST_LEFT;
	result = feed(guest, &packet);
	enum guest_result sent = send_answer(guest);
	return result < 0 ? GUEST_DROPPED : sent;
}

/* ---- At the listener ----------------------------------------------------------------------------- */

/*
 * Look at the next message without room for its bytes or descriptors. Returns its length, 0 if it is empty
 * or none is there and none will come, or -1. has_more: descriptors, or its sender if that was asked for.
 */
static ssize_t peek(int socket_fd, bool *has_more)
{
	struct msghdr header = {.msg_iovlen = 0};
	ssize_t n = -1;
	errno = ECONNRESET;
	/* That the guest has gone is an error once, before what it has left behind. */
	for (int i = 0; i < 2 && n < 0 && errno == ECONNRESET; i++)
		n = recvmsg(socket_fd, &header, MSG_PEEK | MSG_DONTWAIT | MSG_TRUNC);
	*has_more = n >= 0 && (header.msg_flags & MSG_CTRUNC);
	return n;
}

enum guest_result guest_greet(int socket_fd, const struct options *options, struct report *report)
{
	struct guest guest;
	bool has_descriptors;
	if (peek(socket_fd, &has_descriptors) < 0 || has_descriptors ||
		guest_open(&guest, socket_fd, options, report) < 0)
		return GUEST_STAYS;
	enum guest_result result = guest_serve(&guest);
	balloon_memfd_host_destroy(guest.host);
	return result;
}

bool guest_hang_up(int socket_fd)
{
	const int on = 1;
	bool is_message;
	/* Nothing more can come, and each message that waits has more than bytes: its sender. */
	if (shutdown(socket_fd, SHUT_RD) < 0 ||
		setsockopt(socket_fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) < 0 ||
		peek(socket_fd, &is_message) != 0 || is_message)
		return false;
	close(socket_fd);
	return true;
}
