/* SPDX-License-Identifier: MIT */
/* A guest that forks: its child's copy of the channel, put in order as destructors do, leaves the parent's host
 * alone. Where the kernel cannot tell it from the parent's there is no channel. */

#define _GNU_SOURCE 1 /* fork() */

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <balloon/memfd.h>

#include "refusal.h"
#include "shared.h"

enum { PAGES = 64 };

static int failed(const char *what)
{
	fprintf(stderr, "memfd-fork: %s\n", what);
	return 1;
}

static bool tells(struct balloon_channel *channel, enum balloon_request_kind kind)
{
	struct balloon_request *request = request_new(PAGES);
	bool is_good = request_prepare_steps(request, kind, 0, 2, PAGES / 2) == 0 &&
		       balloon_request_submit(channel, request) == 0 &&
		       balloon_request_wait(channel, request, BALLOON_NEVER) == 0 &&
		       request->error == 0 && request->n_done == PAGES / 2;
	request_delete(request);
	return is_good;
}

static bool child_is_turned_away(struct balloon_channel *channel)
{
	struct balloon_request *request = request_new(PAGES);
	return request_prepare_steps(request, BALLOON_REQUEST_INFLATE, 1, 2, PAGES / 2) == 0 &&
	       balloon_request_submit(channel, request) == -ENODEV &&
	       balloon_channel_poll(channel) < 0 && balloon_channel_reset(channel) == -EBADF &&
	       balloon_memfd_destroy(channel) == 0;
}

/* As before Linux 4.14. No filter: nothing to see. */
static bool is_refused_by_old_kernels(const struct balloon_memfd_config *config)
{
	struct balloon_channel *channel = NULL;
	return !refuse_madvise(EINVAL) ||
	       (balloon_memfd_create(config, &channel) == -EINVAL && !channel);
}

static bool ends_well(pid_t child)
{
	int status;
	return child > 0 && waitpid(child, &status, 0) == child && status == 0;
}

static int check(struct balloon_channel *channel)
{
	if (!tells(channel, BALLOON_REQUEST_INFLATE))
		return failed("no answer");
	pid_t child = fork();
	if (child == 0)
		_exit(child_is_turned_away(channel) ? 0 : 1);
	if (!ends_well(child))
		return failed("the child was not turned away");
	if (!tells(channel, BALLOON_REQUEST_DEFLATE) || !tells(channel, BALLOON_REQUEST_INFLATE))
		return failed("the parent's channel has ended with its child");
	return 0;
}

int main(void)
{
	struct shared shared;
	struct ends ends;
	struct host_thread host;
	struct balloon_channel *channel;
	shared_map(&shared, PAGES);
	ends_open(&ends);
	host_thread_start(&host, &ends, 0, 0);
	const struct balloon_memfd_config config = {
		.socket_fd = ends.guest, .memfd = shared.memfd, .n_pages = PAGES};
	pid_t child = fork();
	if (child == 0)
		_exit(is_refused_by_old_kernels(&config) ? 0 : 1);
	if (!ends_well(child))
		return failed("an old kernel's word is no reason");
	if (balloon_memfd_create(&config, &channel) < 0)
		return failed("no channel");
	int result = check(channel);
	if (balloon_memfd_destroy(channel) < 0)
		result = failed("no end");
	shutdown(ends.guest, SHUT_RDWR);
	host_thread_join(&host);
	if (host.stats.n_requests != 3)
		result = failed("the host has heard of the child");
	ends_close(&ends);
	shared_unmap(&shared);
	return result;
}
