/* SPDX-License-Identifier: MIT */
/*
 * A host process that is killed in the middle of a request: the guest learns of it before its deadline,
 * and has its memory back.
 *
 * usage: memfd-killed HOST-PROGRAM
 */

#define _GNU_SOURCE 1 /* fork(), MSG_NOSIGNAL */

#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <balloon/memfd.h>

#include "deadlines.h"
#include "shared.h"

enum { PAGES = 256, ROUNDS = 10 };

struct fixture {
	struct shared shared;
	struct ends ends;
	pid_t host;
	struct balloon_channel *channel;
};

static int failed(const char *what)
{
	fprintf(stderr, "memfd-killed: %s\n", what);
	return 1;
}

static pid_t start(const char *program, const struct ends *ends)
{
	char number[16];
	pid_t pid = fork();
	/* A group of its own: the host serves the guest in a process of its own. */
	setpgid(pid, pid);
	if (pid != 0)
		return pid;
	int fd = dup(ends->host); /* a copy stays open in the program */
	snprintf(number, sizeof(number), "%d", fd);
	/* The accounts are of no interest here. */
	if (!freopen("/dev/null", "w", stdout))
		_exit(1);
	execl(program, program, "--fd", number, (char *)NULL);
	_exit(1);
}

static int open_all(struct fixture *s, const char *program)
{
	shared_map(&s->shared, PAGES);
	ends_open(&s->ends);
	s->host = start(program, &s->ends);
	ends_close_host(&s->ends);
	struct balloon_memfd_config config = {.socket_fd = s->ends.guest,
		.memfd = s->shared.memfd,
		.n_pages = PAGES,
		.farewell_timeout_ns = 3600 * 1000 * MS};
	return s->host > 0 ? balloon_memfd_create(&config, &s->channel) : -1;
}

static int give(struct fixture *s, struct balloon_request *request, uint32_t first, uint32_t n)
{
	if (request_prepare_steps(request, BALLOON_REQUEST_INFLATE, first, 2, n) < 0)
		return -1;
	return balloon_request_submit(s->channel, request);
}

/* In two of three rounds the host is stopped first, so that it surely has the request and no answer. */
static int kill_in_request(struct fixture *s, int round)
{
	struct balloon_request *first = request_new(PAGES);
	struct balloon_request *second = request_new(PAGES);
	if (give(s, first, 0, 32) < 0 ||
		balloon_request_wait(s->channel, first, in_an_hour()) < 0 || first->n_done != 32)
		return failed("the host does not serve");
	if (shared_n_resident(&s->shared) != PAGES - 32)
		return failed("other pages were punched");
	if (round % 3)
		kill(-s->host, SIGSTOP);
	if (give(s, second, 1, 100) < 0)
		return failed("a host that is stopped can be asked");
	kill(s->host, SIGKILL);
	int result = balloon_request_wait(s->channel, second, in_an_hour());
	if (result != -ENODEV && (round % 3 || result != 0))
		return failed("a host that was killed is not gone");
	if (balloon_channel_reset(s->channel) < 0 ||
		balloon_request_state(second) != BALLOON_REQUEST_COMPLETE)
		return failed("the request is not taken back");
	if (give(s, first, 0, 1) != -ENODEV)
		return failed("a dead host takes requests");
	request_delete(first);
	request_delete(second);
	return 0;
}

static int use_memory(const struct memory *memory)
{
	for (uint32_t page = 0; page < PAGES; page++)
		memory_write(memory, page);
	for (uint32_t page = 0; page < PAGES; page++)
		if (!memory_is_kept(memory, page))
			return failed("memory is not ours again");
	return 0;
}

static int run(const char *program, int round)
{
	struct fixture s;
	int status;
	if (open_all(&s, program) < 0)
		return failed("no host");
	int result = kill_in_request(&s, round);
	kill(s.host, SIGKILL);
	waitpid(s.host, &status, 0);
	if (result == 0)
		result = use_memory(&s.shared.memory);
	if (result == 0 && balloon_memfd_destroy(s.channel) < 0)
		result = failed("no end");
	ends_close(&s.ends);
	shared_unmap(&s.shared);
	return result;
}

int main(int argc, char **argv)
{
	int result = argc == 2 ? 0 : 2;
	for (int round = 0; round < ROUNDS && result == 0; round++)
		result = run(argv[1], round);
	return result;
}
