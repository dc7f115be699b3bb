/* SPDX-License-Identifier: MIT */
/* Shared memory: the memfd channel, whose host is another process, and raw calls on the same. */
#define _GNU_SOURCE 1 /* fallocate(), F_GET_SEALS */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <balloon/memfd-host.h>
#include <balloon/memfd.h>

#include "system/by-channel.h"

/* ---- System calls ---------------------------------------------------------------------------- */

static int punch(int memfd, uint64_t offset_bytes, uint64_t n_bytes)
{
	int mode = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
	return fallocate(memfd, mode, (off_t)offset_bytes, (off_t)n_bytes) < 0 ? -errno : 0;
}

static int punch_pages(const struct region *region, struct balloon_page page, size_t n_pages)
{
	return punch(region->memfd, (uint64_t)page.index * region->page_bytes,
		(uint64_t)n_pages * region->page_bytes);
}

static const struct releaser raw_one_call = {
	"raw-one-call", "raw", .call = "fallocate", .inflate = give_at_once, .give = punch_pages};
static const struct releaser raw_per_page = {"raw-per-page", "raw", .call = "fallocate",
	.inflate = give_each, .cycle = give_some, .give = punch_pages};

/* ---- The host, in a process of its own: sockets around the library ----------------------------- */

static int punch_for_guest(void *context, uint64_t offset_bytes, uint64_t n_bytes)
{
	const int *memory = context;
	return punch(*memory, offset_bytes, n_bytes);
}

/* What came with a message: -1: no descriptor. */
static int descriptor_of(struct msghdr *message)
{
	struct cmsghdr *control = CMSG_FIRSTHDR(message);
	int descriptor = -1;
	if (control && control->cmsg_level == SOL_SOCKET && control->cmsg_type == SCM_RIGHTS)
		memcpy(&descriptor, CMSG_DATA(control), sizeof descriptor);
	return descriptor;
}

/* Returns the message's length; 0 or less: there is nobody any more. */
static ssize_t receive(int socket, void *bytes, size_t size, int *descriptor)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec place = {bytes, size};
	struct msghdr message = {.msg_iov = &place,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof control.bytes};
	ssize_t n;
	do
		n = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	*descriptor = n > 0 ? descriptor_of(&message) : -1;
	return n;
}

static struct balloon_memfd_memory look_at(int descriptor)
{
	struct stat status = {.st_size = 0};
	int seals = fcntl(descriptor, F_GET_SEALS);
	fstat(descriptor, &status);
	return (struct balloon_memfd_memory){.size_bytes = (uint64_t)status.st_size,
		.is_sealed = seals >= 0 && (seals & F_SEAL_SHRINK)};
}

/* One message and its answer. Returns whether there is another one to come. */
static bool serve(struct balloon_memfd_host *host, int socket, int *memory)
{
	static unsigned char bytes[BALLOON_MEMFD_MESSAGE_MAX];
	struct balloon_memfd_answer answer;
	struct balloon_memfd_memory seen;
	int descriptor;
	ssize_t n = receive(socket, bytes, sizeof bytes, &descriptor);
	if (n <= 0)
		return false;
	if (descriptor >= 0) {
		*memory = descriptor;
		seen = look_at(descriptor);
	}
	int result = balloon_memfd_host_feed(
		host, bytes, (size_t)n, descriptor >= 0 ? &seen : NULL, &answer);
	if (answer.n_bytes > 0 && send(socket, answer.bytes, answer.n_bytes, MSG_NOSIGNAL) < 0)
		return false;
	return result == 0;
}

/* Serve the guest at the other end of this socket until it closes it; then end the process. */
_Noreturn static void run_host(int socket)
{
	int memory = -1;
	struct balloon_memfd_host *host;
	const struct balloon_memfd_host_config config = {
		.punch = punch_for_guest, .context = &memory};
	signal(SIGINT, SIG_IGN); /* a terminal's interrupt is the guest's affair */
	if (balloon_memfd_host_create(&config, &host) < 0)
		_exit(1);
	while (serve(host, socket, &memory))
		;
	_exit(0);
}

/* ---- The channel ----------------------------------------------------------------------------- */

struct shared {
	struct by_channel by_channel; /* the first one: what by-channel.h's releasers take it for */
	int socket;
	pid_t host;
};

static void end_host(const struct shared *shared)
{
	close(shared->socket); /* which ends it */
	while (waitpid(shared->host, NULL, 0) < 0 && errno == EINTR)
		;
}

/* Returns 0 or a negative errno. */
static int begin_host(struct shared *shared)
{
	int sockets[2];
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) < 0)
		return -errno;
	shared->socket = sockets[0];
	shared->host = fork();
	int error = errno;
	if (shared->host == 0) {
		close(sockets[0]);
		run_host(sockets[1]);
	}
	close(sockets[1]);
	if (shared->host > 0)
		return 0;
	close(sockets[0]);
	return -error;
}

static int make_channel(struct shared *shared, const struct region *region, uint32_t request)
{
	const struct balloon_memfd_config config = {.socket_fd = shared->socket,
		.memfd = region->memfd,
		.page_size = region->page_bytes,
		.n_pages = region->n_pages};
	int result = balloon_memfd_create(&config, &shared->by_channel.channel);
	if (result == 0 && (result = by_channel_init(&shared->by_channel, request)) < 0)
		balloon_memfd_destroy(shared->by_channel.channel);
	return result;
}

static int open_channel(struct trial *trial)
{
	struct shared *shared = calloc(1, sizeof *shared);
	if (!shared)
		return -ENOMEM;
	int result = begin_host(shared);
	if (result == 0) {
		result = make_channel(shared, region_of(trial), release_of(trial)->request);
		if (result < 0)
			end_host(shared);
	}
	if (result < 0)
		free(shared);
	else
		trial->own = shared;
	return result;
}

static void close_channel(struct trial *trial)
{
	struct shared *shared = trial->own;
	balloon_memfd_destroy(shared->by_channel.channel);
	end_host(shared);
	by_channel_fini(&shared->by_channel);
	free(shared);
}

static const struct releaser channel = {
	.name = "memfd",
	.kind = "channel",
	.channel = "memfd",
	.call = "fallocate",
	.open = open_channel,
	.close = close_channel,
	.inflate = by_channel_inflate,
	.deflate = by_channel_deflate,
	.cycle = by_channel_cycle,
	.check = by_channel_check,
};

const struct releaser *const memfd_releasers[] = {&raw_one_call, &raw_per_page, &channel, NULL};
