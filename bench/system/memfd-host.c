/* SPDX-License-Identifier: MIT */
/*
 * As the program balloon-memfd-host does it for any number of guests: sockets around the library.
 */
#define _GNU_SOURCE 1 /* fallocate(), F_GET_SEALS */

#include "system/memfd-host.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <balloon/memfd-host.h>

static int punch(void *context, uint64_t offset_bytes, uint64_t n_bytes)
{
	const int *memory = context;
	int mode = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
	return fallocate(*memory, mode, (off_t)offset_bytes, (off_t)n_bytes) < 0 ? -errno : 0;
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

_Noreturn void memfd_host_run(int socket)
{
	int memory = -1;
	struct balloon_memfd_host *host;
	const struct balloon_memfd_host_config config = {.punch = punch, .context = &memory};
	signal(SIGINT, SIG_IGN); /* a terminal's interrupt is the guest's affair */
	if (balloon_memfd_host_create(&config, &host) < 0)
		_exit(1);
	while (serve(host, socket, &memory))
		;
	_exit(0);
}
