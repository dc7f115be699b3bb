/* SPDX-License-Identifier: MIT */
/* Shared memory: the memfd channel, whose host is another process, and raw calls on the same. */
#define _GNU_SOURCE /* fallocate() */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <balloon/memfd.h>

#include "system/memfd-host.h"
#include "system/told.h"

/* ---- System calls ---------------------------------------------------------------------------- */

static int punch(const struct ground *ground, struct balloon_page page, size_t n_pages)
{
	int mode = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
	off_t offset = (off_t)page.index * ground->page_bytes;
	off_t n_bytes = (off_t)n_pages * ground->page_bytes;
	return fallocate(ground->memfd, mode, offset, n_bytes) < 0 ? -errno : 0;
}

static int one_call(struct trial *trial)
{
	return punch(ground_of(trial), balloon_page(0), ground_of(trial)->n_pages);
}

static int each(struct trial *trial, uint32_t first, uint32_t n)
{
	const struct ground *ground = ground_of(trial);
	int result = 0;
	for (uint32_t i = first; i < first + n && result == 0; i++)
		result = punch(ground, ground->order[i], 1);
	return result;
}

static int each_of_all(struct trial *trial)
{
	return each(trial, 0, ground_of(trial)->n_pages);
}

static const struct releaser raw_one_call = {
	.name = "raw-one-call",
	.call = "fallocate",
	.kind = TRIAL_RAW,
	.inflate = one_call,
};

static const struct releaser raw_per_page = {
	.name = "raw-per-page",
	.call = "fallocate",
	.kind = TRIAL_RAW,
	.inflate = each_of_all,
	.cycle = each,
};

/* ---- The channel ----------------------------------------------------------------------------- */

struct shared {
	struct told told; /* the first one: what told.h's releasers take it for */
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

static int make_channel(struct shared *shared, const struct ground *ground, uint32_t request)
{
	const struct balloon_memfd_config config = {.socket_fd = shared->socket,
		.memfd = ground->memfd,
		.page_size = ground->page_bytes,
		.n_pages = ground->n_pages};
	int result = balloon_memfd_create(&config, &shared->told.channel);
	if (result == 0 && (result = told_init(&shared->told, request)) < 0)
		balloon_memfd_destroy(shared->told.channel);
	return result;
}

static int open_channel(struct trial *trial)
{
	struct shared *shared = calloc(1, sizeof *shared);
	if (!shared)
		return -ENOMEM;
	int result = begin_host(shared);
	if (result == 0) {
		result = make_channel(shared, ground_of(trial), release_of(trial)->request);
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
	balloon_memfd_destroy(shared->told.channel);
	end_host(shared);
	told_fini(&shared->told);
	free(shared);
}

static const struct releaser channel = {
	.name = "memfd",
	.channel = "memfd",
	.call = "fallocate",
	.kind = TRIAL_CHANNEL,
	.open = open_channel,
	.close = close_channel,
	.inflate = told_inflate,
	.deflate = told_deflate,
	.cycle = told_cycle,
	.check = told_check,
};

const struct releaser *const memfd_releasers[] = {&raw_one_call, &raw_per_page, &channel, NULL};
