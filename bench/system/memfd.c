/* SPDX-License-Identifier: MIT */
/* Shared memory: the memfd channel, whose host is another process, and raw calls on the same. */
#define _GNU_SOURCE 1 /* fallocate() */

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <balloon/memfd.h>

#include "system/memfd-host.h"
#include "system/release.h"

/* ---- System calls ---------------------------------------------------------------------------- */

static int punch(const struct region *region, struct balloon_page page, size_t n_pages)
{
	int mode = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
	off_t offset = (off_t)page.index * region->page_bytes;
	off_t n_bytes = (off_t)n_pages * region->page_bytes;
	return fallocate(region->memfd, mode, offset, n_bytes) < 0 ? -errno : 0;
}

static const struct releaser raw_one_call = {
	"raw-one-call", "raw", .call = "fallocate", .inflate = give_at_once, .give = punch};
static const struct releaser raw_per_page = {"raw-per-page", "raw", .call = "fallocate",
	.inflate = give_each, .cycle = give_some, .give = punch};

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
		memfd_host_run(sockets[1]);
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
	struct shared *shared = trial->own;
	int result = begin_host(shared);
	if (result < 0)
		return result;
	result = make_channel(shared, region_of(trial), release_of(trial)->request);
	if (result < 0)
		end_host(shared);
	return result;
}

static void close_channel(struct trial *trial)
{
	struct shared *shared = trial->own;
	balloon_memfd_destroy(shared->by_channel.channel);
	end_host(shared);
	by_channel_fini(&shared->by_channel);
}

static const struct releaser channel = {
	.name = "memfd",
	.kind = "channel",
	.channel = "memfd",
	.call = "fallocate",
	.own_bytes = sizeof(struct shared),
	.open = open_channel,
	.close = close_channel,
	.inflate = by_channel_inflate,
	.deflate = by_channel_deflate,
	.cycle = by_channel_cycle,
	.check = by_channel_check,
};

const struct releaser *const memfd_releasers[] = {&raw_one_call, &raw_per_page, &channel, NULL};
